/**
 * Stress tests: silent connections, very many open streams, and one large stream beside small calls, each against
 * a new process of the server program. Prints figures. Exits with 1 when a limit is missed.
 *
 *     deno task stress                       all three, the streams for a minute
 *     deno task stress streams --minutes 10
 *
 * @module
 */

import { choice, number, readArguments, whole } from "../../../scripts/arguments.ts";
import { bulk } from "./bulk.ts";
import type { Outcome } from "./outcome.ts";
import { silent } from "./silent.ts";
import { streams } from "./streams.ts";

const USAGE = `
deno task stress [silent|streams|bulk …] [--minutes N] [--connections N] [--wire grpc|lean]

  --minutes N      how long the streams are open; default 1
  --connections N  default 10000 silent ones, 1000 with streams
  --wire WIRE      grpc or lean, of streams and bulk; default grpc
`;

const { values, names: given } = readArguments(USAGE, {
  minutes: number(1, 0.01, 100_000),
  connections: whole(undefined, 1, 1_000_000),
  wire: choice(["grpc", "lean"], "grpc"),
}, ["silent", "streams", "bulk"]);
const { minutes, connections, wire } = values;

const parts: Record<string, () => Promise<Outcome>> = {
  silent: () => silent(connections ?? 10_000),
  streams: () => streams(connections ?? 1_000, minutes * 60_000, wire),
  bulk: () => bulk(wire),
};
const names = given.length > 0 ? given : Object.keys(parts);

let failed = 0;
for (const name of names) {
  const { lines, missed } = await parts[name]();
  console.log(`${name}${name === "silent" ? "" : ` (${wire})`}`);
  for (const line of lines) console.log(`  ${line}`);
  for (const line of missed) console.log(`  MISSED ${line}`);
  failed += missed.length;
}
Deno.exit(failed === 0 ? 0 : 1);
