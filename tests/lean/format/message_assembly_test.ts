import assert from "node:assert/strict";
import fc from "fast-check";
import { Assembly } from "../../../src/lean/format/message_assembly.ts";

Deno.test("Assembly joins pieces of any sizes in order", () => {
  const size = fc.oneof(fc.nat(20), fc.nat(1_100), fc.nat(9_000));
  fc.assert(fc.property(fc.array(fc.tuple(size, fc.boolean()), { maxLength: 60 }), (pieces) => {
    const assembly = new Assembly(false);
    const expected: number[] = [];
    let next = 0;
    for (const [count, owned] of pieces) {
      const b = Uint8Array.from({ length: count + 2 }, () => next++);
      assembly.append(b, 1, count, owned);
      expected.push(...b.subarray(1, 1 + count));
      // Buffers that are not owned are reused.
      if (!owned) b.fill(0);
    }
    assert.equal(assembly.bytes, expected.length);
    assert.deepEqual([...assembly.join()], expected);
  }));
});
