import assert from "node:assert/strict";
import type { Http1Limits } from "../../src/http1/options.ts";
import { Client, echo, type Handle, octets } from "./harness.ts";

const GET = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
const post = (body: string, fields = "") =>
  `POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`;
const chunked = (body: string, fields = "") =>
  `POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n${fields}\r\n${body}`;
const nothing: Handle = () => {};
const ok: Handle = (exchange) => exchange.respond(200, [], "ok");

Deno.test("RFC 9112 §3: a request's parts reach the handler", () => {
  const client = new Client();
  client.send(
    "GET /a?b=c HTTP/1.1\r\nHost: a.example:80\r\nX-Two:  x y\t\r\nX-Two: z\r\nX-Empty:\r\n\r\n",
  );
  const { head } = client.seen[0].exchange;
  assert.equal(head.method, "GET");
  assert.equal(head.target, "/a?b=c");
  assert.equal(head.minorVersion, 1);
  assert.equal(head.authority, "a.example:80");
  assert.deepEqual(head.fields, [
    ...["host", "a.example:80", "x-two", "x y", "x-two", "z", "x-empty", ""],
  ]);
  assert.equal(client.seen[0].ended, false, "the response came first");
  assert.equal(
    client.take(),
    "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 0\r\n\r\n",
  );
});

Deno.test("RFC 9112 §3.2.2: the authority of an absolute target replaces Host", () => {
  const client = new Client().send("GET http://B:81/x HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal(client.seen[0].exchange.head.authority, "B:81");
});

Deno.test("RFC 9112 §9.3: a connection persists in HTTP/1.1, and in HTTP/1.0 when asked", () => {
  const cases: [string, boolean, string][] = [
    ["GET /a HTTP/1.1\r\nHost: a\r\n\r\n", true, ""],
    ["GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false, "close"],
    ["GET /a HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", false, "close"],
    ["GET /a HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: close\r\n\r\n", false, "close"],
    ["GET /a HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n", true, ""],
    ["GET /a HTTP/1.0\r\n\r\n", false, "close"],
    ["GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true, "keep-alive"],
    ["GET /a HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false, "close"],
  ];
  for (const [request, persists, option] of cases) {
    const client = new Client(ok).send(request + request);
    assert.equal(client.engine.finished, !persists, request);
    assert.deepEqual(client.statuses, persists ? [200, 200] : [200], request);
    assert.equal(/connection: (.*)\r\n/.exec(client.output)?.[1] ?? "", option, request);
  }
});

Deno.test("RFC 9112 §9.3.2: requests sent ahead are answered in order, one at a time", () => {
  const client = new Client(nothing).send(
    GET + post("one") + chunked("3\r\ntwo\r\n0\r\n\r\n") + GET,
  );
  assert.equal(client.seen.length, 1);
  assert.equal(client.engine.wantsRead, false, "no more is read while requests wait");
  for (let i = 0; i < 4; i++) {
    assert.equal(client.seen.length, i + 1);
    const { exchange } = client.seen[i];
    exchange.readBody();
    exchange.respond(200, ["n", String(i)], client.seen[i].body);
  }
  assert.deepEqual(client.seen.map(({ body }) => body), ["", "one", "two", ""]);
  assert.deepEqual(
    client.seen.map(({ exchange }) => exchange.pipelined),
    [false, true, true, true],
  );
  assert.deepEqual([...client.take().matchAll(/n: (\d)/g)].map((match) => match[1]), [..."0123"]);
  assert.equal(client.engine.wantsRead, true);
  assert.equal(client.engine.bufferedBytes, 0);
});

Deno.test("a request is known to have arrived in full when its body came with the header section", () => {
  const post = (fields: string) => `POST / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
  const cases: [string, boolean][] = [
    ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", true],
    [`${post("Content-Length: 2\r\n")}ab`, true],
    [`${post("Content-Length: 2\r\n")}abGET`, true],
    [`${post("Content-Length: 2\r\n")}a`, false],
    [post("Content-Length: 2\r\n"), false],
    [`${post("Transfer-Encoding: chunked\r\n")}0\r\n\r\n`, false],
  ];
  for (const [bytes, arrived] of cases) {
    const client = new Client().send(bytes);
    assert.equal(client.seen[0].exchange.arrived, arrived, bytes);
  }
});

Deno.test("responses to requests sent ahead wait while the client does not read", () => {
  const big = "x".repeat(10_000);
  const client = new Client((exchange) => exchange.respond(200, [], big));
  client.send(GET.repeat(1_000));
  assert.ok(client.engine.out.length < 45_000, `${client.engine.out.length}`);
  assert.equal(client.engine.wantsRead, false);
  assert.equal(client.statuses.length, 1_000);
  assert.equal(client.engine.wantsRead, true);
});

Deno.test("a body is delivered once it is asked for, and while it is not paused", () => {
  const client = new Client(nothing).send(post("abcdef").slice(0, -3));
  const [seen] = client.seen;
  assert.equal(seen.body, "");
  assert.equal(client.engine.wantsRead, false, "the rest of the read waits");
  seen.exchange.readBody();
  assert.equal(seen.body, "abc");
  assert.equal(client.engine.wantsRead, true);
  seen.exchange.pauseBody();
  client.send("def");
  assert.equal(seen.body, "abc");
  assert.equal(seen.ended, false);
  seen.exchange.readBody();
  assert.equal(seen.body, "abcdef");
  assert.equal(seen.ended, true);
});

Deno.test("a pause within a chunked body keeps the following chunks", () => {
  const client = new Client((exchange, seen) => {
    exchange.sink = {
      ...exchange.sink,
      onBody: (bytes) => {
        seen.parts.push(bytes.slice());
        exchange.pauseBody();
      },
    };
    exchange.readBody();
  }).send(chunked("1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n"));
  const [seen] = client.seen;
  for (const body of ["a", "ab", "abc"]) {
    assert.equal(seen.body, body);
    assert.equal(seen.ended, false);
    seen.exchange.readBody();
  }
  assert.equal(seen.ended, true);
});

Deno.test("RFC 9112 §7.1.2: trailers are delivered apart from the fields", () => {
  const client = new Client(nothing).send(chunked("1\r\na\r\n0\r\nX-Sum: 1\r\ny: 2\r\n\r\n"));
  client.seen[0].exchange.readBody();
  assert.deepEqual(client.seen[0].trailers, ["x-sum", "1", "y", "2"]);
  assert.ok(!client.seen[0].exchange.head.fields.includes("x-sum"));
});

Deno.test("RFC 9110 §10.1.1: 100 Continue is sent when the body is first asked for", () => {
  const request = post("", "Expect: 100-Continue\r\n").replace("Length: 0", "Length: 3");
  const client = new Client(nothing).send(request);
  assert.equal(client.take(), "");
  const { exchange } = client.seen[0];
  exchange.readBody();
  exchange.pauseBody();
  exchange.readBody();
  assert.equal(client.take(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abc");
  exchange.respond(200, [], client.seen[0].body);
  assert.equal(client.take(), "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc");
  assert.equal(client.engine.finished, false);
});

Deno.test("RFC 9110 §10.1.1: a response without 100 Continue closes, since the body may not come", () => {
  const client = new Client(ok).send(
    post("", "Expect: 100-continue\r\n").replace("Length: 0", "Length: 3"),
  );
  assert.match(client.take(), /^HTTP\/1\.1 200 OK\r\n.*connection: close\r\n/s);
  assert.equal(client.engine.finished, true);
});

Deno.test("RFC 9110 §10.1.1: an expectation in HTTP/1.0 is ignored", () => {
  const client = new Client();
  client.send("POST /a HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n").send("abc");
  assert.match(client.take(), /^HTTP\/1\.1 200 OK.*abc$/s);
});

Deno.test("RFC 9112 §6.3: HEAD, 204 and 304 have no body", () => {
  const head = "HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n";
  const answers = (request: string, status: number) =>
    new Client((exchange) => exchange.respond(status, [], "body")).send(request + GET).take();
  assert.equal(
    answers(head, 200),
    "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody",
  );
  assert.equal(answers(GET, 204), "HTTP/1.1 204 No Content\r\n\r\n".repeat(2));
  assert.equal(answers(GET, 304), "HTTP/1.1 304 Not Modified\r\n\r\n".repeat(2));
});

Deno.test("RFC 9112 §7.1: a response of unknown length is chunked, with trailers", () => {
  const client = new Client((exchange) => {
    exchange.sendHead(200, ["trailer", "x"]);
    exchange.sendBody(octets("hello"));
    exchange.sendBody(octets(""));
    exchange.sendBody(octets("x".repeat(17)));
    exchange.end(["x", "y"]);
  }).send(GET);
  assert.equal(
    client.take(),
    "HTTP/1.1 200 OK\r\ntrailer: x\r\ntransfer-encoding: chunked\r\n\r\n" +
      `5\r\nhello\r\n11\r\n${"x".repeat(17)}\r\n0\r\nx: y\r\n\r\n`,
  );
});

Deno.test("RFC 9112 §6.3: in HTTP/1.0 a response of unknown length ends with the connection", () => {
  const client = new Client((exchange) => {
    exchange.sendHead(200, []);
    exchange.sendBody(octets("hello"));
    exchange.end();
  }).send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  assert.equal(client.take(), "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello");
  assert.equal(client.engine.finished, true);
});

Deno.test("RFC 9110 §8.6: a response has exactly the bytes of its Content-Length", () => {
  const client = new Client(nothing).send(GET);
  const { exchange } = client.seen[0];
  exchange.sendHead(200, [], 5);
  exchange.sendBody(octets("abc"));
  assert.throws(() => exchange.sendBody(octets("def")), {
    name: "RangeError",
    message: "Cannot send 3 bytes: 2 are left of the Content-Length",
  });
  exchange.end();
  assert.equal(client.broken, "The response is shorter than its Content-Length");
  assert.equal(client.engine.finished, true);
});

Deno.test("RFC 9112 §11.1: fields that would split a response are refused", () => {
  const client = new Client(nothing).send(GET);
  const { exchange } = client.seen[0];
  for (
    const fields of [["x", "a\r\nb: c"], ["x", "\0"], ["x", "a\n"], ["x", "\u0100"], ["x:", ""], [
      "",
      "",
    ]]
  ) {
    assert.throws(() => exchange.respond(200, fields, ""), { name: "TypeError" });
  }
  for (const status of [100, 101, 199, 1_000, 200.5, NaN]) {
    assert.throws(() => exchange.respond(status, [], ""), { name: "RangeError" });
  }
  assert.equal(client.take(), "", "nothing was sent");
  exchange.respond(
    200,
    ["x", "caf\xe9", "Transfer-Encoding", "chunked", "content-length", "9"],
    "ü",
  );
  assert.equal(client.take(), "HTTP/1.1 200 OK\r\nx: caf\xe9\r\ncontent-length: 2\r\n\r\n\xc3\xbc");
});

Deno.test("a handler waits for the client to read", () => {
  const client = new Client(nothing).send(GET);
  const [seen] = client.seen;
  seen.exchange.sendHead(200, []);
  let parts = 0;
  while (seen.exchange.writable) seen.exchange.sendBody(octets("x".repeat(1_000))), parts++;
  assert.ok(parts > 30 && parts < 40, `${parts}`);
  assert.equal(seen.writable, 0);
  client.take();
  assert.equal(seen.writable, 1);
  assert.equal(seen.exchange.writable, true);
});

Deno.test("a short body that no handler reads is dropped, a long one closes the connection", () => {
  const cases: [string, string, boolean][] = [
    [post("x".repeat(60_000)), "", true],
    [post("x".repeat(1_100_000)), "close", false],
    [chunked(`ea60\r\n${"x".repeat(60_000)}\r\n0\r\n\r\n`), "", true],
    [chunked(`10c8e0\r\n${"x".repeat(1_100_000)}\r\n0\r\n\r\n`), "", false],
  ];
  for (const [request, option, persists] of cases) {
    const client = new Client(ok);
    for (let at = 0; at < request.length; at += 1_000) client.send(request.slice(at, at + 1_000));
    client.send(GET);
    assert.deepEqual(client.statuses, persists ? [200, 200] : [200]);
    assert.equal(/connection: (.*)\r\n/.exec(client.output)?.[1] ?? "", option);
    assert.equal(client.engine.finished, !persists);
  }
});

Deno.test("RFC 9112 §9.6: an answer during a body that is being read announces the close if much is left", () => {
  for (const [bytes, closes] of [[1_100_000, true], [60_000, false]] as const) {
    const client = new Client((exchange) => {
      exchange.sink = { ...exchange.sink, onBody: () => exchange.respond(200, [], "ok") };
      exchange.readBody();
    });
    client.send(post("x".repeat(bytes)).slice(0, 1_000));
    assert.deepEqual(client.statuses, [200]);
    assert.equal(/connection: close\r\n/.test(client.output), closes, `${bytes}`);
    assert.equal(client.engine.finished, closes);
    assert.equal(client.engine.closedGracefully, closes);
  }
});

Deno.test("RFC 9112 §9.6: after its last response the connection waits for the client, except when aborted", () => {
  const refused = new Client().send("GET /a b HTTP/1.1\r\n\r\n");
  assert.equal(refused.engine.finished, true);
  assert.equal(refused.engine.closedGracefully, true);
  assert.equal(refused.engine.maxDiscardedBytes, 67_108_864);
  const aborted = new Client().send(GET);
  aborted.engine.abort("The server was closed", 0);
  assert.equal(aborted.engine.finished, true);
  assert.equal(aborted.engine.closedGracefully, false);
});

Deno.test("closeAfter() closes after the response", () => {
  const client = new Client((exchange) => {
    exchange.closeAfter();
    exchange.respond(200, [], "ok");
  }).send(GET + GET);
  assert.match(client.take(), /connection: close\r\n\r\nok$/);
  assert.equal(client.seen.length, 1);
  assert.equal(client.engine.finished, true);
});

/** Sends bytes that exceed a limit by one, and returns the status. */
function edge(limits: Http1Limits, make: (more: number) => string, more: number): number {
  return new Client(echo, limits).send(make(more)).statuses[0];
}

Deno.test("RFC 9112 §3, RFC 6585 §5: sizes are refused one beyond their limits", () => {
  const line = (more: number) => `GET /${"a".repeat(100 - 16 + more)} HTTP/1.1\r\nHost: a\r\n\r\n`;
  const fields = (more: number) =>
    `GET / HTTP/1.1\r\nHost: a\r\nx: ${"a".repeat(1_024 - 9 - 5 - 2 + more)}\r\n\r\n`;
  const count = (more: number) =>
    `GET / HTTP/1.1\r\nHost: a\r\n${"x: a\r\n".repeat(15 + more)}\r\n`;
  const trailers = (more: number) => chunked(`0\r\n${"x: a\r\n".repeat(16 + more)}\r\n`);
  const length = (more: number) => post("x".repeat(10 + more));
  const chunks = (more: number) =>
    chunked(`5\r\nabcde\r\n${5 + more}\r\n${"x".repeat(5 + more)}\r\n0\r\n\r\n`);
  const cases: [Http1Limits, (more: number) => string, number][] = [
    [{ maxRequestLineBytes: 100 }, line, 414],
    [{ maxHeaderBytes: 1_024 }, fields, 431],
    [{ maxHeaderFields: 16 }, count, 431],
    [{ maxHeaderFields: 16 }, trailers, 431],
    [{ maxBodyBytes: 10 }, length, 413],
    [{ maxBodyBytes: 10 }, chunks, 413],
  ];
  for (const [limits, make, status] of cases) {
    assert.equal(edge(limits, make, 0), 200, JSON.stringify(limits));
    assert.equal(edge(limits, make, 1), status, JSON.stringify(limits));
  }
});

Deno.test("no more is gathered than the limits allow, whatever the sender leaves out", () => {
  const client = new Client(echo, { maxHeaderBytes: 1_024 });
  client.send("GET / HTTP/1.1\r\n");
  let most = 0;
  for (let i = 0; i < 10_000 && !client.engine.finished; i++) {
    client.send("x: y");
    most = Math.max(most, client.engine.bufferedBytes);
  }
  assert.deepEqual(client.statuses, [431]);
  assert.ok(most < 1_100, `${most}`);
});

Deno.test("RFC 9110 §15.5.9: a header section that is late is answered 408, a silent peer not", () => {
  const late = new Client(echo, { headersTimeoutMs: 100 }).send("GET / HT").wait(99);
  assert.equal(late.engine.finished, false);
  assert.deepEqual(late.send("TP/1.1\r\n").wait(1).statuses, [408]);
  const silent = new Client(echo, { headersTimeoutMs: 100 }).wait(100);
  assert.equal(silent.engine.finished, true);
  assert.equal(silent.take(), "");
  // The time counts from the first byte of each further request.
  const second = new Client(ok, { headersTimeoutMs: 100, keepAliveTimeoutMs: 1_000 }).send(GET);
  second.take();
  second.wait(900).send("G").wait(99);
  assert.equal(second.engine.finished, false);
  assert.deepEqual(second.wait(1).statuses, [200, 408]);
});

Deno.test("an idle connection is closed, counted from the end of its last response", () => {
  const client = new Client(nothing, { keepAliveTimeoutMs: 100 }).send(GET).wait(10_000);
  client.seen[0].exchange.respond(200, [], "");
  client.take();
  client.wait(99);
  assert.equal(client.engine.finished, false);
  client.wait(1);
  assert.equal(client.engine.finished, true);
  assert.equal(client.take(), "");
});

Deno.test("a request that came during a long response has its own time for its header section", () => {
  const client = new Client(nothing, { headersTimeoutMs: 100 }).send(GET).send("GET / HT").wait(
    5_000,
  );
  client.seen[0].exchange.respond(200, [], "");
  client.take();
  client.wait(99);
  assert.equal(client.engine.finished, false);
  client.send("TP/1.1\r\nHost: a\r\n\r\n");
  assert.equal(client.seen.length, 2);
});

Deno.test("RFC 9110 §15.5.9: a body that is late is answered 408", () => {
  const limits = { requestTimeoutMs: 100, minBodyBytesPerSecond: 0 };
  const client = new Client(echo, limits).send(post("abcd").slice(0, -1)).wait(99);
  assert.equal(client.engine.finished, false);
  assert.deepEqual(client.wait(1).statuses, [408]);
  assert.equal(client.seen[0].aborted, "The body is not complete in time");
});

Deno.test("a body below the least rate is answered 408, unless its reader pauses", () => {
  const limits = { minBodyBytesPerSecond: 100 };
  const begin = () => {
    const client = new Client(nothing, limits).send(post("x".repeat(10_000)).slice(0, -9_000));
    client.seen[0].exchange.readBody();
    return client;
  };
  const drip = begin();
  // The first interval holds what came before the reader asked.
  drip.wait(5_000);
  for (let i = 0; i < 500; i++) drip.send("x").wait(10);
  assert.equal(drip.engine.finished, false, "500 bytes in 5 s");
  for (let i = 0; i < 499; i++) drip.send("x").wait(10);
  assert.deepEqual(drip.wait(10).statuses, [408]);
  const paused = begin();
  paused.wait(5_000).seen[0].exchange.pauseBody();
  paused.send("x").wait(60_000);
  assert.equal(paused.engine.finished, false);
  const unread = new Client(nothing, limits).send(post("x".repeat(9)).slice(0, -9)).wait(60_000);
  assert.equal(unread.engine.finished, false);
});

Deno.test("a connection whose response was sent at the end of the body stays open as any idle one", () => {
  const framings = [
    "content-length: 2\r\n\r\nab",
    "transfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
  ];
  for (const rest of framings) {
    const client = new Client(echo, { keepAliveTimeoutMs: 60_000, minBodyBytesPerSecond: 100 });
    client.send(`POST / HTTP/1.1\r\nHost: a\r\n${rest}`);
    assert.deepEqual(client.statuses, [200], rest);
    client.wait(59_000);
    assert.equal(client.engine.finished, false, rest);
    client.wait(2_000);
    assert.equal(client.engine.finished, true, rest);
  }
});

Deno.test("a body that streams has no total time or rate, but something must arrive in time", () => {
  const limits = { requestTimeoutMs: 1_000, minBodyBytesPerSecond: 100 };
  const begin = () => {
    const client = new Client(nothing, limits).send(post("x".repeat(1_000)).slice(0, -1_000));
    client.seen[0].exchange.readBody("messages");
    return client;
  };
  const slow = begin();
  slow.wait(1_000);
  for (let i = 0; i < 20; i++) slow.wait(400).send("x");
  assert.equal(slow.engine.finished, false);
  assert.deepEqual(slow.wait(2_000).statuses, [408]);
  const paused = begin();
  paused.seen[0].exchange.pauseBody();
  paused.send("x").wait(60_000);
  assert.equal(paused.engine.finished, false);
});

Deno.test("a peer that does not read is given up, before and after the end of the response", () => {
  for (const ends of [false, true]) {
    const client = new Client(nothing, { stallTimeoutMs: 1_000 }).send(
      GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"),
    );
    const { exchange } = client.seen[0];
    exchange.sendHead(200, []);
    exchange.sendBody(octets("x".repeat(40_000)));
    if (ends) exchange.end();
    assert.equal(client.engine.finished, ends);
    const taken = client.engine.out.take();
    assert.ok(taken.length > 40_000);
    client.wait(1_000);
    assert.equal(client.broken, null);
    client.wait(1_000);
    assert.equal(client.broken, "The peer does not read the response");
    assert.equal(client.engine.finished, true);
    client.engine.transportLost("closed", client.nowMs);
    assert.equal(client.engine.nextTimerMs(), Infinity);
  }
});

Deno.test("a slow reader that accepts output is served", () => {
  const client = new Client(nothing, { stallTimeoutMs: 1_000 }).send(GET);
  const { exchange } = client.seen[0];
  exchange.sendHead(200, []);
  for (let i = 0; i < 100; i++) {
    exchange.sendBody(octets("x".repeat(1_000)));
    client.wait(900).take();
  }
  exchange.end();
  client.take();
  assert.equal(client.broken, null);
});

Deno.test("the peer's end aborts an open exchange", () => {
  for (const how of ["end", "lost", "abort"] as const) {
    const client = new Client(nothing).send(post("abc").slice(0, -1));
    client.seen[0].exchange.readBody();
    if (how === "end") client.engine.receiveEnd(client.nowMs);
    else if (how === "lost") client.engine.transportLost("gone", client.nowMs);
    else client.engine.abort("gone", client.nowMs);
    assert.equal(client.seen[0].aborted, how === "end" ? "The peer closed the connection" : "gone");
    assert.equal(client.engine.finished, true);
    assert.equal(client.engine.activeCalls, 0);
    client.seen[0].exchange.respond(200, [], "late");
    assert.equal(client.take(), "");
    client.engine.transportLost("again", client.nowMs);
  }
});

Deno.test("a drain finishes the open exchange and closes idle connections", () => {
  const idle = new Client();
  idle.engine.drain(idle.nowMs);
  assert.equal(idle.engine.finished, true);
  const open = new Client(nothing).send(GET + GET);
  open.engine.drain(open.nowMs);
  assert.equal(open.engine.finished, false);
  open.seen[0].exchange.respond(200, [], "ok");
  assert.match(open.take(), /connection: close\r\n\r\nok$/);
  assert.equal(open.engine.finished, true);
  assert.equal(open.seen.length, 1);
  const begun = new Client(nothing).send("GET / HTTP/1.1\r\nHo");
  begun.engine.drain(begun.nowMs);
  begun.send("st: a\r\n\r\n");
  begun.seen[0].exchange.respond(200, [], "ok");
  assert.match(begun.take(), /connection: close/);
});

Deno.test("a malformed body after the head of the response cuts the response short", () => {
  const client = new Client((exchange) => {
    exchange.sendHead(200, []);
    exchange.readBody();
  }).send(chunked("zz\r\n"));
  assert.equal(client.broken, "The chunked body is malformed");
  assert.equal(client.seen[0].aborted, "The chunked body is malformed");
  assert.deepEqual(client.statuses, [200]);
  assert.ok(!client.output.endsWith("0\r\n\r\n"));
});

Deno.test("a handler may answer from within any event, and nothing follows", () => {
  for (const event of ["onBody", "onBodyEnd"] as const) {
    for (const request of [post("abc"), chunked("3\r\nabc\r\n0\r\n\r\n")]) {
      const client = new Client((exchange) => {
        exchange.sink = { ...exchange.sink, [event]: () => exchange.respond(200, [], "ok") };
        exchange.readBody();
      }, { keepAliveTimeoutMs: 100 });
      client.send(request + request);
      assert.deepEqual(client.statuses, [200, 200]);
      assert.equal(client.engine.activeCalls, 0);
      client.wait(100);
      assert.equal(client.engine.finished, true, "the idle time runs");
    }
  }
});

Deno.test("a handler may end the connection while requests sent ahead are processed", () => {
  const ends: Record<string, (client: Client) => void> = {
    abort: ({ seen }) => seen[1].exchange.abort("enough"),
    lost: ({ engine, nowMs }) => engine.transportLost("gone", nowMs),
    drain: ({ engine, nowMs, seen }) => {
      engine.drain(nowMs);
      seen[1].exchange.respond(200, [], "last");
    },
  };
  for (const [name, end] of Object.entries(ends)) {
    for (const request of [GET, post("abc"), chunked("3\r\nabc\r\n0\r\n\r\n")]) {
      const client: Client = new Client((exchange) => {
        exchange.readBody();
        if (client.seen.length === 2) end(client);
      });
      client.send(request.repeat(1_000));
      client.seen[0].exchange.respond(200, [], "ok");
      assert.equal(client.seen.length, 2, name);
      assert.equal(client.engine.finished, true, name);
      assert.equal(client.engine.bufferedBytes, 0, name);
    }
  }
});

Deno.test("output outside of receive() is announced to the driver", () => {
  const client = new Client(nothing).send(GET);
  const before = client.notifications;
  client.seen[0].exchange.respond(200, [], "ok");
  assert.ok(client.notifications > before);
});

Deno.test("RFC 9110 §7.8: input behind a request that switches the protocol is kept, wherever it is cut", () => {
  const bytes = GET + "\x81next protocol";
  const head = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: new\r\n" +
    "accept: yes\r\n\r\n";
  for (let cut = GET.length; cut <= bytes.length; cut++) {
    const client = new Client((exchange) => {
      assert.ok(exchange.canSwitch);
      exchange.switchProtocol("new", ["accept", "yes"]);
    });
    for (const octet of bytes.slice(0, GET.length - 1)) client.send(octet);
    client.send(bytes.slice(GET.length - 1, cut));
    assert.ok(client.engine.finished);
    assert.equal(client.take(), head);
    assert.deepEqual(client.engine.switchedInput, octets(bytes.slice(GET.length, cut)));
  }
});

Deno.test("RFC 9110 §7.8: a request with a body, of HTTP/1.0, answered or sent ahead can't switch", () => {
  const seen: boolean[] = [];
  const note: Handle = (exchange) => seen.push(exchange.canSwitch);
  new Client(note).send(post("a"));
  new Client(note).send("GET /a HTTP/1.0\r\n\r\n");
  new Client((exchange) => {
    exchange.respond(200, [], "");
    seen.push(exchange.canSwitch);
  }).send(GET);
  const client = new Client((exchange) => {
    if (exchange.pipelined) seen.push(exchange.canSwitch);
  });
  client.send(GET + GET);
  client.seen[0].exchange.respond(200, [], "");
  assert.deepEqual(seen, [false, false, false, false]);
});
