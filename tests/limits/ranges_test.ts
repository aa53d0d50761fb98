import assert from "node:assert/strict";
import {
  checkNames,
  checkOneOf,
  checkRange,
  checkRanges,
  measured,
  whole,
} from "../../src/limits/ranges.ts";

Deno.test("checkRange() accepts numbers in the range and names option, value and range otherwise", () => {
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

Deno.test("checkRanges() skips options that are not given, and puts the prefix before names", () => {
  const ranges = { a: whole(1), b: whole(1) };
  checkRanges({}, ranges);
  checkRanges<{ a?: number; b?: number }>({ a: undefined, b: 1 }, ranges);
  assert.throws(() => checkRanges<{ a?: number; b?: number }>({ b: 0 }, ranges, "inner."), {
    name: "RangeError",
    message: /^Cannot use inner\.b 0:/,
  });
});

Deno.test("checkOneOf() accepts the listed words only", () => {
  checkOneOf("wire", "lean", ["grpc", "lean"]);
  for (const value of ["foo", "", null, undefined, 1]) {
    assert.throws(() => checkOneOf("wire", value, ["grpc", "lean"]), { name: "TypeError" });
  }
  assert.throws(() => checkOneOf("wire", "foo", ["grpc", "lean"]), {
    message: 'Cannot use wire "foo": it must be grpc or lean',
  });
});

Deno.test("checkNames() refuses unknown names and suggests the nearest", () => {
  const known = { timeoutMs: 1, limits: 1 };
  checkNames("connect", {}, known);
  checkNames("connect", { timeoutMs: 5, tiemoutMs: undefined }, known);
  assert.throws(() => checkNames("connect", { tiemoutMs: 5 }, known), {
    name: "TypeError",
    message:
      "Cannot use option tiemoutMs: connect has no option of that name, did you mean timeoutMs?",
  });
  assert.throws(() => checkNames("connect", { unheardOf: 5 }, known), {
    name: "TypeError",
    message: "Cannot use option unheardOf: connect has no option of that name",
  });
  const elsewhere = ["timeoutMs", "limits.maxCalls"];
  assert.throws(() => checkNames("connect", { maxCalls: 5 }, known, elsewhere), {
    message: /did you mean limits\.maxCalls\?$/,
  });
  for (const options of [null, true, "fast", []]) {
    assert.throws(() => checkNames("limits", options as object, known), {
      name: "TypeError",
      message: /^Cannot use limits .*: it must be an object$/,
    });
  }
  // Names that every object inherits are unknown as well.
  assert.throws(() => checkNames("connect", { toString: 1 }, known), { name: "TypeError" });
});
