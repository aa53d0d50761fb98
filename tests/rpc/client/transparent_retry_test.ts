import assert from "node:assert/strict";
import type { CallProgress } from "../../../src/call/wire.ts";
import { retryTransparently } from "../../../src/rpc/client/transparent_retry.ts";

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
