import assert from "node:assert/strict";
import { Metadata } from "../../src/call/metadata.ts";
import { Status } from "../../src/call/status.ts";
import { DETAILS_KEY, encodeStatusDetails } from "../../src/codec/status_details.ts";
import { connectCode, statusFromConnect } from "../../src/web/connect_codes.ts";
import {
  connectErrorJson,
  encodeConnectError,
  encodeStreamEnd,
  readConnectError,
  readStreamEnd,
} from "../../src/web/connect_error.ts";

const details = [{ typeUrl: "type.googleapis.com/a.B", value: Uint8Array.of(255, 1, 2, 3) }];
const parse = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));
const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

Deno.test("each status but OK has a name in Connect, and the name its status", () => {
  for (const code of Object.values(Status)) {
    const back = statusFromConnect(connectCode(code));
    assert.equal(back, code === Status.OK ? undefined : code);
  }
  assert.equal(connectCode(Status.CANCELLED), "canceled");
  assert.equal(statusFromConnect("constructor"), undefined);
});

Deno.test("connectErrorJson() has the details in base64 without padding, readConnectError() reads them", () => {
  const json = connectErrorJson(Status.NOT_FOUND, "gone", details);
  assert.deepEqual(json, {
    code: "not_found",
    message: "gone",
    details: [{ type: "a.B", value: "/wECAw" }],
  });
  assert.deepEqual(readConnectError(json, Status.UNKNOWN), {
    code: Status.NOT_FOUND,
    message: "gone",
    details,
  });
  assert.deepEqual(connectErrorJson(Status.INTERNAL, "", []), { code: "internal" });
});

Deno.test("encodeConnectError() takes the details from the trailer of gRPC", () => {
  const trailers = new Metadata({ [DETAILS_KEY]: encodeStatusDetails(5, "gone", details) });
  assert.deepEqual(parse(encodeConnectError(Status.NOT_FOUND, "gone", trailers)).details, [
    { type: "a.B", value: "/wECAw" },
  ]);
});

Deno.test("readConnectError() falls back for what it does not know", () => {
  assert.deepEqual(readConnectError({ code: "no_such", details: [{}, 1] }, Status.UNAVAILABLE), {
    code: Status.UNAVAILABLE,
    message: "",
    details: [],
  });
  for (const json of [null, 1, "x", []]) assert.equal(readConnectError(json, 2), undefined);
});

Deno.test("encodeStreamEnd() and readStreamEnd() carry error and trailers", () => {
  const trailers = new Metadata([["a", "1"], ["a", "2"], ["b-bin", Uint8Array.of(255)]]);
  assert.deepEqual(parse(encodeStreamEnd(Status.OK, "", trailers)), {
    metadata: { a: ["1", "2"], "b-bin": ["/w"] },
  });
  assert.deepEqual(parse(encodeStreamEnd(Status.OK, "")), {});
  const end = readStreamEnd(encodeStreamEnd(Status.ABORTED, "stop", trailers))!;
  assert.deepEqual(end.error, { code: Status.ABORTED, message: "stop", details: [] });
  assert.deepEqual([...end.trailers], [...trailers]);
});

Deno.test("readStreamEnd() refuses what is not the end of a stream", () => {
  for (const wrong of [1, [], { metadata: 1 }, { metadata: { a: 1 } }, { metadata: { a: [1] } }]) {
    assert.equal(readStreamEnd(encode(wrong)), null);
  }
  assert.equal(readStreamEnd(Uint8Array.of(0xff)), null);
  assert.equal(readStreamEnd(encode({ error: 5 })), null);
  assert.deepEqual(readStreamEnd(encode({ error: null, metadata: null }))!.error, undefined);
});

Deno.test("readStreamEnd() and readConnectError() refuse JSON that takes longer than an error has reason to", () => {
  const utf8 = (text: string) => new TextEncoder().encode(text);
  const names = (count: number) => Array.from({ length: count }, (_, i) => `"k${i}":["1"]`).join();
  assert.notEqual(readStreamEnd(utf8(`{"metadata":{${names(2_000)}}}`)), null);
  for (
    const text of [
      `{"metadata":{${names(9_000)}}}`,
      `{"zz":[${"[],".repeat(9_000)}0]}`,
      `{"metadata":{"a-bin":["${"-,".repeat(600_000)}"]}}`,
    ]
  ) assert.equal(readStreamEnd(utf8(text)), null);
  const details = (count: number) => `{"details":[${'{"type":"a","value":"-"},'.repeat(count)}{}]}`;
  assert.deepEqual(readConnectError(utf8(details(2)), Status.ABORTED)?.details, []);
  assert.equal(readConnectError(utf8(details(9_000)), Status.ABORTED), undefined);
});
