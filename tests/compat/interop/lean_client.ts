/**
 * Lean client for servers of other implementations of version 1, over TLS without verification:
 *
 *     deno run -A tests/compat/interop/lean_client.ts --addr 127.0.0.1:8443 [--session]
 *
 * Calls `/echo` (one call, then 100 concurrent calls, then 1 MB) and reads `/count`, as in `lean_server.ts`. With
 * `--session` it also sends a message to `/session` and expects it back after `re: `. Prints one line per check.
 * Exits with 1 when one fails.
 *
 * @module
 */

import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { connect } from "../../../src/rpc/channel/channel.ts";

const { values } = parseArgs({
  options: {
    addr: { type: "string", default: "127.0.0.1:8443" },
    session: { type: "boolean", default: false },
  },
});
const encoder = new TextEncoder();
const decoder = new TextDecoder();

await using channel = connect(values.addr, {
  wire: "lean",
  allowVersion1: "without_deadlines",
  tls: { insecure: true },
  timeoutMs: 10_000,
});

const checks: Record<string, () => Promise<void>> = {
  async echo() {
    const reply = await channel.call("/echo", encoder.encode("hello"));
    assert.equal(decoder.decode(reply), "hello");
  },
  async echo_100_at_once() {
    const texts = Array.from({ length: 100 }, (_, i) => `message ${i}`);
    const replies = await Promise.all(texts.map((t) => channel.call("/echo", encoder.encode(t))));
    assert.deepEqual(replies.map((reply) => decoder.decode(reply)), texts);
  },
  async echo_1_mb() {
    const payload = new Uint8Array(1_000_000).map((_, i) => i);
    assert.deepEqual(await channel.call("/echo", payload), payload);
  },
  async count() {
    const chunks: number[] = [];
    for await (const chunk of channel.stream("/count", new Uint8Array())) chunks.push(...chunk);
    assert.deepEqual(chunks, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  },
};
if (values.session) {
  checks.session = async () => {
    await using session = channel.session("/session");
    await session.send(encoder.encode("hello"));
    assert.equal(decoder.decode((await session.receive())!), "re: hello");
  };
}

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAILED ${name}: ${error}`);
  }
}
if (failed > 0) Deno.exit(1);
