import assert from "node:assert/strict";
import { isBytes, plainBytes } from "../../src/bytes/is_bytes.ts";

Deno.test("a Uint8Array, or an instance of a subclass, is bytes; nothing else is", () => {
  assert.ok(isBytes(new Uint8Array(3)));
  assert.ok(isBytes(new (class extends Uint8Array {})(3)));
  const others = [undefined, null, 5, "a", [1], {}, new ArrayBuffer(3), new Int8Array(3)];
  for (const other of others) assert.ok(!isBytes(other), Deno.inspect(other));
  assert.ok(!isBytes(new Proxy(new Uint8Array(3), {})));
  assert.ok(!isBytes(Object.create(Uint8Array.prototype)));
});

Deno.test("plainBytes() keeps a Uint8Array, and sees the memory of any subclass's instance", () => {
  const plain = new Uint8Array(3);
  assert.equal(plainBytes(plain), plain);
  class Odd extends Uint8Array {
    override get length(): number {
      throw new Error("length");
    }
    override subarray(): Uint8Array<ArrayBuffer> {
      throw new Error("subarray");
    }
  }
  const odd = new Odd(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2);
  const seen = plainBytes(odd);
  assert.equal(Object.getPrototypeOf(seen), Uint8Array.prototype);
  assert.deepEqual([...seen], [2, 3]);
  odd[0] = 9;
  assert.equal(seen[0], 9);
});
