import assert from "node:assert/strict";
import {
  acquireBuffer,
  LEND_FROM_BYTES,
  lendBuffer,
  POOL_SIZES,
  releaseBuffer,
  releaseMessage,
} from "../../src/bytes/pool.ts";

Deno.test("a released buffer is used again", () => {
  const buffer = acquireBuffer(20_000);
  assert.equal(buffer.length, 32_768);
  releaseBuffer(buffer);
  assert.equal(acquireBuffer(30_000), buffer);
});

Deno.test("a lent buffer is used again once its message is released, and not before", () => {
  const first = lendBuffer(60_000);
  const message = first.subarray(10, 50_000);
  const second = lendBuffer(60_000);
  assert.notEqual(second.buffer, first.buffer);
  releaseMessage(message);
  assert.equal(lendBuffer(60_000).buffer, first.buffer);
});

Deno.test("a message is released once: its buffer is never lent twice", () => {
  const message = lendBuffer(60_000).subarray(0, 60_000);
  releaseMessage(message);
  releaseMessage(message);
  const one = lendBuffer(60_000);
  const other = lendBuffer(60_000);
  assert.notEqual(one.buffer, other.buffer);
});

Deno.test("releasing a message that was not lent does nothing", () => {
  const own = new Uint8Array(65_536);
  releaseMessage(own);
  assert.notEqual(acquireBuffer(65_536).buffer, own.buffer);
  const pooled = acquireBuffer(65_536);
  releaseMessage(pooled);
  assert.notEqual(acquireBuffer(65_536).buffer, pooled.buffer);
});

Deno.test("sizes that are not pooled are exact", () => {
  const most = POOL_SIZES[POOL_SIZES.length - 1];
  assert.equal(lendBuffer(most + 1).length, most + 1);
  assert.ok(LEND_FROM_BYTES < POOL_SIZES[0]);
});

Deno.test("a large buffer that the pool does not keep is freed at once", () => {
  const buffers = Array.from({ length: 40 }, () => acquireBuffer(65_536));
  for (const buffer of buffers) releaseBuffer(buffer);
  const kept = buffers.filter((buffer) => buffer.length > 0);
  assert.equal(kept.length, 32);
  for (let i = 0; i < 32; i++) assert.equal(acquireBuffer(65_536).length, 65_536);
  const small = Array.from({ length: 1_100 }, () => acquireBuffer(4_096));
  for (const buffer of small) releaseBuffer(buffer);
  assert.ok(small.every((buffer) => buffer.length === 4_096));
});
