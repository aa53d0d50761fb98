/**
 * Finds the binding of a request. Bindings are sorted into a tree by their segments once, so that a look-up costs no more
 * than the templates that share the beginning of the path.
 *
 * @module
 */

import type { HttpBinding } from "./binding.ts";
import { ANY, REST } from "./path_template.ts";
import { decodeSegment, decodeSegmentOfMany } from "./percent_decoding.ts";
import { insertTail, matchesTail, type Tail } from "./template_tail.ts";

/** Binding of a request, and what the variables of its path are. */
export interface TemplateMatch {
  readonly binding: HttpBinding;
  /** Decoded values in the order of the binding's variables. */
  readonly values: readonly string[];
}

/** Binding whose requests all go to another. */
export interface HiddenBinding {
  readonly binding: HttpBinding;
  readonly by: HttpBinding;
}

/** Bindings by HTTP method. */
type Methods = Map<string, HttpBinding>;
/** Bindings by verb. */
type Ends = Map<string, Methods>;

class Node {
  readonly literals = new Map<string, Node>();
  any: Node | undefined;
  /** Bindings whose template ends here. */
  readonly ends: Ends = new Map();
  /** Bindings whose template has `**` here, by what follows it; the most specific first. */
  readonly tails: Tail<Ends>[] = [];
}

/** Bindings of all methods. In each segment a literal is preferred to `*`, and `*` to `**`; then a verb to none. */
export class TemplateTable {
  readonly #root = new Node();
  #all: HttpBinding[] = [];

  /** Bindings in the order they were added. */
  get bindings(): readonly HttpBinding[] {
    return this.#all;
  }

  /**
   * Adds a binding. Returns the one that is kept in its place when there is one for the same HTTP method and the same
   * paths already.
   */
  add(binding: HttpBinding): HttpBinding | undefined {
    const { segments, verb } = binding.template;
    const rest = segments.indexOf(REST);
    let node = this.#root;
    for (const segment of rest < 0 ? segments : segments.slice(0, rest)) {
      node = childOf(node, segment);
    }
    const ends = rest < 0 ? node.ends : insertTail(node.tails, segments.slice(rest + 1), noEnds);
    let methods = ends.get(verb);
    if (methods === undefined) ends.set(verb, methods = new Map());
    const { httpMethod } = binding.rule;
    const before = methods.get(httpMethod);
    if (before !== undefined) return before;
    methods.set(httpMethod, binding);
    this.#all.push(binding);
    return undefined;
  }

  /**
   * Takes out the bindings whose requests all go to another, and returns them: those of a template with only wildcards
   * after `**`, beside one that ends with the same `**`.
   */
  removeHidden(): HiddenBinding[] {
    const hidden = hiddenBelow(this.#root);
    const gone = new Set(hidden.map(({ binding }) => binding));
    this.#all = this.#all.filter((binding) => !gone.has(binding));
    return hidden;
  }

  /** Finds the binding of a request; undefined for none. Throws URIError for a path that is not percent-encoded UTF-8. */
  match(httpMethod: string, path: string): TemplateMatch | undefined {
    for (const { raw, decoded, verb } of readings(path)) {
      const found = find(this.#root, decoded, 0, (ends) => pick(ends.get(verb), httpMethod));
      if (found !== undefined) return { binding: found, values: valuesOf(found, raw) };
    }
    return undefined;
  }

  /** Returns the HTTP methods that have a binding for a path. Throws as {@link match}. */
  methodsFor(path: string): string[] {
    const all = new Set<string>();
    for (const { decoded, verb } of readings(path)) {
      find(this.#root, decoded, 0, (ends) => {
        for (const name of ends.get(verb)?.keys() ?? []) all.add(name);
        return undefined;
      });
    }
    return [...all].sort();
  }
}

interface Reading {
  /** Segments as sent, without the verb. */
  readonly raw: readonly string[];
  readonly decoded: readonly string[];
  readonly verb: string;
}

/** Returns the ways to read a path: with what follows the last colon as a verb, and without. */
function readings(path: string): Reading[] {
  const raw = path === "/" ? [] : path.slice(1).split("/");
  const decoded = raw.map(decodeSegment);
  const whole = { raw, decoded, verb: "" };
  const last = raw.at(-1) ?? "";
  const colon = last.lastIndexOf(":");
  if (colon < 0) return [whole];
  const head = last.slice(0, colon);
  const verb = decodeSegment(last.slice(colon + 1));
  const withVerb = {
    raw: [...raw.slice(0, -1), head],
    decoded: [...decoded.slice(0, -1), decodeSegment(head)],
    verb,
  };
  return verb === "" ? [whole] : [withVerb, whole];
}

function childOf(node: Node, segment: string): Node {
  if (segment === ANY) return node.any ??= new Node();
  // Templates mark a literal with a slash.
  const literal = segment.slice(1);
  let child = node.literals.get(literal);
  if (child === undefined) node.literals.set(literal, child = new Node());
  return child;
}

// RFC 9110 §9.3.2: HEAD is GET without the content of the response.
function pick(methods: Methods | undefined, httpMethod: string): HttpBinding | undefined {
  if (methods === undefined) return undefined;
  return methods.get(httpMethod) ?? (httpMethod === "HEAD" ? methods.get("GET") : undefined) ??
    methods.get("*");
}

/** Gives `take` the ends that match, the most specific first, until it returns a binding. Recursion is as deep as templates. */
function find(
  node: Node,
  segments: readonly string[],
  at: number,
  take: (ends: Ends) => HttpBinding | undefined,
): HttpBinding | undefined {
  if (at === segments.length) return take(node.ends) ?? findTail(node.tails, segments, at, take);
  const segment = segments[at];
  const literal = node.literals.get(segment);
  const found = literal && find(literal, segments, at + 1, take);
  if (found !== undefined) return found;
  // A variable of one segment can't be empty.
  const any = segment === "" || node.any === undefined
    ? undefined
    : find(node.any, segments, at + 1, take);
  return any ?? findTail(node.tails, segments, at, take);
}

function findTail(
  tails: readonly Tail<Ends>[],
  segments: readonly string[],
  at: number,
  take: (ends: Ends) => HttpBinding | undefined,
): HttpBinding | undefined {
  for (const tail of tails) {
    const found = matchesTail(tail.segments, segments, at) ? take(tail.ends) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function noEnds(): Ends {
  return new Map();
}

/** Returns the hidden bindings of a node and those below it. Recursion is as deep as templates. */
function hiddenBelow({ literals, any, tails }: Node): HiddenBinding[] {
  const hidden = [...literals.values(), ...(any === undefined ? [] : [any])].flatMap(hiddenBelow);
  const end = tails.findIndex(({ segments }) => segments.length === 0);
  if (end < 0) return hidden;
  for (const { ends } of tails.slice(end + 1)) {
    for (const [verb, methods] of ends) {
      for (const [httpMethod, binding] of methods) {
        const by = pick(tails[end].ends.get(verb), httpMethod);
        if (by !== undefined) hidden.push({ binding, by });
      }
    }
  }
  return hidden;
}

function valuesOf({ template }: HttpBinding, raw: readonly string[]): string[] {
  const { segments, variables } = template;
  const rest = segments.indexOf(REST);
  // Index in the path of what has this index in the template: `**` may be none or several.
  const inPath = (i: number) => rest >= 0 && i > rest ? i + raw.length - segments.length : i;
  return variables.map(({ start, count }) => {
    const parts = raw.slice(inPath(start), inPath(start + count));
    if (count === 1 && start !== rest) return decodeSegment(parts[0]);
    return parts.map(decodeSegmentOfMany).join("/");
  });
}
