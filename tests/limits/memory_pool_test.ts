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
