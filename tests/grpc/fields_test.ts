import assert from "node:assert/strict";
import { formatTimeout, parseTimeout } from "../../src/grpc/fields.ts";

Deno.test("grpc-timeout never takes more than 8 digits", () => {
  for (const ms of [100_000, 100_000_000, 100_000_000_000, 3.6e14]) {
    for (const timeoutMs of [ms * (1 - 1e-15), ms * (1 - 1e-12), ms - 0.0001, ms, ms + 0.0001]) {
      const text = formatTimeout(timeoutMs);
      const parsed = parseTimeout(text);
      assert(!Number.isNaN(parsed), `${timeoutMs} ms became ${text}`);
      assert(Math.abs(parsed - timeoutMs) <= timeoutMs / 1000, `${timeoutMs} ms became ${text}`);
    }
  }
});

Deno.test("a deadline of 100 s may lose a rounding error in grpc-timeout", () => {
  // 12345.678 + 100000 - 12345.678 is a little less than 100000.
  assert.equal(parseTimeout(formatTimeout(99_999.99999999999)), 100_000);
});
