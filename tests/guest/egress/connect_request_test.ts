import assert from "node:assert/strict";
import { EgressRefusal, readConnectRequest } from "../../../src/guest/egress/connect_request.ts";
import { memoryPair } from "../../../src/transport/memory.ts";

const utf8 = new TextEncoder();
const CONNECT = "CONNECT kms.example:443 HTTP/1.1\r\nHost: kms.example:443\r\n";

/** Reads a request that arrives in pieces of `step` bytes, after which the stream ends. */
async function read(text: string, step = Infinity) {
  const [near, far] = memoryPair();
  const bytes = utf8.encode(text);
  const written = (async () => {
    for (let at = 0; at < bytes.length;) {
      at += await far.write(bytes.subarray(at, Math.min(bytes.length, at + step)));
    }
    await far.closeWrite();
  })().catch(() => {});
  try {
    return await readConnectRequest(near);
  } finally {
    near.close();
    await written;
    far.close();
  }
}

Deno.test("a request is read in pieces of any size, and what follows it is kept", async () => {
  for (const step of [1, 7, Infinity]) {
    const request = await read(`${CONNECT}user-agent: x\r\n\r\nrest`, step);
    assert.equal(request?.host, "kms.example");
    assert.equal(request.port, 443);
    assert.ok("rest".startsWith(new TextDecoder().decode(request.rest)));
  }
  assert.deepEqual((await read("CONNECT [::1]:80 HTTP/1.0\r\n\r\n"))?.host, "::1");
  assert.equal(await read(""), undefined);
});

Deno.test("what is no CONNECT request is refused with its status", async () => {
  const wrong: readonly (readonly [string, number, RegExp])[] = [
    ["GET / HTTP/1.1\r\nhost: a\r\n\r\n", 405, /send CONNECT host:port/],
    ["GET https://kms.example/ HTTP/1.1\r\nhost: kms.example\r\n\r\n", 405, /CONNECT/],
    ["CONNECT kms.example HTTP/1.1\r\nhost: a\r\n\r\n", 400, /host:port/],
    ["CONNECT kms.example:0 HTTP/1.1\r\nhost: a\r\n\r\n", 400, /host:port/],
    ["CONNECT kms.example:99999 HTTP/1.1\r\nhost: a\r\n\r\n", 400, /host:port/],
    ["CONNECT a@kms.example:443 HTTP/1.1\r\nhost: a\r\n\r\n", 400, /host:port/],
    ["CONNECT kms.example:443 HTTP/1.1\r\n\r\n", 400, /Host/],
    [`${CONNECT}host: b\r\n\r\n`, 400, /Host/],
    [`${CONNECT}content-length: 3\r\n\r\n`, 400, /no body/],
    [`${CONNECT}transfer-encoding: chunked\r\n\r\n`, 400, /no body/],
    [`${CONNECT}a b: c\r\n\r\n`, 400, /field name/],
    ["CONNECT kms.example:443 HTTP/2.0\r\nhost: a\r\n\r\n", 400, /request line/],
    ["CONNECT kms.example:443 HTTP/1.1\nhost: a\n\n", 400, /without CR/],
    [CONNECT, 400, /incomplete/],
    [`CONNECT ${"a".repeat(2_000)}:443 HTTP/1.1\r\n`, 414, /too long/],
    [`${CONNECT}a: ${"b".repeat(7_000)}\r\n\r\n`, 431, /too long/],
    ["\x16\x03\x01\x02\x00\x01", 400, /incomplete/],
  ];
  for (const [text, status, message] of wrong) {
    await assert.rejects(read(text), (error) => {
      assert.ok(error instanceof EgressRefusal, text);
      assert.equal(error.status, status, text);
      assert.match(error.message, message, text);
      return true;
    });
  }
});
