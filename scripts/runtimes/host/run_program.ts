/**
 * Runs a program made for Deno on Node or Bun: its path and its arguments follow.
 *
 * @module
 */

import process from "node:process";

// The program finds its path and its arguments where they are without this one.
process.argv.splice(1, 1);
const program = process.argv[1];
await import("./deno.ts");
await import("./polyfills.ts");
await import(program);
