/**
 * Requests that hide another one where a lenient parser would find it (request smuggling).
 *
 * Each case begins with a request to `/probe/first` and ends with one to `/probe/second`, which closes the connection. In
 * between stand the octets of a request to `/probe/hidden`, which is none in the reading of RFC 9112: part of a body, of a
 * header section, or behind what a recipient must refuse.
 *
 * @module
 */

const FIELDS = "Host: 127.0.0.1\r\nContent-Type: application/proto\r\n";
const FIRST = `POST /probe/first HTTP/1.1\r\n${FIELDS}`;
const HIDDEN = `POST /probe/hidden HTTP/1.1\r\n${FIELDS}Content-Length: 0\r\n\r\n`;
const SECOND =
  `POST /probe/second HTTP/1.1\r\n${FIELDS}Connection: close\r\nContent-Length: 0\r\n\r\n`;
const CHUNKED = "Transfer-Encoding: chunked\r\n";
const LAST_CHUNK = "0\r\n\r\n";

/** One case. */
export interface SmugglingCase {
  readonly group: string;
  readonly title: string;
  /** Rule that the case breaks or stretches. */
  readonly rule: string;
  /** One character per octet. */
  readonly bytes: string;
}

const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

/** A Content-Length over the hidden request, which follows a last chunk: only a chunked reading finds it. */
function behindLastChunk(fields: string, first = FIRST): string {
  const body = LAST_CHUNK + HIDDEN;
  return `${first}Content-Length: ${body.length}\r\n${fields}\r\n${body}${SECOND}`;
}

/** A Content-Length that ends before the hidden request, which is inside a chunk: only a chunked reading misses it. */
function insideChunk(fields: string, first = FIRST): string {
  const size = `${HIDDEN.length.toString(16)}\r\n`;
  const body = `${size}${HIDDEN}\r\n${LAST_CHUNK}`;
  return `${first}${fields.replaceAll("LENGTH", String(size.length))}\r\n${body}${SECOND}`;
}

/** The hidden request as the body that `field` announces; `LENGTH` and `HEX` in it are the body's length. */
function inBody(field: string, first = FIRST): string {
  const { length } = HIDDEN;
  const fields = field.replaceAll("LENGTH", String(length)).replaceAll("HEX", length.toString(16));
  return `${first}${fields}\r\n${HIDDEN}${SECOND}`;
}

/** A chunked body of these octets. */
const chunked = (body: string) => `${FIRST}${CHUNKED}\r\n${body}${SECOND}`;

type Row = readonly [title: string, rule: string, bytes: string];

const LENGTH_AND_CODING: readonly Row[] = [
  ["`Content-Length`, then `Transfer-Encoding`: CL.TE", "RFC 9112 §6.1", behindLastChunk(CHUNKED)],
  [
    "`Transfer-Encoding`, then `Content-Length`: TE.CL",
    "RFC 9112 §6.1",
    insideChunk(`${CHUNKED}Content-Length: LENGTH\r\n`),
  ],
  ...([
    ["`xchunked`", "RFC 9112 §6.1", "Transfer-Encoding: xchunked\r\n"],
    ['`"chunked"`', "RFC 9112 §7", 'Transfer-Encoding: "chunked"\r\n'],
    ["`chunked;q=1`", "RFC 9112 §7", "Transfer-Encoding: chunked;q=1\r\n"],
    ["`CHUNKED`", "RFC 9112 §7", "Transfer-Encoding: CHUNKED\r\n"],
    ["an empty value", "RFC 9112 §6.1", "Transfer-Encoding:\r\n"],
    ["`gzip, chunked`", "RFC 9112 §6.1", "Transfer-Encoding: gzip, chunked\r\n"],
    ["`chunked, identity`", "RFC 9112 §6.1", "Transfer-Encoding: chunked, identity\r\n"],
    ["`identity, chunked`", "RFC 9112 §6.1", "Transfer-Encoding: identity, chunked\r\n"],
    ["two fields, `chunked` first", "RFC 9112 §6.1", `${CHUNKED}Transfer-Encoding: cow\r\n`],
    ["two fields, `chunked` last", "RFC 9112 §6.1", `Transfer-Encoding: cow\r\n${CHUNKED}`],
    ["a tab before `chunked`", "RFC 9110 §5.5", "Transfer-Encoding:\tchunked\r\n"],
    ["spaces around `chunked`", "RFC 9112 §5.1", "Transfer-Encoding:   chunked  \r\n"],
    ["an empty member of the list", "RFC 9110 §5.6.1.2", "Transfer-Encoding: , chunked\r\n"],
    ["`chunked`, twice as a field", "RFC 9112 §6.1", `${CHUNKED}${CHUNKED}`],
    ["a vertical tab before `chunked`", "RFC 9110 §5.5", "Transfer-Encoding: \x0bchunked\r\n"],
    ["NUL after `chunked`", "RFC 9110 §5.5", "Transfer-Encoding: chunked\0\r\n"],
    ["an octet above 127 after `chunked`", "RFC 9110 §5.5", "Transfer-Encoding: chunked\xa0\r\n"],
    ["a space before the colon", "RFC 9112 §5.1", "Transfer-Encoding : chunked\r\n"],
    ["a tab before the colon", "RFC 9112 §5.1", "Transfer-Encoding\t: chunked\r\n"],
    ["NUL in the name", "RFC 9110 §5.1", "Transfer-Encoding\0: chunked\r\n"],
    ["`Transfer_Encoding`", "RFC 9110 §5.1", "Transfer_Encoding: chunked\r\n"],
    ["an octet above 127 in the name", "RFC 9110 §5.1", "Transfer-Encod\xefng: chunked\r\n"],
    ["the field folded", "RFC 9112 §5.2", "Transfer-Encoding:\r\n chunked\r\n"],
    ["in the fold of another field", "RFC 9112 §5.2", `X: a\r\n ${CHUNKED}`],
    ["behind a bare LF", "RFC 9112 §2.2", `X: a\n${CHUNKED}`],
    ["behind a bare CR", "RFC 9112 §2.2", `X: a\r${CHUNKED}`],
    ["behind NUL in a value", "RFC 9110 §5.5", `X: a\0${CHUNKED}`],
  ] as const).map(([title, rule, fields]): Row => [
    `Transfer-Encoding obfuscated: ${title}`,
    rule,
    behindLastChunk(fields),
  ]),
  [
    "`Transfer-Encoding` in HTTP/1.0, with a length",
    "RFC 9112 §6.1",
    behindLastChunk(`${CHUNKED}Connection: keep-alive\r\n`, FIRST.replace("1.1", "1.0")),
  ],
  [
    "`Transfer-Encoding` in HTTP/1.0, without a length",
    "RFC 9112 §6.1",
    insideChunk(`${CHUNKED}Connection: keep-alive\r\n`, FIRST.replace("1.1", "1.0")),
  ],
  [
    "`chunked, chunked`",
    "RFC 9112 §6.1",
    insideChunk("Transfer-Encoding: chunked, chunked\r\n"),
  ],
  [
    "`Connection: Transfer-Encoding`",
    "RFC 9110 §7.6.1",
    insideChunk(`${CHUNKED}Connection: Transfer-Encoding\r\n`),
  ],
  [
    "`Transfer-Encoding` of GET",
    "RFC 9110 §9.3.1",
    insideChunk(CHUNKED, FIRST.replace("POST", "GET")),
  ],
];

const LENGTHS: readonly Row[] = ([
  ["two, 0 first", "RFC 9112 §6.3", "Content-Length: 0\r\nContent-Length: LENGTH\r\n"],
  ["two, 0 last", "RFC 9112 §6.3", "Content-Length: LENGTH\r\nContent-Length: 0\r\n"],
  ["two, the same", "RFC 9110 §8.6", "Content-Length: LENGTH\r\nContent-Length: LENGTH\r\n"],
  ["a list of the same", "RFC 9110 §8.6", "Content-Length: LENGTH, LENGTH\r\n"],
  ["a list that ends with 0", "RFC 9110 §8.6", "Content-Length: LENGTH, 0\r\n"],
  ["a plus sign", "RFC 9110 §8.6", "Content-Length: +LENGTH\r\n"],
  ["a minus sign", "RFC 9110 §8.6", "Content-Length: -LENGTH\r\n"],
  ["hexadecimal", "RFC 9110 §8.6", "Content-Length: 0xHEX\r\n"],
  ["leading zeros", "RFC 9110 §8.6", "Content-Length: 000LENGTH\r\n"],
  ["a space inside", "RFC 9110 §8.6", "Content-Length: 0 LENGTH\r\n"],
  ["a semicolon", "RFC 9110 §8.6", "Content-Length: LENGTH;a\r\n"],
  ["an underscore", "RFC 9110 §8.6", "Content-Length: 0_LENGTH\r\n"],
  ["an exponent", "RFC 9110 §8.6", "Content-Length: LENGTHe0\r\n"],
  ["a form feed", "RFC 9110 §5.5", "Content-Length: \x0cLENGTH\r\n"],
  ["no value", "RFC 9110 §8.6", "Content-Length:\r\n"],
  ["a space before the colon", "RFC 9112 §5.1", "Content-Length : LENGTH\r\n"],
  ["folded", "RFC 9112 §5.2", "Content-Length:\r\n LENGTH\r\n"],
  ["behind a bare LF", "RFC 9112 §2.2", "X: a\nContent-Length: LENGTH\r\n"],
  ["behind a bare CR", "RFC 9112 §2.2", "X: a\rContent-Length: LENGTH\r\n"],
  [
    "named in `Connection`",
    "RFC 9110 §7.6.1",
    "Connection: Content-Length\r\nContent-Length: LENGTH\r\n",
  ],
] as const).map(([title, rule, fields]): Row => [title, rule, inBody(fields)]);

const CHUNKS: readonly Row[] = [
  [
    "a bare LF after the size",
    "RFC 9112 §7.1",
    chunked(`${chunk(HIDDEN).replace("\r\n", "\n")}${LAST_CHUNK}`),
  ],
  [
    "a bare LF in an extension",
    "RFC 9112 §7.1.1",
    chunked(`2;a\nxx\r\n${HIDDEN.length.toString(16)}\r\n${LAST_CHUNK}${HIDDEN}\r\n`),
  ],
  ["a bare CR in an extension", "RFC 9112 §7.1.1", chunked(`2;a\rb\r\nxx\r\n${LAST_CHUNK}`)],
  ["NUL in an extension", "RFC 9112 §7.1.1", chunked(`2;\0\r\nxx\r\n${LAST_CHUNK}`)],
  [
    "CRLF in a quoted extension",
    "RFC 9112 §7.1.1",
    chunked(`2;a="\r\nxx\r\n${LAST_CHUNK}${HIDDEN}"\r\nxx\r\n${LAST_CHUNK}`),
  ],
  ["extensions, quoted and not", "RFC 9112 §7.1.1", chunked(`2;a;b="c;d"\r\nxx\r\n${LAST_CHUNK}`)],
  ["an extension without a name", "RFC 9112 §7.1.1", chunked(`2;\r\nxx\r\n${LAST_CHUNK}`)],
  [
    "extensions of 20 KB",
    "RFC 9112 §7.1.1",
    chunked(`2;${"a".repeat(20_000)}\r\nxx\r\n${LAST_CHUNK}`),
  ],
  ["`0x` before the size", "RFC 9112 §7.1", chunked(`0x${chunk(HIDDEN)}${LAST_CHUNK}`)],
  ["a sign before the size", "RFC 9112 §7.1", chunked(`-${chunk(HIDDEN)}${LAST_CHUNK}`)],
  ["a space before the size", "RFC 9112 §7.1", chunked(` ${chunk(HIDDEN)}${LAST_CHUNK}`)],
  [
    "a word after the size",
    "RFC 9112 §7.1",
    chunked(`${chunk(HIDDEN).replace("\r\n", " x\r\n")}${LAST_CHUNK}`),
  ],
  [
    "a space after the size",
    "RFC 9112 §7.1",
    chunked(`${chunk(HIDDEN).replace("\r\n", " \r\n")}${LAST_CHUNK}`),
  ],
  [
    "an underscore in the size",
    "RFC 9112 §7.1",
    chunked(`${chunk(HIDDEN).replace("\r\n", "_0\r\n")}${LAST_CHUNK}`),
  ],
  [
    "NUL after the size",
    "RFC 9112 §7.1",
    chunked(`${chunk(HIDDEN).replace("\r\n", "\0\r\n")}${LAST_CHUNK}`),
  ],
  [
    "a size of 2⁶⁴ and more, which wraps round to 0",
    "RFC 9112 §7.1",
    chunked(`10000000000000000\r\n\r\n${HIDDEN}`),
  ],
  [
    "a size of 2³² and more, which wraps round to 0",
    "RFC 9112 §7.1",
    chunked(`100000000\r\n\r\n${HIDDEN}`),
  ],
  ["no size", "RFC 9112 §7.1", chunked(`\r\n\r\n${HIDDEN}`)],
  ["two other octets after the data", "RFC 9112 §7.1", chunked(`2\r\nxxyy${LAST_CHUNK}`)],
  ["a bare LF after the data", "RFC 9112 §7.1", chunked(`2\r\nxx\n${LAST_CHUNK}`)],
  ["nothing after the data", "RFC 9112 §7.1", chunked(`2\r\nxx${LAST_CHUNK}`)],
  ["several zeros as the last size", "RFC 9112 §7.1", chunked(`2\r\nxx\r\n000\r\n\r\n`)],
  ["a bare LF after the trailers", "RFC 9112 §7.1.2", chunked(`2\r\nxx\r\n0\r\n\n${HIDDEN}`)],
  ["the next request in place of the trailers", "RFC 9112 §7.1.2", chunked(`0\r\n${HIDDEN}`)],
  [
    "`Content-Length` in trailers",
    "RFC 9110 §6.5.1",
    chunked(`2\r\nxx\r\n0\r\nContent-Length: ${SECOND.length}\r\n\r\n`),
  ],
  [
    "`Transfer-Encoding` in trailers",
    "RFC 9110 §6.5.1",
    chunked(`2\r\nxx\r\n0\r\n${CHUNKED}\r\n`),
  ],
  [
    "`Host` and `X-Front` in trailers",
    "RFC 9110 §6.5.1",
    chunked("2\r\nxx\r\n0\r\nHost: evil.example\r\nX-Front: forged\r\n\r\n"),
  ],
  ["a folded trailer", "RFC 9112 §5.2", chunked(`2\r\nxx\r\n0\r\nX: a\r\n b\r\n\r\n`)],
];

const LINES: readonly Row[] = [
  [
    "a body of GET",
    "RFC 9110 §9.3.1",
    inBody("Content-Length: LENGTH\r\n", FIRST.replace("POST", "GET")),
  ],
  [
    "a body of HEAD",
    "RFC 9110 §9.3.2",
    inBody("Content-Length: LENGTH\r\n", FIRST.replace("POST", "HEAD")),
  ],
  [
    "a body to a path that does not exist",
    "RFC 9112 §9.3",
    inBody("Content-Length: LENGTH\r\n", FIRST.replace("/probe/first", "/nowhere/at/all")),
  ],
  [
    "a body that waits for 100 Continue and is sent at once",
    "RFC 9110 §10.1.1",
    inBody("Expect: 100-continue\r\nContent-Length: LENGTH\r\n"),
  ],
  [
    "another expectation",
    "RFC 9110 §10.1.1",
    inBody("Expect: y 100-continue\r\nContent-Length: LENGTH\r\n"),
  ],
  [
    "lines that end with LF",
    "RFC 9112 §2.2",
    `${FIRST}Content-Length: ${HIDDEN.length}\r\n\r\n`.replaceAll("\r\n", "\n") + HIDDEN + SECOND,
  ],
  [
    "whitespace before the first field",
    "RFC 9112 §2.2",
    inBody(" X: a\r\nContent-Length: LENGTH\r\n", FIRST.replace("Host", " Host")),
  ],
  [
    "a field without a colon",
    "RFC 9110 §5.1",
    inBody("Content-Length\r\nContent-Length: LENGTH\r\n"),
  ],
  ["an empty field name", "RFC 9110 §5.1", inBody(": a\r\nContent-Length: LENGTH\r\n")],
  ["three empty lines before a request", "RFC 9112 §2.2", `\r\n\r\n\r\n${SECOND}`],
  [
    "two spaces in the request line",
    "RFC 9112 §3",
    inBody("Content-Length: LENGTH\r\n", FIRST.replace(" /", "  /")),
  ],
  [
    "a tab in the request line",
    "RFC 9112 §3",
    inBody("Content-Length: LENGTH\r\n", FIRST.replace(" /", "\t/")),
  ],
  [
    "a bare CR in the request line",
    "RFC 9112 §3",
    inBody("Content-Length: LENGTH\r\n", FIRST.replace(" /", "\r /")),
  ],
  [
    "a space in the target",
    "RFC 9112 §3",
    inBody("Content-Length: LENGTH\r\n", FIRST.replace("/first", "/first /b")),
  ],
  [
    "CRLF, percent-encoded, in the target",
    "RFC 9112 §3.2",
    inBody("Content-Length: LENGTH\r\n", FIRST.replace("/first", "/first%20HTTP/1.1%0d%0aX:%20a")),
  ],
  ["HTTP/0.9", "RFC 9112 §3", `POST /probe/first\r\n${HIDDEN}${SECOND}`],
  [
    "HTTP/1.01",
    "RFC 9112 §2.3",
    inBody("Content-Length: LENGTH\r\n", FIRST.replace("1.1", "1.01")),
  ],
  ["HTTP/1.2", "RFC 9110 §2.5", inBody("Content-Length: LENGTH\r\n", FIRST.replace("1.1", "1.2"))],
  ["HTTP/2.0", "RFC 9112 §2.3", inBody("Content-Length: LENGTH\r\n", FIRST.replace("1.1", "2.0"))],
  [
    "http/1.1",
    "RFC 9112 §2.3",
    inBody("Content-Length: LENGTH\r\n", FIRST.replace("HTTP", "http")),
  ],
  [
    "a request behind `Connection: close`",
    "RFC 9112 §9.6",
    `${FIRST}Connection: close\r\nContent-Length: 0\r\n\r\n${HIDDEN}${SECOND}`,
  ],
  [
    "a request behind one of HTTP/1.0",
    "RFC 9112 §9.3",
    `${FIRST.replace("1.1", "1.0")}Content-Length: 0\r\n\r\n${HIDDEN}${SECOND}`,
  ],
  [
    "two requests at once (pipelining)",
    "RFC 9112 §9.3.2",
    `${FIRST}Content-Length: 0\r\n\r\n${SECOND}`,
  ],
  [
    "an absolute target of another host",
    "RFC 9112 §3.2.2",
    inBody("Content-Length: LENGTH\r\n", FIRST.replace("/probe", "http://evil.example/probe")),
  ],
  [
    "an absolute target of this host, `Host` of another",
    "RFC 9112 §3.2.2",
    inBody(
      "Content-Length: LENGTH\r\n",
      FIRST.replace("/probe", "http://127.0.0.1/probe").replace(": 127.0.0.1", ": evil.example"),
    ),
  ],
  [
    "an absolute target with user information",
    "RFC 9110 §4.2.4",
    inBody(
      "Content-Length: LENGTH\r\n",
      FIRST.replace("/probe", "http://127.0.0.1@evil.example/probe"),
    ),
  ],
  [
    "`*` as the target",
    "RFC 9112 §3.2.4",
    inBody("Content-Length: LENGTH\r\n", FIRST.replace("/probe/first", "*")),
  ],
  [
    "two `Host` fields",
    "RFC 9112 §3.2",
    inBody("Host: evil.example\r\nContent-Length: LENGTH\r\n"),
  ],
  [
    "two `Host` fields, the same",
    "RFC 9112 §3.2",
    inBody("Host: 127.0.0.1\r\nContent-Length: LENGTH\r\n"),
  ],
  [
    "no `Host`",
    "RFC 9112 §3.2",
    inBody("Content-Length: LENGTH\r\n", FIRST.replace("Host: 127.0.0.1\r\n", "")),
  ],
  [
    "`Host` with user information",
    "RFC 9110 §7.2",
    inBody("Content-Length: LENGTH\r\n", FIRST.replace("127.0.0.1", "127.0.0.1@evil.example")),
  ],
  [
    "`Host` of another port",
    "RFC 9110 §7.2",
    inBody("Content-Length: LENGTH\r\n", FIRST.replace("127.0.0.1", "127.0.0.1:99999")),
  ],
  [
    "`Host` of another server",
    "RFC 9110 §7.4",
    inBody("Content-Length: LENGTH\r\n", FIRST.replace("127.0.0.1", "evil.example")),
  ],
  [
    "`Host` with a list",
    "RFC 9112 §3.2",
    inBody("Content-Length: LENGTH\r\n", FIRST.replace("127.0.0.1", "127.0.0.1, evil.example")),
  ],
  [
    "`Connection` names the field of the proxy",
    "RFC 9110 §7.6.1",
    inBody("Connection: X-Front\r\nContent-Length: LENGTH\r\n"),
  ],
];

// SETTINGS without parameters, after the preface (RFC 9113 §3.4).
const HTTP2_PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

const UPGRADES: readonly Row[] = [
  [
    "an upgrade to h2c, then its preface",
    "RFC 9113 §3.1",
    `${FIRST}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAA\r\n` +
    `Content-Length: 0\r\n\r\n${HTTP2_PREFACE}${HIDDEN}`,
  ],
  [
    "an upgrade to h2c, then requests",
    "RFC 9110 §7.8",
    `${FIRST}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAA\r\n` +
    `Content-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}${SECOND}`,
  ],
  [
    "the preface of HTTP/2 behind a request",
    "RFC 9113 §3.4",
    `${FIRST}Content-Length: 0\r\n\r\n${HTTP2_PREFACE}${HIDDEN}${SECOND}`,
  ],
  [
    "a WebSocket of another version, then requests",
    "RFC 6455 §4.2.2",
    `GET /probe/first HTTP/1.1\r\n${FIELDS}Connection: Upgrade\r\nUpgrade: websocket\r\n` +
    "Sec-WebSocket-Version: 777\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" +
    `Content-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}${SECOND}`,
  ],
  [
    "a WebSocket with a body, then requests",
    "RFC 6455 §4.1",
    `GET /probe/first HTTP/1.1\r\n${FIELDS}Connection: Upgrade\r\nUpgrade: websocket\r\n` +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" +
    "Sec-WebSocket-Protocol: vrpc-lean.1\r\n" +
    `Content-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}${SECOND}`,
  ],
  [
    "a tunnel: CONNECT",
    "RFC 9110 §9.3.6",
    `CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: 127.0.0.1:1\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}${SECOND}`,
  ],
];

const GROUPS: Readonly<Record<string, readonly Row[]>> = {
  "Content-Length and Transfer-Encoding": LENGTH_AND_CODING,
  "Content-Length": LENGTHS,
  "Chunks and trailers": CHUNKS,
  "Lines, methods and hosts": LINES,
  "Other protocols": UPGRADES,
};

/** All cases. */
export const SMUGGLING_CASES: readonly SmugglingCase[] = Object.entries(GROUPS).flatMap(
  ([group, rows]) => rows.map(([title, rule, bytes]) => ({ group, title, rule, bytes })),
);

/** Body of {@link BYSTANDER}, which the answer repeats. */
export const BYSTANDER_BODY = "mine";

/** A request that is sent on a connection of its own. */
export const BYSTANDER =
  `POST /probe/bystander HTTP/1.1\r\n${FIELDS}Connection: close\r\nContent-Length: ${BYSTANDER_BODY.length}\r\n\r\n${BYSTANDER_BODY}`;
