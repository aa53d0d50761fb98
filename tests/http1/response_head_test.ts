import assert from "node:assert/strict";
import { CHUNKED } from "../../src/http1/framing.ts";
import { parseResponseHead, type ResponseHead } from "../../src/http1/response_head.ts";
import { octets } from "./harness.ts";

function parse(text: string, method = "GET"): ResponseHead {
  const bytes = octets(`xx${text}\r\nyy`);
  const head = parseResponseHead(bytes, 2, bytes.length - 2, method);
  assert.ok("fields" in head, text);
  return head;
}

Deno.test("RFC 9112 §4: status lines with any reason phrase, an empty one and none", () => {
  for (const reason of [" OK", " Not Found", " ", "", " caf\xe9\t"]) {
    const head = parse(`HTTP/1.1 404${reason}\r\nA: b\r\n`);
    assert.equal(head.status, 404);
    assert.equal(head.minorVersion, 1);
    assert.deepEqual(head.fields, ["a", "b"]);
  }
  // RFC 9110 §2.5: a higher minor version is processed as 1.1.
  assert.equal(parse("HTTP/1.7 200 OK\r\n").minorVersion, 1);
  assert.equal(parse("HTTP/1.0 999 OK\r\n").minorVersion, 0);
});

Deno.test("RFC 9112 §6.3: the length of a body", () => {
  const bodyBytes = (fields: string, status = 200, method = "GET") =>
    parse(`HTTP/1.1 ${status} X\r\n${fields}`, method).bodyBytes;
  assert.equal(bodyBytes(""), Infinity);
  assert.equal(bodyBytes("Content-Length: 007\r\n"), 7);
  assert.equal(bodyBytes("Transfer-Encoding: Chunked\r\n"), CHUNKED);
  assert.equal(bodyBytes("Transfer-Encoding: chunked\r\n", 304), 0);
  assert.equal(bodyBytes("Content-Length: 7\r\n", 200, "HEAD"), 0);
  assert.equal(bodyBytes("", 204), 0);
  assert.equal(bodyBytes("", 103), 0);
});

Deno.test("the server's keep-alive timeout", () => {
  const keepAliveMs = (value: string) =>
    parse(`HTTP/1.1 200 X\r\nKeep-Alive: ${value}\r\n`).keepAliveMs;
  assert.equal(keepAliveMs("timeout=5, max=1000"), 5_000);
  assert.equal(keepAliveMs("max=1000,Timeout=60"), 60_000);
  assert.equal(keepAliveMs("timeout=0"), 0);
  for (const none of ["max=1000", "timeout=x", "timeout=-1", "xtimeout=1", "timeout=1x", ""]) {
    assert.equal(keepAliveMs(none), Infinity, none);
  }
});
