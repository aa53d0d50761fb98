import assert from "node:assert/strict";
import { contentSubtype } from "../../src/grpc/fields.ts";

Deno.test("contentSubtype() is the text after the plus", () => {
  for (
    const [contentType, subtype] of [
      ["application/grpc", ""],
      ["application/grpc;charset=utf-8", ""],
      ["application/grpc+proto", "proto"],
      ["application/grpc+Proto", "proto"],
      ["application/grpc+json; charset=utf-8", "json"],
      ["application/grpc+", ""],
    ]
  ) {
    assert.equal(contentSubtype(contentType), subtype, contentType);
  }
});
