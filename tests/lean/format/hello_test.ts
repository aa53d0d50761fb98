import fc from "fast-check";
import assert from "node:assert/strict";
import { ByteWriter } from "../../../src/bytes/writer.ts";
import { readHello, writeHello } from "../../../src/lean/format/hello.ts";
import { parse } from "../harness.ts";

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
