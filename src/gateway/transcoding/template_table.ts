/**
 * Finds the binding of a request. Bindings are sorted into a tree by their segments once, so that a look-up costs no more
 * than the templates that share the beginning of the path.
 *
 * @module
 */

import type { HttpBinding } from "./binding.ts";
import { ANY, REST } from "./path_template.ts";
import { decodeSegment, decodeSegmentOfMany } from "./percent_decoding.ts";

/** Binding of a request, and what the variables of its path are. */
export interface TemplateMatch {
  readonly binding: HttpBinding;
  /** Decoded values in the order of the binding's variables. */
  readonly values: readonly string[];
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
  /** Bindings whose template ends here with `**`. */
  readonly rests: Ends = new Map();
}

/** Bindings of all methods. In each segment a literal is preferred to `*`, and `*` to `**`; then a verb to none. */
export class TemplateTable {
  readonly #root = new Node();
  readonly #all: HttpBinding[] = [];

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
    let node = this.#root;
    let ends = node.ends;
    for (const segment of segments) {
      if (segment === REST) {
        ends = node.rests;
        break;
      }
      node = childOf(node, segment);
      ends = node.ends;
    }
    let methods = ends.get(verb);
    if (methods === undefined) ends.set(verb, methods = new Map());
    const { httpMethod } = binding.rule;
    const before = methods.get(httpMethod);
    if (before !== undefined) return before;
    methods.set(httpMethod, binding);
    this.#all.push(binding);
    return undefined;
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
  if (at === segments.length) return take(node.ends) ?? take(node.rests);
  const segment = segments[at];
  const literal = node.literals.get(segment);
  const found = literal && find(literal, segments, at + 1, take);
  if (found !== undefined) return found;
  // A variable of one segment can't be empty.
  const any = segment === "" || node.any === undefined
    ? undefined
    : find(node.any, segments, at + 1, take);
  return any ?? take(node.rests);
}

function valuesOf({ template }: HttpBinding, raw: readonly string[]): string[] {
  const { segments, variables } = template;
  return variables.map(({ start, count }) => {
    const rest = segments[start + count - 1] === REST;
    const parts = raw.slice(start, rest ? undefined : start + count);
    if (count === 1 && !rest) return decodeSegment(parts[0]);
    return parts.map(decodeSegmentOfMany).join("/");
  });
}
