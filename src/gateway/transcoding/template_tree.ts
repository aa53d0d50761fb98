/**
 * Path templates as a tree of their segments, so that the cost of a look-up depends on the templates that match the path in
 * part, not on all.
 *
 * @module
 */

import { ANY, REST } from "./path_template.ts";

/** Templates that share their first segments; each may have a value. */
export class TemplateTree<T> {
  readonly #literals = new Map<string, TemplateTree<T>>();
  #any: TemplateTree<T> | undefined;
  /** Value of the template that ends here. */
  #value: T | undefined;
  /** Templates that have `**` here, the most specific first. */
  readonly #tails: Tail<T>[] = [];

  /** Returns the value of the template with these segments; makes it unless it is there. */
  add(segments: readonly string[], make: () => T): T {
    const rest = segments.indexOf(REST);
    if (rest < 0) return this.#below(segments).#value ??= make();
    const after = segments.slice(rest + 1);
    const tail = tailFor(this.#below(segments.slice(0, rest)).#tails, after);
    return tail.tree.#below(after).#value ??= make();
  }

  /**
   * Gives `take` the values of the templates that match the segments of a path from `at` on, the most specific first, until
   * it returns something. In each segment a literal is preferred to `*`, and `*` to `**`. Visits no node of the tree twice;
   * recursion is as deep as templates.
   */
  find<R>(
    segments: readonly string[],
    at: number,
    take: (value: T) => R | undefined,
  ): R | undefined {
    if (at === segments.length) {
      const found = this.#value === undefined ? undefined : take(this.#value);
      return found ?? this.#findTail(segments, at, take);
    }
    const segment = segments[at];
    const found = this.#literals.get(segment)?.find(segments, at + 1, take);
    if (found !== undefined) return found;
    // A variable of one segment can't be empty.
    const any = segment === "" ? undefined : this.#any?.find(segments, at + 1, take);
    return any ?? this.#findTail(segments, at, take);
  }

  #findTail<R>(
    segments: readonly string[],
    at: number,
    take: (value: T) => R | undefined,
  ): R | undefined {
    for (const { length, tree } of this.#tails) {
      const from = segments.length - length;
      const found = from < at ? undefined : tree.find(segments, from, take);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /**
   * Gives `take` the values of each two templates with the same segments as far as `**`, then only wildcards (`hidden`)
   * or nothing (`by`): the latter match all paths of the former. Recursion is as deep as templates.
   */
  eachHidden(take: (hidden: T, by: T) => void): void {
    for (const child of this.#literals.values()) child.eachHidden(take);
    this.#any?.eachHidden(take);
    const end = this.#tails.find(({ rank }) => rank === Rank.END);
    if (end === undefined) return;
    for (const { rank, length, tree } of this.#tails) {
      const wildcards = new Array<string>(length).fill(ANY);
      if (rank === Rank.WILDCARDS) {
        take(tree.#below(wildcards).#value!, end.tree.#value!);
      }
    }
  }

  /** Returns the node below this one at `segments`, without `**`; makes it unless it is there. */
  #below(segments: readonly string[]): TemplateTree<T> {
    return segments.reduce((node: TemplateTree<T>, segment) => node.#child(segment), this);
  }

  #child(segment: string): TemplateTree<T> {
    if (segment === ANY) return this.#any ??= new TemplateTree();
    // Templates mark a literal with a slash.
    const literal = segment.slice(1);
    let child = this.#literals.get(literal);
    if (child === undefined) this.#literals.set(literal, child = new TemplateTree());
    return child;
  }
}

/** Order in which the segments after `**` are tried. */
enum Rank {
  /** At least one literal. */
  LITERAL,
  /** No segments. */
  END,
  /** Wildcards alone: the end of the template would never come after them. */
  WILDCARDS,
}

/** Templates with the same rank and number of segments after `**`. A template has at most 64 segments, so tails are few. */
interface Tail<T> {
  readonly rank: Rank;
  readonly length: number;
  readonly tree: TemplateTree<T>;
}

/** Returns the tail for these segments; inserts it unless it is there. Within a rank, longer ones come first. */
function tailFor<T>(tails: Tail<T>[], segments: readonly string[]): Tail<T> {
  const { length } = segments;
  const rank = rankOf(segments);
  const index = tails.findIndex((tail) => (tail.rank - rank || length - tail.length) >= 0);
  const at = index < 0 ? tails.length : index;
  if (tails[at]?.rank === rank && tails[at].length === length) return tails[at];
  const tail = { rank, length, tree: new TemplateTree<T>() };
  tails.splice(at, 0, tail);
  return tail;
}

function rankOf(segments: readonly string[]): Rank {
  if (segments.length === 0) return Rank.END;
  return segments.every((segment) => segment === ANY) ? Rank.WILDCARDS : Rank.LITERAL;
}
