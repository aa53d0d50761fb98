import fc from "fast-check";
import assert from "node:assert/strict";
import { ByteWriter } from "../../../src/bytes/writer.ts";
import { readHello, writeHello } from "../../../src/lean/format/hello.ts";
import { parse, utf8 } from "../harness.ts";

Deno.test("readHello() undoes writeHello(), and accepts no truncated hello", () => {
  fc.assert(
    fc.property(
      fc.record({
        callWindowBytes: fc.integer({ min: 1_024, max: 0x7fffffff }),
        maxCalls: fc.integer({ min: 1, max: 0xffffffff }),
        encodings: fc.integer({ min: 0, max: 0xffffffff }),
        maxRoutes: fc.integer({ min: 0, max: 256 }),
        maxValueBytes: fc.integer({ min: 16_384, max: 0x7fffffff }),
      }),
      (settings) => {
        const out = new ByteWriter();
        writeHello(out, 1, "client", settings);
        const { value } = parse(out.view())[0];
        assert.deepEqual(readHello(value, 0, value.length, "client"), { ...settings });
        assert.equal(readHello(value, 0, value.length, "server"), undefined);
        for (let cut = 0; cut < value.length; cut++) {
          const read = readHello(value, 0, cut, "client");
          assert.ok(typeof read !== "object" || (cut - 6) % 5 === 0);
        }
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("readHello() says what is wrong with a hello", () => {
  const hello = (...tail: number[]) => Uint8Array.from([...utf8("vrpcC"), ...tail]);
  const settings = (count: number) => Array.from({ length: count }, () => [99, 0, 0, 0, 0]).flat();
  const read = (value: Uint8Array) => readHello(value, 0, value.length, "client");
  assert.equal(typeof read(hello(1, ...settings(32))), "object");
  // Behind the zero byte anything may follow, within the limit.
  assert.equal(typeof read(hello(1, 0, ...new Uint8Array(1_017))), "object");
  for (
    const [value, reason] of [
      [hello(1, 0, ...new Uint8Array(1_018)), /1025 bytes: limit is 1024/],
      [hello(0), /version 0/],
      [hello(1, 1, 0, 0, 8), /last setting is cut off/],
      [hello(1, ...settings(33)), /more than 32 settings/],
      [hello(1, 1, 0, 0, 0, 1), /callWindowBytes 1: must be 1024/],
      [hello(1, 4, 0, 0, 1, 1), /maxRoutes 257: must be 0 to 256/],
    ] as const
  ) {
    assert.match(read(value) as string, reason);
  }
  for (const value of [utf8(""), utf8("vrpcC"), utf8("VRPCC\u0001"), utf8("vrpcS\u0001")]) {
    assert.equal(read(value), undefined);
  }
});
