import assert from "node:assert/strict";
import type { CallProgress } from "../../../src/call/wire.ts";
import { retryTransparently } from "../../../src/rpc/client/transparent_retry.ts";
import { text, untext } from "../../fixtures/bytes.ts";
import { Network } from "../../fixtures/network.ts";

/** A call of which every attempt ends with `progress`; resolves to the number of restarts. */
async function restarts(progress: CallProgress): Promise<number> {
  let count = 0;
  const call = { unprocessedAttempts: 0, refused: false, restart: () => void count++ };
  while (retryTransparently(call, progress)) {
    const before: number = count;
    await Promise.resolve();
    assert.equal(count, before + 1, "restarted in the next microtask");
  }
  return count;
}

Deno.test("an unprocessed call restarts 16 times, a refused one once, a processed one never", async () => {
  assert.equal(await restarts("unprocessed"), 16);
  assert.equal(await restarts("refused"), 1);
  assert.equal(await restarts("processed"), 0);
});

Deno.test("a refusal does not use up the restarts of unprocessed attempts", () => {
  const call = { unprocessedAttempts: 0, refused: false, restart() {} };
  assert.ok(retryTransparently(call, "refused"));
  assert.ok(retryTransparently(call, "unprocessed"));
  assert.ok(!retryTransparently(call, "refused"));
  assert.ok(retryTransparently(call, "unprocessed"));
});

Deno.test("calls sent while a server drains all succeed, without a policy", async () => {
  await using network = new Network();
  const old = await network.up("a");
  const channel = network.connect("a");
  await channel.ready();
  await network.up("a");
  // The GOAWAY crosses with requests: some calls are unprocessed and start again on the new server.
  const calls = Array.from({ length: 20 }, (_, i) => channel.call("/suite/echo", text(`${i}`)));
  const drained = old.server.shutdown({ graceMs: 5_000 });
  const more = Array.from({ length: 20 }, (_, i) => channel.call("/suite/echo", text(`${i + 20}`)));
  const replies = await Promise.all([...calls, ...more]);
  assert.deepEqual(replies.map(untext), replies.map((_, i) => `${i}`));
  await drained;
  assert.equal(network.dials.length, 2);
});
