import assert from "node:assert/strict";
import {
  decodeQuery,
  decodeSegment,
  decodeSegmentOfMany,
  TooManyParameters,
} from "../../../src/gateway/transcoding/percent_decoding.ts";

Deno.test("google/api/http.proto: values of one segment are decoded whole, of several but for the slash", () => {
  assert.equal(decodeSegment("a%2Fb%20c%25+"), "a/b c%+");
  assert.equal(decodeSegmentOfMany("a%2Fb%2fc%20d%25"), "a%2Fb%2fc d%");
  assert.equal(decodeSegmentOfMany("%252F"), "%2F");
  assert.equal(decodeSegment("caf%C3%A9"), "café");
  for (const bad of ["%", "%2", "%zz", "%ff", "a%C3"]) {
    assert.throws(() => decodeSegment(bad), URIError, bad);
    assert.throws(() => decodeSegmentOfMany(bad), URIError, bad);
  }
});

Deno.test("a query is read pair by pair, with a plus as space", () => {
  assert.deepEqual(decodeQuery("a=1&b=&c&a=2&&d=x%3Dy=z&e+f=g+h%2B", 10), [
    ["a", "1"],
    ["b", ""],
    ["c", ""],
    ["a", "2"],
    ["d", "x=y=z"],
    ["e f", "g h+"],
  ]);
  assert.deepEqual(decodeQuery("", 0), []);
  assert.throws(() => decodeQuery("a=%zz", 1), URIError);
});

Deno.test("a query has at most as many parameters as the limit says", () => {
  assert.equal(decodeQuery("a&b", 2).length, 2);
  assert.throws(() => decodeQuery("a&b&c", 2), TooManyParameters);
});
