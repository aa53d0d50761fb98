/**
 * The runtime of the program: Deno here; the npm package has a file in this place that exports the one of `node.ts`.
 *
 * @module
 */

export { runtime } from "./deno.ts";
export type * from "./types.ts";
