import assert from "node:assert/strict";
import { MemoryPool, MemoryShare } from "../../src/limits/memory_pool.ts";

Deno.test("MemoryShare.allows() of a full pool refuses only the connection that filled it", () => {
  const pool = new MemoryPool(2000);
  const [greedy, modest] = [new MemoryShare(pool), new MemoryShare(pool)];
  assert(greedy.allows(1000));
  assert(!greedy.allows(1001));
  greedy.take(900);
  assert(!greedy.allows(200));
  assert(modest.allows(200));
  modest.take(240);
  assert(!modest.allows(20));
  assert.equal(pool.holders, 2);
  greedy.give(900);
  modest.give(240);
  assert.deepEqual([pool.used, pool.holders], [0, 0]);
});

Deno.test("MemoryShare.allows() never exceeds the limit of a pool, however many share it", () => {
  const pool = new MemoryPool(2000);
  for (let i = 0; i < 10_000; i++) {
    const share = new MemoryShare(pool);
    while (share.allows(1)) share.take(1);
    assert(pool.used <= pool.limitBytes);
  }
});

Deno.test("connections with a part of a pool fill no more of it once many hold bytes", () => {
  const pool = new MemoryPool(64_000);
  const alone = new MemoryShare(pool, 1 / 4);
  assert.equal(alone.tryTake(32_000), true, "the half that is open to each");
  alone.give(32_000);
  for (let i = 0; i < 100; i++) {
    const share = new MemoryShare(pool, 1 / 4);
    while (share.used < 3_000 && share.tryTake(100));
  }
  assert.ok(pool.used <= 16_000 && pool.used > 12_000, `${pool.used}`);
  assert.equal(new MemoryShare(pool).tryTake(16_000), true, "the rest is free for the others");
});

Deno.test("waiting messages of a connection count 256 bytes each, up to a sixteenth of the pool", () => {
  const pool = new MemoryPool(65_536);
  const share = new MemoryShare(pool);
  for (let i = 0; i < 16; i++) assert.equal(share.holdWaiting(10), true);
  assert.equal(pool.used, 16 * (256 + 10));
  assert.equal(share.holdWaiting(0), false);
  assert.equal(new MemoryShare(pool).holdWaiting(0), true, "another connection has its own part");
  share.dropWaiting(16, 160);
  assert.equal(share.used, 0);
  assert.equal(share.holdWaiting(40_000), false, "their bytes count against the pool");
  assert.equal(share.holdWaiting(0), true);
});
