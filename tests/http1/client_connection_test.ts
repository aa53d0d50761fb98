import assert from "node:assert/strict";
import fc from "fast-check";
import { CHUNKED } from "../../src/http1/framing.ts";
import type { OutgoingHead } from "../../src/http1/request_writer.ts";
import { text } from "../fixtures/bytes.ts";
import { GET, Peer, type Received } from "./client_harness.ts";
import { octets } from "./harness.ts";

const OK = "HTTP/1.1 200 OK\r\n";
const post = (bodyBytes: number, fields: string[] = []): OutgoingHead => ({
  ...GET,
  method: "POST",
  fields,
  bodyBytes,
});
const answer = (response: string, head = GET): { peer: Peer; seen: Received } => {
  const peer = new Peer();
  const seen = peer.get(head);
  peer.send(response);
  return { peer, seen };
};

Deno.test("RFC 9112 §3: a request has its line, Host first, its fields and its framing", () => {
  const peer = new Peer();
  const seen = peer.request({ ...post(5, ["x-a", "1"]), target: "/p?q=1", host: "b.example:81" });
  seen.exchange.send(text("he"), text("llo"));
  seen.exchange.end();
  assert.equal(
    peer.take(),
    "POST /p?q=1 HTTP/1.1\r\nhost: b.example:81\r\nx-a: 1\r\ncontent-length: 5\r\n\r\nhello",
  );
});

Deno.test("RFC 9112 §7.1: a body of unknown length is sent in chunks", () => {
  const peer = new Peer();
  const { exchange } = peer.request(post(CHUNKED));
  exchange.send(text("he"), text("llo"));
  exchange.send(null, new Uint8Array());
  exchange.send(null, new Uint8Array(17).fill(0x61));
  exchange.end();
  exchange.send(null, text("late"));
  exchange.end();
  assert.equal(
    peer.take(),
    "POST /a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n" +
      `5\r\nhello\r\n11\r\n${"a".repeat(17)}\r\n0\r\n\r\n`,
  );
});

Deno.test("RFC 9110 §8.6: an empty POST has a Content-Length, GET has none", () => {
  const peer = new Peer();
  peer.request(post(0)).exchange.end();
  assert.match(peer.take(), /content-length: 0\r\n\r\n$/);
  peer.send(`${OK}content-length: 0\r\n\r\n`);
  peer.request(GET).exchange.end();
  assert.doesNotMatch(peer.take(), /content-length/);
});

Deno.test("RFC 9112 §6.3: a body may not differ from its Content-Length", () => {
  const { exchange } = new Peer().request(post(3));
  exchange.send(null, text("ab"));
  assert.throws(() => exchange.send(null, text("cd")), RangeError);
  assert.throws(() => exchange.end(), RangeError);
  exchange.send(null, text("c"));
  exchange.end();
});

Deno.test("a request that could be split into two is a TypeError, with nothing sent", () => {
  const bad: Partial<OutgoingHead>[] = [
    { method: "CONNECT" },
    { method: "GE T" },
    { method: "get\r\n" },
    { target: "/a b" },
    { target: "/a\r\nx: y" },
    { target: "http://b/a" },
    { target: "*" },
    { target: "" },
    { target: "/ü" },
    { host: "a\r\nx: y" },
    { host: "user@a" },
    { host: "a:99999" },
    { fields: ["x", "a\r\nb"] },
    { fields: ["x y", "a"] },
    { fields: ["x", "ü\n"] },
  ];
  for (const part of bad) {
    const peer = new Peer();
    assert.throws(() => peer.request({ ...GET, ...part }), TypeError, JSON.stringify(part));
    assert.equal(peer.take(), "");
    assert.equal(peer.engine.busy, false);
    assert.ok(peer.engine.usable);
  }
});

Deno.test("fields that frame the message are left to the engine", () => {
  const peer = new Peer();
  peer.request(post(0, ["Content-Length", "9", "transfer-encoding", "chunked", "connection", "x"]));
  assert.equal(peer.take(), "POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n");
});

Deno.test("RFC 9112 §6.3: responses with a Content-Length, in chunks and until the close", () => {
  const length = answer(`${OK}X-A:  b \r\nContent-Length: 5\r\n\r\nhello`);
  assert.equal(length.seen.body, "hello");
  assert.deepEqual(length.seen.trailers, []);
  assert.deepEqual(length.seen.head!.fields, ["x-a", "b", "content-length", "5"]);
  assert.ok(length.peer.engine.usable && !length.peer.engine.busy);

  const chunks = answer(
    `${OK}Transfer-Encoding: chunked\r\n\r\n2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nX-T: 1\r\n\r\n`,
  );
  assert.equal(chunks.seen.body, "hello");
  assert.deepEqual(chunks.seen.trailers, ["x-t", "1"]);
  assert.ok(chunks.peer.engine.usable);

  const close = answer(`${OK}\r\nhel`);
  assert.equal(close.peer.engine.usable, false);
  close.peer.send("lo");
  assert.equal(close.seen.trailers, null);
  close.peer.end();
  assert.equal(close.seen.body, "hello");
  assert.deepEqual(close.seen.trailers, []);
  assert.ok(close.peer.engine.finished);
});

Deno.test("RFC 9112 §6.3: 204, 304 and responses to HEAD have no body", () => {
  for (const [status, method] of [[204, "GET"], [304, "GET"], [200, "HEAD"]] as const) {
    const { peer, seen } = answer(
      `HTTP/1.1 ${status} X\r\n${status === 204 ? "" : "Content-Length: 5\r\n"}\r\n`,
      { ...GET, method },
    );
    assert.equal(seen.head?.status, status);
    assert.deepEqual(seen.trailers, []);
    assert.ok(peer.engine.usable, `${status} ${method}`);
  }
  // RFC 9112 §6.1: a length in 204 may mean a body that other parsers see.
  const { peer, seen } = answer("HTTP/1.1 204 X\r\nContent-Length: 5\r\n\r\n");
  assert.deepEqual(seen.trailers, []);
  assert.ok(peer.engine.finished);
});

Deno.test("RFC 9110 §15.2: interim responses are skipped, up to a hundred of them", () => {
  const early = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
  const { seen } = answer(`HTTP/1.1 100 Continue\r\n\r\n${early}${OK}content-length: 0\r\n\r\n`);
  assert.equal(seen.head?.status, 200);
  assert.equal(answer(early.repeat(100)).seen.aborted, null);
  const many = answer(early.repeat(101));
  assert.equal(many.seen.aborted?.progress, "answered");
  assert.ok(many.peer.engine.finished && many.peer.engine.closesAtOnce);
  assert.ok(answer("HTTP/1.1 101 Switching Protocols\r\n\r\n").peer.engine.finished);
});

Deno.test("RFC 9112 §9.3: the connection persists unless either side closes it", () => {
  const persists = (response: string) => answer(response).peer.engine.usable;
  assert.ok(persists(`${OK}content-length: 0\r\n\r\n`));
  assert.ok(!persists(`${OK}content-length: 0\r\nconnection: Close\r\n\r\n`));
  assert.ok(!persists(`${OK}content-length: 0\r\nconnection: x\r\nconnection: close\r\n\r\n`));
  assert.ok(!persists("HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n"));
  assert.ok(persists("HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n"));
  // The pool learns of it with the header section, before the end of the body.
  const { peer, seen } = answer(`${OK}content-length: 5\r\nconnection: close\r\n\r\nhe`);
  assert.equal(peer.unusable, 1);
  assert.equal(peer.engine.finished, false);
  peer.send("llo");
  assert.equal(seen.body, "hello");
  assert.ok(peer.engine.finished && !peer.engine.closesAtOnce);
});

Deno.test("requests on one connection, one after the other", () => {
  const peer = new Peer();
  for (let i = 0; i < 3; i++) {
    const seen = peer.get();
    assert.throws(() => peer.request(), RangeError);
    peer.send(`${OK}content-length: 1\r\n\r\n${i}`);
    assert.equal(seen.body, String(i));
  }
  assert.equal(peer.engine.bufferedBytes, 0);
});

Deno.test("a sink may start the next request at the end of a response", () => {
  const peer = new Peer();
  const first = peer.get();
  let second: Received | undefined;
  first.onEvent = (event) => {
    if (event === "onEnd") second = peer.request();
  };
  peer.send(`${OK}content-length: 1\r\n\r\n1`);
  second!.exchange.end();
  assert.match(peer.take(), /^GET /);
  peer.send(`${OK}content-length: 1\r\n\r\n2`);
  assert.equal(second!.body, "2");
});

Deno.test("RFC 9112 §9.2: bytes that answer no request end the connection", () => {
  const idle = new Peer().send("HTTP/1.1 408 Request Timeout\r\n\r\n");
  assert.ok(idle.engine.finished && idle.engine.closesAtOnce);
  // The bytes after a response would be taken for the answer to the next request.
  const { peer, seen } = answer(`${OK}content-length: 1\r\n\r\n1HTTP/1.1 200 OK\r\n\r\n`);
  assert.equal(seen.body, "1");
  assert.ok(peer.engine.finished);
  // An answer that arrives before its request was written is none.
  const early = new Peer();
  const request = early.request();
  request.exchange.end();
  early.send(`${OK}content-length: 1\r\n\r\n1`);
  assert.equal(request.aborted?.progress, "unwritten");
  assert.ok(early.engine.finished);
});

Deno.test("RFC 9112 §8: an incomplete response is an abort, with how far it got", () => {
  const cases: [string, string][] = [
    ["", "unanswered"],
    ["HTT", "answered"],
    ["HTTP/1.1 100 Continue\r\n\r\n", "answered"],
    [`${OK}content-length: 5\r\n\r\nhell`, "answered"],
    [`${OK}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n`, "answered"],
  ];
  for (const [bytes, progress] of cases) {
    const { peer, seen } = answer(bytes);
    peer.end();
    assert.equal(seen.aborted?.progress, progress, bytes);
    assert.equal(seen.trailers, null);
  }
  const peer = new Peer();
  const seen = peer.request();
  peer.engine.transportLost("reset", 1_000);
  assert.deepEqual(seen.aborted, { reason: "reset", progress: "unwritten" });
  assert.equal(peer.engine.out.length, 0);
});

Deno.test("RFC 9112 §9.6: an answer before the end of the request ends the connection", () => {
  const peer = new Peer();
  const seen = peer.request(post(CHUNKED));
  seen.exchange.send(null, text("a"));
  peer.take();
  peer.send(`${OK}content-length: 2\r\n\r\nno`);
  assert.equal(seen.body, "no");
  assert.deepEqual(seen.trailers, []);
  assert.ok(peer.engine.finished && peer.engine.closesAtOnce);
  seen.exchange.send(null, text("b"));
  seen.exchange.end();
  assert.equal(peer.take(), "");
});

Deno.test("RFC 9112 §9.6: an answer before the whole request was written ends the connection", () => {
  for (const written of ["nothing", "in part", "whole"]) {
    const peer = new Peer();
    const seen = peer.request({ ...GET, method: "POST", bodyBytes: 200_000 });
    seen.exchange.send(null, new Uint8Array(100_000));
    const first = peer.engine.out.take();
    seen.exchange.send(null, new Uint8Array(100_000));
    seen.exchange.end();
    if (written !== "nothing") peer.engine.out.accepted = peer.engine.out.taken;
    if (written === "whole") peer.take();
    else if (written === "in part") peer.engine.out.take();
    peer.send(`${OK}content-length: 2\r\n\r\nno`);
    assert.ok(first.length > 100_000);
    assert.equal(seen.body, "no");
    assert.deepEqual(seen.trailers, []);
    assert.equal(peer.engine.usable, written === "whole", written);
    assert.equal(peer.engine.closesAtOnce, written !== "whole", written);
  }
});

Deno.test("a response may begin before the end of the request", () => {
  const peer = new Peer();
  const seen = peer.request(post(CHUNKED));
  seen.exchange.send(null, text("a"));
  peer.take();
  peer.send(`${OK}transfer-encoding: chunked\r\n\r\n1\r\nx\r\n`);
  seen.exchange.send(null, text("b"));
  assert.equal(peer.take(), "1\r\nb\r\n");
  peer.send("1\r\ny\r\n");
  seen.exchange.end();
  assert.equal(peer.take(), "0\r\n\r\n");
  peer.send("0\r\n\r\n");
  assert.equal(seen.body, "xy");
  assert.ok(peer.engine.usable);
});

Deno.test("cancelling takes back a request that was not written, else closes at once", () => {
  const peer = new Peer();
  peer.request().exchange.cancel();
  assert.equal(peer.take(), "");
  assert.ok(peer.engine.usable && !peer.engine.busy);
  const seen = peer.get();
  seen.exchange.cancel();
  assert.ok(peer.engine.finished && peer.engine.closesAtOnce);
  assert.equal(seen.aborted, null);
  peer.send(`${OK}content-length: 0\r\n\r\n`);
  assert.equal(seen.head, null);
});

Deno.test("cancelling within an event ends the connection", () => {
  for (const when of ["onHead", "onBody"]) {
    for (
      const response of [
        `${OK}content-length: 2\r\n\r\nhi`,
        `${OK}transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`,
      ]
    ) {
      const peer = new Peer();
      const seen = peer.get();
      seen.onEvent = (event) => event === when && seen.exchange.cancel();
      peer.send(response);
      assert.equal(seen.trailers, null);
      assert.ok(peer.engine.finished);
    }
  }
});

Deno.test("draining finishes the response in progress", () => {
  const peer = new Peer();
  const seen = peer.get();
  peer.engine.drain(1_000);
  assert.equal(peer.engine.usable, false);
  assert.equal(peer.engine.finished, false);
  peer.send(`${OK}content-length: 2\r\n\r\nhi`);
  assert.equal(seen.body, "hi");
  assert.ok(peer.engine.finished);
  const idle = new Peer();
  idle.engine.drain(1_000);
  assert.ok(idle.engine.finished);
});

Deno.test("a paused response is not read further", () => {
  const peer = new Peer();
  const seen = peer.get();
  peer.send(`${OK}content-length: 4\r\n\r\nhi`);
  seen.exchange.setPaused(true);
  assert.equal(peer.engine.wantsRead, false);
  const before = peer.notifications;
  seen.exchange.setPaused(false);
  assert.ok(peer.engine.wantsRead && peer.notifications > before);
  seen.exchange.setPaused(true);
  seen.exchange.cancel();
  assert.ok(peer.engine.wantsRead);
});

Deno.test("senders wait while 64 KiB are unsent", () => {
  const peer = new Peer();
  const seen = peer.request(post(CHUNKED));
  assert.ok(seen.exchange.writable);
  seen.exchange.send(null, new Uint8Array(70_000));
  assert.equal(seen.exchange.writable, false);
  assert.equal(seen.writable, 0);
  peer.take();
  assert.equal(seen.writable, 1);
});

Deno.test("RFC 9112 §9.5: an idle connection is given up before the server's timeout", () => {
  const peer = new Peer();
  peer.get();
  peer.send(`${OK}content-length: 0\r\nkeep-alive: timeout=5, max=100\r\n\r\n`);
  assert.equal(peer.engine.nextTimerMs(), peer.nowMs + 4_000);
  // A request stops the timer.
  peer.get();
  assert.equal(peer.engine.nextTimerMs(), Infinity);
  peer.send(`${OK}content-length: 0\r\nkeep-alive: timeout=1\r\n\r\n`);
  peer.wait(499);
  assert.ok(peer.engine.usable);
  peer.wait(1);
  assert.ok(peer.engine.finished && !peer.engine.usable);
});

Deno.test("RFC 9112 §5 and §6: malformed responses end the connection", () => {
  const bad = [
    "HTTP/2.0 200 OK\r\n\r\n",
    "HTTP/1.1  200 OK\r\n\r\n",
    "HTTP/1.1 20 OK\r\n\r\n",
    "HTTP/1.1 2000 OK\r\n\r\n",
    "HTTP/1.1 099 OK\r\n\r\n",
    "http/1.1 200 OK\r\n\r\n",
    "\r\nHTTP/1.1 200 OK\r\n\r\n",
    "HTTP/1.1 200 O\x00K\r\n\r\n",
    "HTTP/1.1 200 OK\n\r\n",
    `${OK}a: b\nc: d\r\n\r\n`,
    `${OK}a : b\r\n\r\n`,
    `${OK} a: b\r\n\r\n`,
    `${OK}a: b\r\n c\r\n\r\n`,
    `${OK}a: b\rc\r\n\r\n`,
    `${OK}content-length: 1\r\ncontent-length: 1\r\n\r\n1`,
    `${OK}content-length: 1, 1\r\n\r\n1`,
    `${OK}content-length: +1\r\n\r\n1`,
    `${OK}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n`,
    `${OK}transfer-encoding: gzip\r\n\r\n`,
    `${OK}transfer-encoding: chunked, chunked\r\n\r\n`,
    `${OK}transfer-encoding: gzip, chunked\r\n\r\n`,
    "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
    `${OK}transfer-encoding: chunked\r\n\r\n1\nx`,
    `${OK}transfer-encoding: chunked\r\n\r\nx`,
    `${OK}transfer-encoding: chunked\r\n\r\n0\r\na b\r\n\r\n`,
    "HTTP/1.1 100 Continue\r\ncontent-length: x\r\n\r\n",
  ];
  for (const response of bad) {
    const { peer, seen } = answer(response);
    assert.ok(peer.engine.finished && peer.engine.closesAtOnce, JSON.stringify(response));
    assert.equal(seen.aborted?.progress, "answered", JSON.stringify(response));
    assert.equal(peer.notes.length, 1);
  }
});

Deno.test("header sections are bounded before they are complete", () => {
  const limits = { maxRequestLineBytes: 64, maxHeaderBytes: 1_024, maxHeaderFields: 16 };
  const over = [
    `HTTP/1.1 200 ${"x".repeat(60)}`,
    `${OK}a: ${"x".repeat(1_100)}`,
    OK + "a: b\r\n".repeat(17),
    `${OK}transfer-encoding: chunked\r\n\r\n0\r\na: ${"x".repeat(1_100)}`,
    `${OK}transfer-encoding: chunked\r\n\r\n1;${"x".repeat(1_100)}`,
  ];
  for (const response of over) {
    const peer = new Peer(limits);
    const seen = peer.get();
    for (const octet of octets(response)) peer.send(new Uint8Array([octet]));
    assert.ok(peer.engine.finished, response.slice(0, 40));
    assert.notEqual(seen.aborted, null);
    assert.ok(peer.engine.bufferedBytes === 0);
  }
});

const SCRIPTS = [
  `${OK}content-length: 5\r\nx: y\r\n\r\nhello`,
  `${OK}transfer-encoding: chunked\r\n\r\n2;a="b"\r\nhe\r\n3\r\nllo\r\n0\r\nx: y\r\nz: \xe9\r\n\r\n`,
  `HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 E\r\na: b\r\n\r\n${OK}content-length: 0\r\n\r\n`,
  `HTTP/1.0 404\r\n\r\nuntil the end`,
  "HTTP/1.1 204 No Content\r\nkeep-alive: timeout=3\r\n\r\n",
  `${OK}content-length: 3\r\nconnection: close\r\n\r\nabcRUBBISH`,
  `${OK}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n`,
];

Deno.test("responses are the same in one piece, byte by byte and cut anywhere", () => {
  for (const script of SCRIPTS) {
    const bytes = octets(script);
    const run = (pieces: Uint8Array[]) => {
      const peer = new Peer();
      const seen = peer.get();
      for (const piece of pieces) peer.send(piece);
      const { finished, usable, bufferedBytes } = peer.engine;
      const state = { finished, usable, bufferedBytes };
      return [seen.summary, state, peer.end() && seen.summary];
    };
    const whole = run([bytes]);
    assert.deepEqual(run(Array.from(bytes, (octet) => new Uint8Array([octet]))), whole);
    for (let at = 1; at < bytes.length; at++) {
      assert.deepEqual(run([bytes.subarray(0, at), bytes.subarray(at)]), whole, script);
    }
  }
});

Deno.test("no input makes the engine throw, report twice or hold more than its limits", () => {
  const piece = fc.oneof(
    fc.constantFrom(...SCRIPTS, "\r\n", "\n", "0\r\n\r\n", "HTTP/1.1 ", "content-length: 3\r\n"),
    fc.string({ unit: fc.constantFrom(..."\r\n :0afHT/1.2;\x00\xff"), maxLength: 20 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), fc.boolean(), (pieces, close) => {
      const peer = new Peer({ maxHeaderBytes: 1_024 });
      const seen = peer.get();
      for (const one of pieces) peer.send(one);
      assert.ok(peer.engine.bufferedBytes <= 16_384);
      if (close) {
        peer.end();
        assert.ok(seen.trailers !== null || seen.aborted !== null);
        assert.ok(peer.engine.finished);
      }
    }),
    { numRuns: 20_000 },
  );
});
