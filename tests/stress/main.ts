/**
 * Stress: many silent connections, very many open streams, and one large stream beside small calls, each
 * against the server program in a process of its own. Prints figures; exit code 1 when a limit is missed.
 *
 *     deno task stress                       all three, the streams for a minute
 *     deno task stress streams --minutes 10
 *
 * @module
 */

import { parseArgs } from "node:util";
import { bulk } from "./bulk.ts";
import type { Outcome } from "./outcome.ts";
import { silent } from "./silent.ts";
import { streams } from "./streams.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: "string", default: "1" },
    connections: { type: "string" },
    wire: { type: "string", default: "grpc" },
  },
});
const minutes = Number(values.minutes);
const connections = values.connections === undefined ? undefined : Number(values.connections);
const wire = values.wire === "lean" ? "lean" : "grpc";

const parts: Record<string, () => Promise<Outcome>> = {
  silent: () => silent(connections ?? 10_000),
  streams: () => streams(connections ?? 1_000, minutes * 60_000, wire),
  bulk: () => bulk(wire),
};
const names = positionals.length > 0 ? positionals : Object.keys(parts);
const unknown = names.find((name) => !Object.hasOwn(parts, name));
if (unknown !== undefined || !(minutes > 0) || connections !== undefined && !(connections > 0)) {
  console.error(
    "usage: deno task stress [silent|streams|bulk …] [--minutes N] [--connections N] [--wire grpc|lean]",
  );
  Deno.exit(2);
}

let failed = 0;
for (const name of names) {
  const { lines, missed } = await parts[name]();
  console.log(`${name}${name === "silent" ? "" : ` (${wire})`}`);
  for (const line of lines) console.log(`  ${line}`);
  for (const line of missed) console.log(`  MISSED ${line}`);
  failed += missed.length;
}
Deno.exit(failed === 0 ? 0 : 1);
