/** Both sides of the edges of numeric options. */

import assert from "node:assert/strict";

/** An option with its least and its most value, and whether it counts something. */
export type Edge = readonly [name: string, least: number, most: number, whole: boolean];

/** Tries the edges of each option, and what is just outside of them. */
export function tryEdges(
  edges: readonly Edge[],
  check: (option: Record<string, number>) => void,
): void {
  for (const [name, least, most, whole] of edges) {
    for (const value of [least, most]) check({ [name]: value });
    const step = whole ? 1 : 0.001;
    const outside = [least - step, NaN, -Infinity];
    if (most !== Infinity) outside.push(most + step, Infinity);
    if (whole) outside.push(least + 0.5);
    else check({ [name]: least + 0.5 });
    for (const value of outside) {
      assert.throws(() => check({ [name]: value }), {
        name: "RangeError",
        message: new RegExp(`${name} ${value}: it must be `),
      }, `${name} ${value}`);
    }
  }
}
