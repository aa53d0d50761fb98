import assert from "node:assert/strict";
import { MemoryPool, MemoryShare } from "../../../src/limits/memory_pool.ts";
import { BodyGatherer } from "../../../src/web/server/body_gatherer.ts";

const share = (limitBytes = Infinity) => new MemoryShare(new MemoryPool(limitBytes));

Deno.test("BodyGatherer joins parts, whatever length was announced", () => {
  const source = Uint8Array.from({ length: 5_000 }, (_, i) => i);
  for (const expected of [-1, 5_000, 10, 9_000]) {
    for (const partBytes of [1, 700, 5_000]) {
      const memory = share();
      const body = new BodyGatherer(5_000, memory, expected);
      for (let at = 0; at < source.length; at += partBytes) {
        assert.equal(body.add(source, at, Math.min(at + partBytes, source.length)), null);
      }
      assert.ok(memory.used >= 5_000);
      assert.deepEqual(body.take(), source);
      assert.equal(memory.used, 0);
    }
  }
});

Deno.test("BodyGatherer keeps to its limit and its memory", () => {
  const memory = share(2_000);
  const body = new BodyGatherer(10_000, memory, 10_000);
  assert.equal(body.add(new Uint8Array(10_001), 0, 10_001), "too large");
  assert.equal(body.add(new Uint8Array(100), 0, 100), null);
  assert.ok(memory.used < 1_000);
  assert.equal(body.add(new Uint8Array(3_000), 0, 3_000), "no memory");
  body.clear();
  body.clear();
  assert.equal(memory.used, 0);
});

Deno.test("BodyGatherer frees a large body that is dropped, and keeps one that was taken", () => {
  const part = new Uint8Array(100_000).fill(7);
  const dropped = new BodyGatherer(1_000_000, share(), 1_000_000);
  const taken = new BodyGatherer(200_000, share(), -1);
  const transfers: number[] = [];
  const transfer = ArrayBuffer.prototype.transfer;
  ArrayBuffer.prototype.transfer = function (size) {
    transfers.push(size!);
    return transfer.call(this, size);
  };
  try {
    dropped.add(part, 0, part.length);
    dropped.add(part, 0, part.length);
    dropped.add(part, 0, part.length);
    dropped.clear();
    assert.deepEqual(transfers, [600_000, 0]);
    taken.add(part, 0, part.length);
    taken.add(part, 0, part.length);
    assert.equal(taken.take().reduce((sum, octet) => sum + octet, 0), 7 * 200_000);
    assert.deepEqual(transfers, [600_000, 0]);
  } finally {
    ArrayBuffer.prototype.transfer = transfer;
  }
});
