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

Deno.test("plainBytes() does not believe what an instance says of its length and its constructor", () => {
  const lengthen = (bytes: Uint8Array, length: PropertyDescriptor) =>
    Object.defineProperty(bytes, "length", length);
  const inherits = (properties: PropertyDescriptorMap) =>
    Object.setPrototypeOf(
      new Uint8Array([1, 2]),
      Object.create(Uint8Array.prototype, properties),
    ) as Uint8Array;
  const thrower = {
    get(): never {
      throw new Error("read");
    },
  };
  const cases: Record<string, Uint8Array> = {
    "longer": lengthen(new Uint8Array([1, 2]), { value: 9 }),
    "shorter": lengthen(new Uint8Array([1, 2]), { value: 1 }),
    "empty": lengthen(new Uint8Array([1, 2]), { value: 0 }),
    "negative": lengthen(new Uint8Array([1, 2]), { value: -1 }),
    "a fraction": lengthen(new Uint8Array([1, 2]), { value: 1.5 }),
    "not a number": lengthen(new Uint8Array([1, 2]), { value: "2" }),
    "a getter that throws": lengthen(new Uint8Array([1, 2]), thrower),
    "inherited length": inherits({ length: { value: 7 } }),
    "inherited getter": inherits({ length: thrower }),
    "inherited subarray": inherits({ subarray: { value: () => new Uint8Array(9) } }),
    "inherited constructor": inherits({ constructor: thrower }),
    "own subarray": Object.assign(new Uint8Array([1, 2]), { subarray: () => new Uint8Array(9) }),
  };
  for (const [name, bytes] of Object.entries(cases)) {
    const seen = plainBytes(bytes);
    assert.notEqual(seen, bytes, name);
    assert.equal(seen.length, 2, name);
    assert.deepEqual([...seen.subarray(0)], [1, 2], name);
  }
});

Deno.test("plainBytes() keeps views of shared, resizable and detached memory", () => {
  const detached = new Uint8Array(3);
  structuredClone(detached, { transfer: [detached.buffer] });
  const views = [
    new Uint8Array(0),
    new Uint8Array(new SharedArrayBuffer(4), 1, 2),
    new Uint8Array(new ArrayBuffer(4, { maxByteLength: 8 })),
    detached,
  ];
  for (const view of views) assert.equal(plainBytes(view), view);
});
