import assert from "node:assert/strict";
import { connect } from "../../mod.ts";
import { forwardedMetadata } from "../../src/gateway/forwarded_metadata.ts";
import { Gateway } from "../../src/gateway/mod.ts";

Deno.test("the fields that are named go along as metadata, and no others", () => {
  const headers = new Headers({
    authorization: "Bearer x",
    cookie: "a=b",
    "x-request-id": "1",
    "trace-bin": "AQI=",
    "broken-bin": "*",
    "x-latin": "é",
  });
  assert.deepEqual(forwardedMetadata(headers, []), { "x-request-id": "1" });
  const names = ["authorization", "trace-bin", "broken-bin", "x-latin", "absent"];
  assert.deepEqual(forwardedMetadata(headers, names), {
    "x-request-id": "1",
    authorization: "Bearer x",
    "trace-bin": new Uint8Array([1, 2]),
  });
  assert.equal(forwardedMetadata(new Headers(), names), undefined);
});

Deno.test("names that metadata can't have are refused", async () => {
  await using channel = connect("127.0.0.1:1");
  for (const name of ["a b", "", ":path"]) {
    assert.throws(() => new Gateway(channel, { forwardHeaders: [name] }), TypeError, name);
  }
});
