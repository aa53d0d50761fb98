import assert from "node:assert/strict";
import { isDetached } from "../../src/bytes/detach.ts";
import { HeldInput } from "../../src/http1/held_input.ts";

const part = (held: HeldInput) => [...held.bytes.subarray(held.start)];

Deno.test("bytes are copied when they are held, and advance without a copy", () => {
  const held = new HeldInput();
  const read = Uint8Array.of(1, 2, 3, 4);
  held.keep(read, 1);
  read.fill(9);
  assert.deepEqual(part(held), [2, 3, 4]);
  const { bytes } = held;
  held.keep(bytes, 2);
  assert.deepEqual(part(held), [4]);
  assert.equal(held.bytes, bytes);
});

Deno.test("appended bytes follow the held ones", () => {
  const held = new HeldInput();
  held.keep(Uint8Array.of(0, 1, 2), 1);
  for (let value = 3; value < 100; value++) held.append(Uint8Array.of(value));
  assert.deepEqual(part(held), Array.from({ length: 99 }, (_, i) => i + 1));
});

Deno.test("nothing is held once all bytes are processed", () => {
  const held = new HeldInput();
  held.keep(Uint8Array.of(1, 2), 0);
  held.keep(held.bytes, 2);
  assert.equal(held.length, 0);
  assert.equal(held.start, 0);
});

Deno.test("the memory of a read that was held is freed at once", () => {
  const held = new HeldInput();
  const read = new Uint8Array(65_536);
  held.keep(read, 100);
  const { buffer } = held.bytes;
  held.keep(held.bytes, 30_000);
  assert.equal(isDetached(buffer), false, "the rest waits");
  held.keep(held.bytes, held.length);
  assert.equal(isDetached(buffer), true);
  assert.equal(isDetached(read.buffer), false, "the driver's own buffer");
  held.keep(read, 0);
  const dropped = held.bytes.buffer;
  held.clear();
  assert.equal(isDetached(dropped), true);
});
