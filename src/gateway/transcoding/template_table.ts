/**
 * Finds the binding of a request, by its path in a tree of templates, then by its verb and HTTP method.
 *
 * @module
 */

import type { HttpBinding } from "./binding.ts";
import { REST } from "./path_template.ts";
import { decodeSegment, decodeSegmentOfMany } from "./percent_decoding.ts";
import { TemplateTree } from "./template_tree.ts";

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

/** Bindings of all methods. In each segment a literal is preferred to `*`, and `*` to `**`; then a verb to none. */
export class TemplateTable {
  readonly #tree = new TemplateTree<Ends>();
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
    const ends = this.#tree.add(segments, () => new Map());
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
    const hidden: HiddenBinding[] = [];
    this.#tree.eachHidden((ends, end) => {
      for (const [verb, methods] of ends) {
        for (const [httpMethod, binding] of methods) {
          const by = pick(end.get(verb), httpMethod);
          if (by !== undefined) hidden.push({ binding, by });
        }
      }
    });
    const gone = new Set(hidden.map(({ binding }) => binding));
    this.#all = this.#all.filter((binding) => !gone.has(binding));
    return hidden;
  }

  /** Finds the binding of a request; undefined for none. Throws URIError for a path that is not percent-encoded UTF-8. */
  match(httpMethod: string, path: string): TemplateMatch | undefined {
    for (const { raw, decoded, verb } of readings(path)) {
      const found = this.#tree.find(decoded, 0, (ends) => pick(ends.get(verb), httpMethod));
      if (found !== undefined) return { binding: found, values: valuesOf(found, raw) };
    }
    return undefined;
  }

  /** Returns the HTTP methods that have a binding for a path. Throws as {@link match}. */
  methodsFor(path: string): string[] {
    const all = new Set<string>();
    for (const { decoded, verb } of readings(path)) {
      this.#tree.find(decoded, 0, (ends) => {
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

// RFC 9110 §9.3.2: HEAD is GET without the content of the response.
function pick(methods: Methods | undefined, httpMethod: string): HttpBinding | undefined {
  if (methods === undefined) return undefined;
  return methods.get(httpMethod) ?? (httpMethod === "HEAD" ? methods.get("GET") : undefined) ??
    methods.get("*");
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
