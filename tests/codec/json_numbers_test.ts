import assert from "node:assert/strict";
import { findLongNumbers, JsonLimitError } from "../../src/codec/json_numbers.ts";

/** The numbers that are found. */
function found(text: string): string[] {
  const at = findLongNumbers(new TextEncoder().encode(text));
  return Array.from({ length: at.length / 2 }, (_, i) => text.slice(at[2 * i], at[2 * i + 1]));
}

Deno.test("findLongNumbers() finds numbers of more than 15 digits, and large exponents", () => {
  assert.deepEqual(found("[1,123456789012345,1234567890123456,-0.12345678901234567]"), [
    "1234567890123456",
    "-0.12345678901234567",
  ]);
  assert.deepEqual(found("[1e3,1E15,1.5e15,123e13,1e-400,1e300,1234567890123e0]"), [
    ...["1E15", "1.5e15", "123e13", "1e300"],
  ]);
  assert.deepEqual(found("9007199254740993"), ["9007199254740993"]);
});

Deno.test("findLongNumbers() leaves strings, keys, and what is no number", () => {
  for (
    const text of [
      '["1234567890123456"]',
      '["\\"1234567890123456"]',
      '["\\\\\\"1234567890123456',
      "{1234567890123456 :1}",
      "[01234567890123456]",
      "1234567890123456.",
      "--1234567890123456",
      "1234567890123456e",
      "",
      "-",
      '"',
      '"\\',
    ]
  ) assert.deepEqual(found(text), [], text);
  assert.deepEqual(found('["\\\\",1234567890123456]'), ["1234567890123456"]);
});

Deno.test("findLongNumbers() refuses what a double can't hold, and nothing less", () => {
  for (
    const text of [
      ...["1.7976931348623157e308", "1.7976931348623158e308", "17976931348623157e292"],
      ...["0e999", "0.000e999", "0.001e310", "1e-999", `1${"0".repeat(500)}e-400`, "9.99e307"],
      ...["1".repeat(309), `0.${"0".repeat(400)}1e400`, "-1.79e308"],
    ]
  ) {
    assert.ok(Number.isFinite(Number(text)));
    found(text);
    assert.equal(found(`["é",${text},1234567890123456]`).length > 0, true, text);
  }
  for (
    const text of [
      ...["1.7976931348623159e308", "1.8e308", "2e308", "-1e309", "0.1e310", "0.001e312"],
      ...["1e400", "1e99999999999", "2".repeat(309), `1${"0".repeat(309)}`, "100e307"],
    ]
  ) {
    assert.equal(Number.isFinite(Number(text)), false);
    assert.throws(() => found(`["é",${text}]`), {
      name: "RangeError",
      message: `${text.length > 40 ? `${text.slice(0, 40)}…` : text} at position 5 is out of range`,
    });
  }
});

/** JSON that counts how often its bytes are looked at. */
function counted(text: string): { json: Uint8Array; reads: () => number } {
  let reads = 0;
  const json = new Proxy(new TextEncoder().encode(text), {
    get(bytes, key) {
      if (key === "subarray") {
        return (from: number, to: number) => (reads += to - from, bytes.subarray(from, to));
      }
      if (key !== "length") reads++;
      return Reflect.get(bytes, key, bytes);
    },
  });
  return { json, reads: () => reads };
}

Deno.test("findLongNumbers() looks at each character a few times, whatever the text", () => {
  for (
    const text of [
      `[${"1,".repeat(100_000)}1234567890123456]`,
      `[${"1234567890123456,".repeat(12_000)}1]`,
      `[${"1e19,".repeat(40_000)}1]`,
      `[${"1.5e19   ,".repeat(20_000)}1]`,
      `["${'\\\\\\"'.repeat(50_000)}",1234567890123456]`,
      `["${"1e".repeat(100_000)}"]`,
      `[${'"a",'.repeat(50_000)}1]`,
      "1".repeat(300) + `.${"1".repeat(200_000)}`,
      `[${"1.7976931348623157e308,".repeat(9_000)}1]`,
      "1e-" + "9".repeat(200_000),
      `[${"[".repeat(200_000)}`,
      '"'.repeat(200_001),
      "\\".repeat(200_000),
      `${"1234567890123456".repeat(12_000)}${" ".repeat(10_000)}:`,
      "-".repeat(200_000),
      `[${"1234567890123456 ".repeat(12_000)}`,
    ]
  ) {
    const { json, reads } = counted(text);
    findLongNumbers(json);
    assert.ok(reads() <= 8 * text.length + 10, `${text.slice(0, 20)}: ${reads()} reads`);
  }
});

Deno.test("findLongNumbers() refuses structure beyond its limits, and counts none in strings", () => {
  const json = (text: string) => new TextEncoder().encode(text);
  const limits = { maxDepth: 3, maxElements: 6 };
  for (
    const text of ["[[[]]]", '{"a":{"b":[1,2,3,4,5,6,7,8]}}', '["[[[[", "{:{:{:{:", "\\"[[["]']
  ) {
    assert.equal(findLongNumbers(json(text), limits).length, 0, text);
  }
  for (
    const text of [
      "[[[[",
      "[{}, [[{}]]]",
      "[[],[],[],[],[],[]]",
      `[${"1234567890123456,".repeat(6)}1]`,
      '{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6}',
    ]
  ) {
    assert.throws(() => findLongNumbers(json(text), limits), JsonLimitError, text);
  }
});
