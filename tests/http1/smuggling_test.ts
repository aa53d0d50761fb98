import assert from "node:assert/strict";
import { Client } from "./harness.ts";

const POST = "POST /a HTTP/1.1\r\nHost: a\r\n";
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`;
const AFTER = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/** Requests that two parsers could understand differently: rule, status, bytes. A second request follows each. */
const REFUSED: readonly (readonly [rule: string, status: number, bytes: string])[] = [
  // ---- message framing
  [
    "RFC 9112 §6.1: Content-Length beside Transfer-Encoding",
    400,
    `${POST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  [
    "RFC 9112 §6.1: Transfer-Encoding beside Content-Length",
    400,
    `${POST}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n`,
  ],
  [
    "RFC 9112 §6.3: Content-Length twice, different",
    400,
    `${POST}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`,
  ],
  [
    "RFC 9110 §8.6: Content-Length twice, the same",
    400,
    `${POST}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`,
  ],
  ["RFC 9110 §8.6: a list in Content-Length", 400, `${POST}Content-Length: 3, 3\r\n\r\nabc`],
  ["RFC 9110 §8.6: a sign in Content-Length", 400, `${POST}Content-Length: +3\r\n\r\nabc`],
  ["RFC 9110 §8.6: a negative Content-Length", 400, `${POST}Content-Length: -1\r\n\r\n`],
  ["RFC 9110 §8.6: a hexadecimal Content-Length", 400, `${POST}Content-Length: 0x3\r\n\r\nabc`],
  ["RFC 9110 §8.6: a space in Content-Length", 400, `${POST}Content-Length: 1 0\r\n\r\nabc`],
  ["RFC 9110 §8.6: an empty Content-Length", 400, `${POST}Content-Length:\r\n\r\n`],
  ["RFC 9110 §8.6: a fraction in Content-Length", 400, `${POST}Content-Length: 3.0\r\n\r\nabc`],
  [
    "RFC 9110 §8.6: a Content-Length beyond 2⁵³",
    413,
    `${POST}Content-Length: 99999999999999999999\r\n\r\n`,
  ],
  ["RFC 9112 §6.1: an unknown transfer coding", 501, `${POST}Transfer-Encoding: cow\r\n\r\n`],
  ["RFC 9112 §6.1: identity", 501, `${POST}Transfer-Encoding: identity\r\n\r\n`],
  [
    "RFC 9112 §6.1: gzip before chunked",
    501,
    `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  ],
  [
    "RFC 9112 §6.1: a name that ends with chunked",
    501,
    `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
  ],
  [
    "RFC 9112 §7: a parameter of chunked",
    501,
    `${POST}Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n`,
  ],
  ["RFC 9112 §6.1: a quoted name", 501, `${POST}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n`],
  [
    "RFC 9112 §6.1: chunked twice",
    400,
    `${POST}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`,
  ],
  [
    "RFC 9112 §6.1: chunked not last",
    400,
    `${POST}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`,
  ],
  [
    "RFC 9112 §6.1: Transfer-Encoding twice",
    400,
    `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  [
    "RFC 9112 §6.1: Transfer-Encoding twice, one hidden",
    400,
    `${POST}Transfer-Encoding: chunked\r\nTransfer-encoding: cow\r\n\r\n0\r\n\r\n`,
  ],
  ["RFC 9112 §6.1: an empty Transfer-Encoding", 400, `${POST}Transfer-Encoding:\r\n\r\n`],
  [
    "RFC 9112 §6.1: a vertical tab before chunked",
    400,
    `${POST}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`,
  ],
  [
    "RFC 9112 §6.1: chunked in HTTP/1.0",
    400,
    "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ],
  // ---- lines and fields
  ["RFC 9112 §2.2: LF without CR after the request line", 400, "GET /a HTTP/1.1\nHost: a\r\n\r\n"],
  ["RFC 9112 §2.2: LF without CR after a field", 400, "GET /a HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"],
  ["RFC 9112 §2.2: LF without CR at the end", 400, "GET /a HTTP/1.1\r\nHost: a\r\n\n"],
  ["RFC 9112 §2.2: a bare CR in a value", 400, "GET /a HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n"],
  ["RFC 9112 §2.2: a bare CR as the end of a field", 400, `${POST}X: b\rContent-Length: 5\r\n\r\n`],
  [
    "RFC 9112 §2.2: two empty lines before the request",
    400,
    "\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n",
  ],
  ["RFC 9112 §2.2: whitespace before the first field", 400, "GET /a HTTP/1.1\r\n Host: a\r\n\r\n"],
  ["RFC 9112 §5.1: a space before the colon", 400, `${POST}Content-Length : 3\r\n\r\nabc`],
  [
    "RFC 9112 §5.1: a tab before the colon",
    400,
    `${POST}Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n`,
  ],
  ["RFC 9112 §5.2: a folded field", 400, `${POST}X: a\r\n Content-Length: 3\r\n\r\nabc`],
  [
    "RFC 9112 §5.2: a folded Transfer-Encoding",
    400,
    `${POST}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`,
  ],
  ["RFC 9110 §5.1: an empty field name", 400, `${POST}: a\r\n\r\n`],
  ["RFC 9110 §5.1: a field without a colon", 400, `${POST}Content-Length\r\n\r\n`],
  ["RFC 9110 §5.6.2: a field name with an octet above 127", 400, `${POST}Cont\xe9nt: 3\r\n\r\n`],
  ["RFC 9110 §5.6.2: a field name with a delimiter", 400, `${POST}Content(Length): 3\r\n\r\n`],
  ["RFC 9110 §5.5: NUL in a value", 400, `${POST}X: a\x00b\r\n\r\n`],
  ["RFC 9110 §5.5: DEL in a value", 400, `${POST}X: a\x7fb\r\n\r\n`],
  // ---- Host and target
  ["RFC 9112 §3.2: no Host", 400, "GET /a HTTP/1.1\r\nX: b\r\n\r\n"],
  ["RFC 9112 §3.2: Host twice", 400, "GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"],
  ["RFC 9112 §3.2: Host twice, the same", 400, "GET /a HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"],
  ["RFC 9112 §3.2: two names in Host", 400, "GET /a HTTP/1.1\r\nHost: a, b\r\n\r\n"],
  ["RFC 9112 §3.2: user information in Host", 400, "GET /a HTTP/1.1\r\nHost: a@b\r\n\r\n"],
  ["RFC 9112 §3.2: a path in Host", 400, "GET /a HTTP/1.1\r\nHost: a/b\r\n\r\n"],
  ["RFC 9112 §3.2: a port that is no number", 400, "GET /a HTTP/1.1\r\nHost: a:b\r\n\r\n"],
  ["RFC 9112 §3.2: a port above 65535", 400, "GET /a HTTP/1.1\r\nHost: a:65536\r\n\r\n"],
  ["RFC 9112 §3: two spaces in the request line", 400, "GET  /a HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["RFC 9112 §3: a tab in the request line", 400, "GET\t/a HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["RFC 9112 §3: a space at its end", 400, "GET /a HTTP/1.1 \r\nHost: a\r\n\r\n"],
  ["RFC 9112 §3: a space in the target", 400, "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["RFC 9112 §3: HTTP/0.9", 400, "GET /a\r\n\r\n"],
  ["RFC 9112 §3.2: a target without a slash", 400, "GET a HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["RFC 9112 §3.2: a fragment in the target", 400, "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["RFC 9112 §3.2: an octet above 127 in the target", 400, "GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n"],
  [
    "RFC 9112 §3.2.2: user information in an absolute target",
    400,
    "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
  ],
  ["RFC 9112 §3.2.2: another scheme", 400, "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["RFC 9112 §3.2.4: * without OPTIONS", 400, "GET * HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["RFC 9110 §9.3.6: CONNECT", 501, "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["RFC 9112 §3: a method of 25 letters", 501, `${"M".repeat(25)} /a HTTP/1.1\r\nHost: a\r\n\r\n`],
  ["RFC 9112 §3: a method with a delimiter", 400, "G{T /a HTTP/1.1\r\nHost: a\r\n\r\n"],
  // ---- version
  ["RFC 9112 §2.3: lower case", 400, "GET /a http/1.1\r\nHost: a\r\n\r\n"],
  ["RFC 9112 §2.3: two digits", 400, "GET /a HTTP/1.10\r\nHost: a\r\n\r\n"],
  ["RFC 9112 §2.3: no minor version", 400, "GET /a HTTP/1\r\nHost: a\r\n\r\n"],
  ["RFC 9110 §15.6.6: HTTP/2.0", 505, "GET /a HTTP/2.0\r\nHost: a\r\n\r\n"],
  ["RFC 9110 §15.6.6: HTTP/0.9 in the line", 505, "GET /a HTTP/0.9\r\nHost: a\r\n\r\n"],
  ["RFC 9113 §3.4: the preface of HTTP/2", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  // ---- chunks
  ["RFC 9112 §7.1: LF without CR after a size", 400, `${CHUNKED}3\nabc\r\n0\r\n\r\n`],
  ["RFC 9112 §7.1: a size without digits", 400, `${CHUNKED};a\r\nabc\r\n`],
  ["RFC 9112 §7.1: 0x before a size", 400, `${CHUNKED}0x3\r\nabc\r\n0\r\n\r\n`],
  ["RFC 9112 §7.1: a sign before a size", 400, `${CHUNKED}+3\r\nabc\r\n0\r\n\r\n`],
  ["RFC 9112 §7.1: a space before a size", 400, `${CHUNKED} 3\r\nabc\r\n0\r\n\r\n`],
  ["RFC 9112 §7.1: a space after a size", 400, `${CHUNKED}3 \r\nabc\r\n0\r\n\r\n`],
  ["RFC 9112 §7.1: a size beyond 2⁵³", 400, `${CHUNKED}10000000000000003\r\nabc\r\n`],
  ["RFC 9112 §7.1: many leading zeros", 400, `${CHUNKED}00000000000000003\r\nabc\r\n`],
  ["RFC 9112 §7.1: no CRLF after data", 400, `${CHUNKED}3\r\nabcd\r\n0\r\n\r\n`],
  ["RFC 9112 §7.1: LF alone after data", 400, `${CHUNKED}3\r\nabc\n0\r\n\r\n`],
  ["RFC 9112 §7.1: CR without LF after data", 400, `${CHUNKED}3\r\nabc\r0\r\n\r\n`],
  ["RFC 9112 §7.1.1: CR in an extension", 400, `${CHUNKED}3;a\rb\r\nabc\r\n0\r\n\r\n`],
  ["RFC 9112 §7.1.1: LF in an extension", 400, `${CHUNKED}3;a\nabc\r\n0\r\n\r\n`],
  ["RFC 9112 §7.1.1: NUL in an extension", 400, `${CHUNKED}3;\x00\r\nabc\r\n0\r\n\r\n`],
  [
    "RFC 9112 §7.1.1: CRLF in a quoted string",
    400,
    `${CHUNKED}3;a="\r\nabc\r\n0\r\n\r\n${AFTER}"\r\nabc\r\n0\r\n\r\n`,
  ],
  [
    "RFC 9112 §7.1.1: CRLF behind an escaped quote",
    400,
    `${CHUNKED}3;a="\\"\r\nabc\r\n0\r\n\r\n`,
  ],
  [
    "RFC 9112 §7.1.1: an escaped CR in a quoted string",
    400,
    `${CHUNKED}3;a="\\\r\nabc\r\n0\r\n\r\n`,
  ],
  [
    "RFC 9112 §7.1.1: extensions of 17 KB",
    400,
    `${CHUNKED}3;${"a".repeat(17_000)}\r\nabc\r\n0\r\n\r\n`,
  ],
  ["RFC 9112 §7.1.2: LF without CR in trailers", 400, `${CHUNKED}0\r\nX: a\n\r\n`],
  ["RFC 9112 §7.1.2: a folded trailer", 400, `${CHUNKED}0\r\nX: a\r\n b\r\n\r\n`],
  ["RFC 9112 §5.1: a space before the colon of a trailer", 400, `${CHUNKED}0\r\nX : a\r\n\r\n`],
  // ---- other
  [
    "RFC 9110 §10.1.1: another expectation",
    417,
    `${POST}Expect: cookies\r\nContent-Length: 3\r\n\r\nabc`,
  ],
  [
    "RFC 9110 §10.1.1: two expectations",
    417,
    `${POST}Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n`,
  ],
];

for (const [rule, status, bytes] of REFUSED) {
  Deno.test(`${rule} is answered ${status}, and nothing after it is read`, () => {
    for (const oneByOne of [false, true]) {
      const client = new Client();
      if (oneByOne) { for (const char of bytes + AFTER) client.send(char); }
      else client.send(bytes + AFTER);
      assert.deepEqual(client.statuses, [status]);
      assert.equal(client.engine.finished, true);
      assert.match(client.output, /\r\nconnection: close\r\n\r\n[\x20-\x7e]+\n$/);
      assert.ok(client.seen.every(({ exchange }) => exchange.head.target !== "/smuggled"));
      assert.ok(client.seen.every(({ aborted }) => aborted !== null));
      assert.equal(client.engine.bufferedBytes, 0);
    }
  });
}

/** Requests that look alike and are valid: rule, body, bytes. */
const ACCEPTED: readonly (readonly [rule: string, body: string, bytes: string])[] = [
  [
    "RFC 9112 §2.2: one empty line before the request",
    "",
    "\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n",
  ],
  ["RFC 9112 §5.1: no whitespace after the colon", "abc", `${POST}content-length:3\r\n\r\nabc`],
  ["RFC 9112 §5.1: whitespace around a value", "abc", `${POST}Content-Length: \t 3 \t\r\n\r\nabc`],
  ["RFC 9110 §5.5: an octet above 127 in a value", "", `${POST}X: caf\xe9\r\n\r\n`],
  [
    "RFC 9112 §6.1: chunked in upper case",
    "abc",
    `${POST}Transfer-Encoding: CHUNKED\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
  ],
  ["RFC 9112 §7.1: leading zeros of a size", "abc", `${CHUNKED}0003\r\nabc\r\n000\r\n\r\n`],
  ["RFC 9112 §7.1.1: extensions", "abc", `${CHUNKED}3 ; a="b;c" ; d\r\nabc\r\n0;e\r\n\r\n`],
  [
    "RFC 9112 §7.1.1: quoted quotes and backslashes in extensions",
    "abc",
    `${CHUNKED}3;a="\\"";b="\\\\"\r\nabc\r\n0\r\n\r\n`,
  ],
  [
    "RFC 9112 §7.1.2: trailers",
    "abc",
    `${CHUNKED}3\r\nabc\r\n0\r\nContent-Length: 9\r\nX: y\r\n\r\n`,
  ],
  ["RFC 9112 §3.2: a host with a port", "", "GET /a HTTP/1.1\r\nHost: a.example:65535\r\n\r\n"],
  ["RFC 9112 §3.2: an IPv6 host", "", "GET /a HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"],
  ["RFC 9112 §3.2: an empty host", "", "GET /a HTTP/1.1\r\nHost:\r\n\r\n"],
  ["RFC 9112 §3.2.4: * with OPTIONS", "", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["RFC 9110 §2.5: a higher minor version", "", "GET /a HTTP/1.9\r\nHost: a\r\n\r\n"],
  [
    "RFC 9110 §7.8: an upgrade is ignored",
    "",
    "GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
  ],
];

for (const [rule, body, bytes] of ACCEPTED) {
  Deno.test(`${rule} is accepted, and the next request is separate`, () => {
    for (const oneByOne of [false, true]) {
      const client = new Client();
      if (oneByOne) { for (const char of bytes + AFTER) client.send(char); }
      else client.send(bytes + AFTER);
      assert.deepEqual(client.statuses, [200, 200]);
      assert.equal(client.seen[0].body, body);
      assert.equal(client.seen[1].exchange.head.target, "/smuggled");
      assert.equal(client.engine.finished, false);
    }
  });
}
