/**
 * The program `vrpc` of the npm package.
 *
 * @module
 */

import "./polyfills.ts";
import "./deno.ts";

await import("../../../cmd/cli.ts");
