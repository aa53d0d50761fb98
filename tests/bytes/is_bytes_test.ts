import assert from "node:assert/strict";
import { isBytes } from "../../src/bytes/is_bytes.ts";

Deno.test("a Uint8Array, or an instance of a subclass, is bytes; nothing else is", () => {
  assert.ok(isBytes(new Uint8Array(3)));
  assert.ok(isBytes(new (class extends Uint8Array {})(3)));
  const others = [undefined, null, 5, "a", [1], {}, new ArrayBuffer(3), new Int8Array(3)];
  for (const other of others) assert.ok(!isBytes(other), Deno.inspect(other));
  assert.ok(!isBytes(new Proxy(new Uint8Array(3), {})));
  assert.ok(!isBytes(Object.create(Uint8Array.prototype)));
});
