import assert from "node:assert/strict";
import {
  LARGE_READ_BYTES,
  ReadBuffer,
  SMALL_READ_BYTES,
} from "../../../src/rpc/core/read_buffer.ts";

Deno.test("ReadBuffer starts small, and grows once a read fills it", () => {
  const buffer = new ReadBuffer();
  assert.equal(buffer.bytes.length, SMALL_READ_BYTES);
  buffer.adjust(SMALL_READ_BYTES - 1);
  assert.equal(buffer.bytes.length, SMALL_READ_BYTES);
  buffer.adjust(SMALL_READ_BYTES);
  assert.equal(buffer.bytes.length, LARGE_READ_BYTES);
  buffer.adjust(LARGE_READ_BYTES);
  assert.equal(buffer.bytes.length, LARGE_READ_BYTES);
  buffer.release();
});

Deno.test("ReadBuffer returns to the small size after 16 short reads in a row", () => {
  const buffer = new ReadBuffer();
  buffer.adjust(SMALL_READ_BYTES);
  const short = (count: number) => {
    for (let i = 0; i < count; i++) {
      assert.equal(buffer.bytes.length, LARGE_READ_BYTES);
      buffer.adjust(100);
    }
  };
  short(15);
  buffer.adjust(SMALL_READ_BYTES);
  short(16);
  buffer.adjust(100);
  assert.equal(buffer.bytes.length, SMALL_READ_BYTES);
  buffer.release();
});

Deno.test("busy connections share large buffers: one that is returned is used by the next", () => {
  const first = new ReadBuffer();
  first.adjust(SMALL_READ_BYTES);
  const { bytes } = first;
  first.release();
  const second = new ReadBuffer();
  second.adjust(SMALL_READ_BYTES);
  assert.equal(second.bytes, bytes);
  second.release();
});

Deno.test("ReadBuffer takes 16 KiB for what is dropped, whatever it had", () => {
  for (const grown of [false, true]) {
    const buffer = new ReadBuffer();
    if (grown) buffer.adjust(SMALL_READ_BYTES);
    buffer.discard();
    assert.equal(buffer.bytes.length, 16_384);
    const { bytes } = buffer;
    buffer.discard();
    assert.equal(buffer.bytes, bytes);
    buffer.release();
  }
});

Deno.test("beyond 64 busy connections, further ones grow to 16 KiB until a large buffer is returned", () => {
  const buffers = Array.from({ length: 66 }, () => new ReadBuffer());
  for (const buffer of buffers) buffer.adjust(SMALL_READ_BYTES);
  const sizes = buffers.map(({ bytes }) => bytes.length);
  assert.deepEqual(sizes.slice(0, 64), new Array(64).fill(LARGE_READ_BYTES));
  assert.deepEqual(sizes.slice(64), [16_384, 16_384]);
  buffers[65].adjust(16_384);
  assert.equal(buffers[65].bytes.length, 16_384);
  buffers[0].release();
  buffers[65].adjust(16_384);
  assert.equal(buffers[65].bytes.length, LARGE_READ_BYTES);
  buffers[1].discard();
  buffers[64].adjust(16_384);
  assert.equal(buffers[64].bytes.length, LARGE_READ_BYTES);
  for (const buffer of buffers.slice(1)) buffer.release();
});
