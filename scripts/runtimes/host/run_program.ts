/**
 * Runs a program made for Deno on Node or Bun: its path and its arguments follow.
 *
 * @module
 */

import process from "node:process";

// The program finds its arguments where they are without this one.
const [program] = process.argv.splice(2, 1);
await import("./deno.ts");
await import("./polyfills.ts");
await import(program);
