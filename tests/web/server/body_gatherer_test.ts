import assert from "node:assert/strict";
import { acquireBuffer, releaseBuffer } from "../../../src/bytes/pool.ts";
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

Deno.test("BodyGatherer joins the blocks of a large body", () => {
  const source = Uint8Array.from({ length: 300_000 }, (_, i) => i * 7 >> 3);
  for (const expected of [-1, 300_000, 65_536, 65_537, 131_072, 400_000]) {
    for (const partBytes of [700, 16_384, 65_536, 65_537, 299_999]) {
      const memory = share();
      const body = new BodyGatherer(300_000, memory, expected);
      let most = 0;
      for (let at = 0; at < source.length; at += partBytes) {
        assert.equal(body.add(source, at, Math.min(at + partBytes, source.length)), null);
        most = Math.max(most, memory.used);
      }
      assert.ok(most >= 300_000 && most < 300_000 + 131_072, `${most} counted`);
      assert.equal(body.add(source, 0, 1), "too large");
      assert.deepEqual(body.take(), source);
      assert.equal(memory.used, 0);
    }
  }
});

Deno.test("BodyGatherer returns the blocks of a body that is dropped or was joined", () => {
  const part = new Uint8Array(100_000).fill(7);
  const dropped = new BodyGatherer(1_000_000, share(), 1_000_000);
  const joined = new BodyGatherer(200_000, share(), -1);
  for (let i = 0; i < 3; i++) dropped.add(part, 0, part.length);
  dropped.clear();
  const buffers = Array.from({ length: 5 }, () => acquireBuffer(65_536));
  assert.ok(buffers.every((buffer) => buffer[0] === 7));
  buffers.forEach(releaseBuffer);
  joined.add(part, 0, part.length);
  joined.add(part, 0, part.length);
  const taken = joined.take();
  Array.from({ length: 5 }, () => acquireBuffer(65_536).fill(0));
  assert.equal(taken.reduce((sum, octet) => sum + octet, 0), 7 * 200_000);
});

Deno.test("BodyGatherer does not give a part of a slab to the pool of buffers", () => {
  const body = new BodyGatherer(4_096, share(), 4_096);
  body.add(new Uint8Array(4_096).fill(9), 0, 4_096);
  body.clear();
  const buffer = acquireBuffer(4_096);
  assert.equal(buffer.byteLength, buffer.buffer.byteLength);
  releaseBuffer(buffer);
});

Deno.test("BodyGatherer keeps to its memory when it adds blocks", () => {
  const memory = share(262_144);
  const body = new BodyGatherer(1_000_000, memory, 1_000_000);
  const part = new Uint8Array(50_000);
  let fault = null;
  while (fault === null) fault = body.add(part, 0, part.length);
  assert.equal(fault, "no memory");
  assert.ok(memory.used <= 262_144);
  body.clear();
  assert.equal(memory.used, 0);
});
