/**
 * Runs tests with the oldest supported version of Deno, by its own `deno task test`. The last line is "N passed, N
 * failed, N skipped".
 *
 *     deno task test:oldest [PATH…]
 *
 * @module
 */

import { readArguments } from "./arguments.ts";
import { fetchDeno, OLDEST_DENO } from "./wheels.ts";

/** Engines, codecs, and calls of every kind on every wire and transport. */
const PATHS = [
  ...["bytes", "call", "calls", "codec", "grpc", "hpack", "http1", "http2", "lean", "limits"],
  ...["protobuf", "web", "websocket"],
].map((room) => `tests/${room}`);
const USAGE = `
deno task test:oldest [PATH …]

  PATH   tests to run with Deno ${OLDEST_DENO}; default those of
         ${PATHS.join(" ")}
`;

const { names } = readArguments(USAGE, {}, "any");
let deno: string;
try {
  deno = await fetchDeno(OLDEST_DENO);
} catch (error) {
  const reason = error instanceof Error ? error.message : error;
  console.log(`skipped: ${reason}\n0 passed, 0 failed, 1 skipped`);
  Deno.exit(0);
}
console.log(`Deno ${OLDEST_DENO}: ${deno}`);
const args = ["task", "--quiet", "test", ...names.length > 0 ? names : PATHS];
const cwd = new URL("..", import.meta.url).pathname;
const { code } = await new Deno.Command(deno, { args, cwd }).spawn().status;
Deno.exit(code);
