import assert from "node:assert/strict";
import { create, fromJson, toJson } from "@bufbuild/protobuf";
import { DurationSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import {
  formatDuration,
  formatFieldMask,
  formatTimestamp,
  parseDuration,
  parseFieldMask,
  parseTimestamp,
} from "../../../src/protobuf/json/time.ts";

const nanosOf = fc.oneof(fc.nat(999_999_999), fc.constantFrom(0, 1, 500_000_000, 999_000, 1_000));

Deno.test("formatTimestamp() and parseTimestamp() agree with protobuf-es for every second of ten thousand years", () => {
  const seconds = fc.oneof(
    fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }),
    fc.constantFrom(-62_135_596_800, -1, 0, 951_782_399, 951_782_400, 253_402_300_799),
  );
  fc.assert(
    fc.property(seconds, nanosOf, (seconds, nanos) => {
      const message = create(TimestampSchema, { seconds: BigInt(seconds), nanos });
      const text = toJson(TimestampSchema, message) as string;
      assert.equal(formatTimestamp(seconds, nanos), text);
      assert.deepEqual(parseTimestamp(text), { seconds, nanos });
    }),
    { numRuns: 2000 },
  );
});

Deno.test("parseTimestamp() reads offsets, and refuses what RFC 3339 and the years 1 to 9999 exclude", () => {
  const at = (text: string) => parseTimestamp(text)?.seconds;
  assert.equal(at("1970-01-01T01:00:00+01:00"), 0);
  assert.equal(at("1969-12-31T15:30:00-08:30"), 0);
  assert.equal(at("2000-02-29T00:00:00Z"), 951_782_400);
  for (
    const text of [
      ...[
        "1970-01-01t00:00:00Z",
        "1970-01-01T00:00:00z",
        "1970-01-01T00:00:00",
        "1970-1-01T00:00:00Z",
      ],
      ...[
        "2001-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "1970-13-01T00:00:00Z",
        "1970-00-01T00:00:00Z",
      ],
      ...[
        "1970-04-31T00:00:00Z",
        "1970-01-01T24:00:00Z",
        "1970-01-01T00:60:00Z",
        "1970-01-01T00:00:60Z",
      ],
      ...["0000-12-31T23:59:59Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"],
      ...["1970-01-01T00:00:00.Z", "1970-01-01T00:00:00.0000000001Z", "1970-01-01T00:00:00+24:00"],
    ]
  ) assert.equal(parseTimestamp(text), undefined, text);
  assert.equal(formatTimestamp(-62_135_596_801, 0), undefined);
  assert.equal(formatTimestamp(253_402_300_800, 0), undefined);
  assert.equal(formatTimestamp(0, -1), undefined);
  assert.equal(formatTimestamp(0, 1_000_000_000), undefined);
});

Deno.test("formatDuration() and parseDuration() agree with protobuf-es", () => {
  const seconds = fc.integer({ min: 0, max: 315_576_000_000 });
  fc.assert(
    fc.property(seconds, nanosOf, fc.boolean(), (seconds, nanos, negative) => {
      const sign = negative ? -1 : 1;
      const parts = { seconds: 0 + sign * seconds, nanos: 0 + sign * nanos };
      const message = create(DurationSchema, {
        seconds: BigInt(parts.seconds),
        nanos: parts.nanos,
      });
      const text = toJson(DurationSchema, message) as string;
      assert.equal(formatDuration(parts.seconds, parts.nanos), text);
      const expected = fromJson(DurationSchema, text);
      assert.equal(BigInt(parseDuration(text)!.seconds), expected.seconds);
      assert.equal(parseDuration(text)!.nanos, 0 + expected.nanos);
    }),
    { numRuns: 1000 },
  );
  for (const text of ["1", "1.s", ".5s", "1.0000000001s", "1s ", "1sx", "+1s", "315576000001s"]) {
    assert.equal(parseDuration(text), undefined, text);
  }
  assert.equal(formatDuration(1, -1), undefined);
  assert.equal(formatDuration(-1, 1), undefined);
  assert.equal(formatDuration(315_576_000_001, 0), undefined);
});

Deno.test("formatFieldMask() refuses paths that would be read as others", () => {
  assert.equal(formatFieldMask(["foo_bar.baz", "a"]), "fooBar.baz,a");
  assert.deepEqual(parseFieldMask("fooBar.baz,a"), ["foo_bar.baz", "a"]);
  assert.deepEqual(parseFieldMask(""), []);
  assert.equal(parseFieldMask("foo_bar"), undefined);
  for (const path of ["fooBar", "foo__bar", "foo_3", "foo_"]) {
    assert.equal(formatFieldMask([path]), undefined, path);
  }
});
