import assert from "node:assert/strict";
import { checkOneOf, checkRange, checkRanges, measured, whole } from "../../src/limits/ranges.ts";

Deno.test("numbers are in their range or refused, with name, value and range", () => {
  const cases = [
    [whole(2, 5), [2, 3, 5], [1, 6, 2.5, NaN, Infinity, -Infinity, "3", null, true]],
    [whole(0, Infinity), [0, 7, 2 ** 40, Infinity], [-1, 0.5, NaN, -Infinity]],
    [measured(1), [1, 1.5, Infinity], [0, 0.999, -1, NaN]],
    [measured(0, 10), [0, 0.001, 10], [-0.001, 10.001, Infinity, NaN, 5n]],
  ] as const;
  for (const [range, good, bad] of cases) {
    for (const value of good) checkRange("some", value, range);
    for (const value of bad) {
      assert.throws(() => checkRange("some", value, range), { name: "RangeError" }, `${value}`);
    }
  }
  assert.throws(() => checkRange("someMs", NaN, measured(1)), {
    message: "Cannot use someMs NaN: it must be 1 or more",
  });
  assert.throws(() => checkRange("some", 2.5, whole(1, 9)), {
    message: "Cannot use some 2.5: it must be a whole number, 1 to 9",
  });
  assert.throws(() => checkRange("some", "3", whole(1, 9)), /Cannot use some "3":/);
});

Deno.test("options that are not given are not checked; the prefix says where the others are", () => {
  const ranges = { a: whole(1), b: whole(1) };
  checkRanges({}, ranges);
  checkRanges<{ a?: number; b?: number }>({ a: undefined, b: 1 }, ranges);
  assert.throws(() => checkRanges<{ a?: number; b?: number }>({ b: 0 }, ranges, "inner."), {
    name: "RangeError",
    message: /^Cannot use inner\.b 0:/,
  });
});

Deno.test("words are of those that are known", () => {
  checkOneOf("wire", "lean", ["grpc", "lean"]);
  for (const value of ["foo", "", null, undefined, 1]) {
    assert.throws(() => checkOneOf("wire", value, ["grpc", "lean"]), { name: "TypeError" });
  }
  assert.throws(() => checkOneOf("wire", "foo", ["grpc", "lean"]), {
    message: 'Cannot use wire "foo": it must be grpc or lean',
  });
});
