import assert from "node:assert/strict";
import { MemoryPool, MemoryShare } from "../../src/bytes/memory_pool.ts";

Deno.test("MemoryShare.allows() lets a full pool starve only who filled it", () => {
  const pool = new MemoryPool(1000);
  const [greedy, modest] = [new MemoryShare(pool), new MemoryShare(pool)];
  assert(greedy.allows(1000));
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
