/**
 * Names of a cluster's priorities, which keep their balancers while localities move between them.
 *
 * @module
 */

/** Gives names to priorities: a priority keeps the name that one of its localities had before, if no other has it. */
export class PriorityNames {
  #byLocality = new Map<string, string>();
  #last: string[] = [];
  #nextId = 0;

  /** Returns the names for priorities, each a list of localities. */
  next(priorities: readonly (readonly string[])[]): string[] {
    const used = new Set<string>();
    const names: (string | undefined)[] = priorities.map((localities, i) => {
      const same = this.#last[i];
      if (same === undefined || !localities.some((one) => this.#byLocality.get(one) === same)) {
        return undefined;
      }
      used.add(same);
      return same;
    });
    const all = priorities.map((localities, i) => {
      const known = names[i] ?? localities.map((one) => this.#byLocality.get(one))
        .find((name) => name !== undefined && !used.has(name)) ??
        `priority-${this.#nextId++}`;
      used.add(known);
      return known;
    });
    this.#byLocality = new Map(
      priorities.flatMap((localities, i) => localities.map((one) => [one, all[i]] as const)),
    );
    this.#last = all;
    return all;
  }
}
