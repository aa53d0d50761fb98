import assert from "node:assert/strict";
import { looksLikeTls, recognize } from "../../../src/rpc/server/protocol_sniffer.ts";
import { text } from "../../fixtures/bytes.ts";

Deno.test("recognize() detects each protocol, and none before its first bytes are complete", () => {
  const cases: [string, Uint8Array, number][] = [
    ["grpc", text("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 24],
    ["lean", new Uint8Array([1, ...new Array(20).fill(0)]), 16],
    ["http1", text("GET / HTTP/1.1\r\n\r\n"), 4],
    ["http1", text("POST / HTTP/1.1\r\n"), 5],
    ["http1", text("PUT / HTTP/1.1\r\n"), 4],
    ["http1", text("OPTIONS * HTTP/1.1\r\n"), 8],
    ["http1", text("GET\t/ HTTP/1.1\r\n"), 4],
    ["http1", text("GET\r/ HTTP/1.1\r\n"), 4],
    ["http1", text("GET\n"), 4],
    ["http1", text("get / HTTP/1.1\r\n"), 4],
    ["unknown", text("M-SEARCH * HTTP/1.1\r\n"), 1],
    ["unknown", text("INVALID CONNECTION PREFACE\r\n\r\n"), 1],
    ["http1", text("GET/ HTTP/1.1\r\n"), 4],
    ["http1", text("\r\nGET / HTTP/1.1\r\n"), 1],
    ["http1", text(" GET / HTTP/1.1\r\n"), 1],
    ["unknown", text("GETS / HTTP/1.1\r\n"), 4],
    ["unknown", text("GE\r\n"), 3],
    ["unknown", text("GET\0/ HTTP/1.1\r\n"), 4],
    ["unknown", text("GET\xff"), 4],
    ["unknown", text("PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n"), 14],
    ["unknown", new Uint8Array([0x16, 3, 1, 0]), 1],
    ["unknown", new Uint8Array([0]), 1],
    ["unknown", new Uint8Array([255]), 1],
  ];
  for (const [wire, bytes, sureAt] of cases) {
    for (let length = 0; length <= bytes.length; length++) {
      const expected = length < sureAt ? undefined : wire;
      assert.equal(recognize(bytes.subarray(0, length)), expected, `${wire} at ${length}`);
    }
  }
});

Deno.test("looksLikeTls() detects a ClientHello", () => {
  assert.equal(looksLikeTls(new Uint8Array([0x16, 3, 1])), true);
  assert.equal(looksLikeTls(new Uint8Array([0x16])), false);
  assert.equal(looksLikeTls(text("GET ")), false);
});
