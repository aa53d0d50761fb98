import assert from "node:assert/strict";
import { holdsCall, readQuery } from "../../../src/web/server/query_request.ts";

Deno.test("holdsCall() tells calls from other queries", () => {
  assert.equal(holdsCall("a=1&message="), true);
  assert.equal(holdsCall("connect=v1"), true);
  assert.equal(holdsCall("xmessage=1"), false);
  assert.equal(holdsCall(""), false);
});

Deno.test("readQuery() decodes escapes to octets and base64url with or without padding", () => {
  const read = (query: string) => {
    const found = readQuery(query);
    return "message" in found && "format" in found ? [...found.message] : found;
  };
  assert.deepEqual(read("encoding=proto&message=a%FFb"), [97, 255, 98]);
  assert.deepEqual(read("encoding=json&message=a+b%2Bc"), [97, 32, 98, 43, 99]);
  assert.deepEqual(read("base64=1&encoding=proto&message=_-8"), [255, 239]);
  assert.deepEqual(read("base64=1&encoding=proto&message=_-8%3D"), [255, 239]);
  // The first of several, as URLSearchParams.get() returns it.
  assert.deepEqual(read("encoding=proto&message=a&message=b&encoding=json"), [97]);
  assert.deepEqual(readQuery("encoding=JSON&message=&compression=gzip&connect=v1"), {
    format: "json",
    message: new Uint8Array(),
    compression: "gzip",
    version: "1",
  });
});

Deno.test("readQuery() says what is wrong", () => {
  const wrong = (query: string) => (readQuery(query) as { message: string }).message;
  assert.equal(wrong("message="), "The query has no encoding");
  assert.equal(wrong("encoding=json"), "The query has no message");
  assert.equal(wrong("encoding=json&message=%2"), "The message has an invalid escape");
  assert.equal(wrong("encoding=json&base64=1&message=%2B%2B%2B"), "The message is not base64url");
});
