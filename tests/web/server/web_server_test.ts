import assert from "node:assert/strict";
import { chooseEncoding } from "../../../src/call/encodings.ts";
import { Metadata } from "../../../src/call/metadata.ts";
import { Status } from "../../../src/call/status.ts";
import type { ServerCall } from "../../../src/call/wire.ts";
import { DETAILS_KEY, encodeStatusDetails } from "../../../src/codec/status_details.ts";
import { gzip } from "../../../src/codec/gzip.ts";
import { encodeBase64Text } from "../../../src/web/base64_text.ts";
import { envelope } from "../../../src/web/envelope.ts";
import { trailerFrame } from "../../../src/web/trailer_frame.ts";
import { Http1Pair, request } from "./http1_pair.ts";

const METHOD = "/a.B/C";
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const utf8 = (value: string) => new TextEncoder().encode(value);
const json = (bytes: Uint8Array) => JSON.parse(text(bytes));
const concat = (...parts: Uint8Array[]) => new Uint8Array(parts.flatMap((part) => [...part]));

/** Handler that records its calls and answers each request with itself, then OK. */
function echo(calls: ServerCall[] = [], received: string[] = []) {
  return (call: ServerCall) => {
    calls.push(call);
    const messages: Uint8Array[] = [];
    call.sink = {
      onMessage: (message, compressed) => {
        received.push(`message ${text(message)}${compressed ? " compressed" : ""}`);
        messages.push(message);
      },
      onHalfClose: () => {
        for (const message of messages) call.sendMessage(message, false);
        call.sendStatus(Status.OK, "");
        call.handlerDone();
      },
      onCancel: (code, reason) => received.push(`cancel ${code} ${reason}`),
      onWritable: () => received.push("writable"),
    };
  };
}

/** Handler that ends each call with an error at once. */
function failing(call: ServerCall): void {
  call.sink = { onMessage() {}, onHalfClose() {}, onCancel() {}, onWritable() {} };
  const details = encodeStatusDetails(5, "gone", [
    { typeUrl: "type.googleapis.com/a.B", value: Uint8Array.of(255) },
  ]);
  call.sendHeaders(new Metadata({ "x-head": "1" }));
  const trailers = new Metadata([["x-trail", "2"], [DETAILS_KEY, details]]);
  call.sendStatus(Status.NOT_FOUND, "gone", trailers);
  call.handlerDone();
}

Deno.test("Connect unary: the body is the message, wherever the request is cut", () => {
  const bytes = request("POST", METHOD, { "content-type": "application/proto" }, utf8("hello"));
  for (let partBytes = 1; partBytes <= bytes.length; partBytes++) {
    const calls: ServerCall[] = [];
    const pair = new Http1Pair(echo(calls)).send(bytes, partBytes);
    const answer = pair.answer();
    assert.equal(answer.status, 200);
    assert.equal(answer.fields.get("content-type"), "application/proto");
    assert.equal(answer.fields.get("content-length"), "5");
    assert.equal(text(answer.body), "hello");
    assert.equal(calls.length, 1);
    assert.equal(calls[0].path, METHOD);
    assert.equal(calls[0].contentSubtype, "proto");
    assert.equal(calls[0].protocol, "connect");
    assert.equal(pair.memory.used, 0);
    assert.equal(pair.engine.finished, false);
  }
});

Deno.test("Connect unary: an error is JSON with the HTTP status of its code, trailers are fields", () => {
  const bytes = request("POST", METHOD, { "content-type": "application/json" }, utf8("{}"));
  const answer = new Http1Pair(failing).send(bytes).answer();
  assert.equal(answer.status, 404);
  assert.equal(answer.fields.get("content-type"), "application/json");
  assert.equal(answer.fields.get("x-head"), "1");
  assert.equal(answer.fields.get("trailer-x-trail"), "2");
  assert.equal(answer.fields.has(`trailer-${DETAILS_KEY}`), false);
  assert.deepEqual(json(answer.body), {
    code: "not_found",
    message: "gone",
    details: [{ type: "a.B", value: "/w" }],
  });
});

Deno.test("Connect unary: compressed messages, timeouts and metadata reach the call", () => {
  const calls: ServerCall[] = [];
  const received: string[] = [];
  const fields = {
    "content-type": "application/proto",
    "content-encoding": "gzip",
    "accept-encoding": "br, gzip;q=0.5",
    "connect-timeout-ms": "1500",
    "connect-protocol-version": "1",
    "x-a": "b",
  };
  new Http1Pair(echo(calls, received)).send(request("POST", METHOD, fields, gzip(utf8("x"))));
  const [call] = calls;
  assert.match(received[0], / compressed$/);
  assert.equal(call.encoding, "gzip");
  assert.equal(chooseEncoding(["gzip"], call.acceptedEncodings), "gzip");
  assert.equal(call.timeoutMs, 1500);
  assert.deepEqual(call.metadata.toJSON(), { "x-a": ["b"] });
});

Deno.test("Connect GET: the message is in the query", () => {
  const get = (query: string, safe = true) => {
    const calls: ServerCall[] = [];
    const accept = echo(calls);
    const pair = new Http1Pair((call) => {
      accept(call);
      call.checkMethod!({ kind: "unary", safe }, true);
    });
    return pair.send(request("GET", `${METHOD}?${query}`, {})).answer();
  };
  const found = get("connect=v1&encoding=json&message=%7B%22a%22%3A1%7D");
  assert.equal(found.status, 200);
  assert.equal(text(found.body), '{"a":1}');
  assert.equal(found.fields.get("vary"), "accept-encoding");
  assert.equal(text(get("encoding=proto&base64=1&message=aGk").body), "hi");
  const refused = get("encoding=proto&message=", false);
  assert.equal(refused.status, 405);
  assert.equal(refused.fields.get("allow"), "POST");
  assert.equal(get("encoding=proto&base64=1&message=a*").status, 400);
  assert.equal(get("message=x").status, 400);
  assert.equal(get("connect=v2&encoding=json&message=").status, 400);
});

Deno.test("Connect streams: envelopes both ways, wherever the request is cut", () => {
  const body = concat(envelope(utf8("one"), 0), envelope(utf8("two"), 0));
  const bytes = request("POST", METHOD, { "content-type": "application/connect+proto" }, body);
  for (let partBytes = 1; partBytes <= bytes.length; partBytes += 3) {
    const answer = new Http1Pair(echo()).send(bytes, partBytes).answer();
    assert.equal(answer.status, 200);
    assert.equal(answer.fields.get("content-type"), "application/connect+proto");
    assert.deepEqual(answer.body, concat(body, envelope(utf8("{}"), 2)));
  }
});

Deno.test("Connect streams: an error is in the last envelope of a response with status 200", () => {
  const fields = { "content-type": "application/connect+json" };
  const answer = new Http1Pair(failing).send(request("POST", METHOD, fields)).answer();
  assert.equal(answer.status, 200);
  assert.equal(answer.body[0], 2);
  assert.deepEqual(json(answer.body.subarray(5)), {
    error: { code: "not_found", message: "gone", details: [{ type: "a.B", value: "/w" }] },
    metadata: { "x-trail": ["2"] },
  });
});

Deno.test("gRPC-Web: messages and trailers are frames of the body, wherever the request is cut", () => {
  const body = envelope(utf8("hello"), 0);
  const fields = { "content-type": "application/grpc-web+proto", "grpc-timeout": "2S" };
  const bytes = request("POST", METHOD, fields, body);
  for (let partBytes = 1; partBytes <= bytes.length; partBytes += 2) {
    const calls: ServerCall[] = [];
    const answer = new Http1Pair(echo(calls)).send(bytes, partBytes).answer();
    assert.equal(calls[0].timeoutMs, 2_000);
    assert.equal(calls[0].protocol, "grpc-web");
    assert.equal(answer.fields.get("content-type"), "application/grpc-web+proto");
    assert.deepEqual(answer.body, concat(body, trailerFrame(Status.OK, "")));
  }
});

Deno.test("gRPC-Web text: bodies are base64 both ways", () => {
  const body = concat(
    encodeBase64Text(envelope(utf8("a"), 0)),
    encodeBase64Text(envelope(utf8("bc"), 0)),
  );
  const fields = { "content-type": "application/grpc-web-text" };
  const answer = new Http1Pair(echo()).send(request("POST", METHOD, fields, body)).answer();
  assert.equal(answer.fields.get("content-type"), "application/grpc-web-text+proto");
  const parts = text(answer.body).match(/[^=]+=*/g)!;
  assert.deepEqual(
    concat(...parts.map((part) => Uint8Array.fromBase64(part))),
    concat(
      envelope(utf8("a"), 0),
      envelope(utf8("bc"), 0),
      trailerFrame(Status.OK, ""),
    ),
  );
  const wrong = new Http1Pair(echo()).send(request("POST", METHOD, fields, utf8("****"))).answer();
  assert.match(atob(text(wrong.body)), /grpc-status: 13/);
});

Deno.test("a single message and its status are one part with Content-Length", () => {
  for (const type of ["application/grpc-web", "application/connect+proto"]) {
    const bytes = request("POST", METHOD, { "content-type": type }, envelope(utf8("x"), 0));
    const answer = new Http1Pair((call) => {
      call.sink = {
        onMessage: (message) => call.respond(message),
        onHalfClose() {},
        onCancel() {},
        onWritable() {},
      };
    }).send(bytes).answer();
    assert.equal(answer.fields.get("content-length"), String(answer.body.length), type);
    assert.deepEqual(answer.body.subarray(0, 6), envelope(utf8("x"), 0));
  }
});

Deno.test("broken bodies end the call with an error and cancel its handler", () => {
  const cases: [name: string, body: Uint8Array, reason: string, byConnect?: string][] = [
    ["flags", envelope(utf8("x"), 4), "13 A message has the flags 4: must be 0 or 1"],
    ["compressed", envelope(utf8("x"), 1), "13 A message is compressed"],
    [
      "cut",
      envelope(utf8("xyz"), 0).subarray(0, 6),
      "13 The request ends inside a message",
      "3 The request ends inside a message",
    ],
    ["large", Uint8Array.of(0, 1, 0, 0, 1), "8 Cannot accept a message of 16777217 bytes"],
  ];
  for (const [name, body, byGrpc, byConnect = byGrpc] of cases) {
    for (const type of ["application/grpc-web+proto", "application/connect+proto"]) {
      const reason = type === "application/connect+proto" ? byConnect : byGrpc;
      const received: string[] = [];
      const pair = new Http1Pair(echo([], received));
      const answer = pair.send(request("POST", METHOD, { "content-type": type }, body)).answer();
      assert.ok(received[0].startsWith(`cancel ${reason}`), `${name}: ${received[0]}`);
      assert.equal(answer.status, 200);
      assert.equal(pair.memory.used, 0);
    }
  }
});

Deno.test("a unary message beyond the limit is refused before and while it arrives", () => {
  const body = new Uint8Array(11);
  const fields = { "content-type": "application/proto" };
  const whole = new Http1Pair(echo(), { maxReceiveMessageBytes: 10 });
  const answer = whole.send(request("POST", METHOD, fields, body)).answer();
  assert.equal(answer.status, 429);
  assert.equal(json(answer.body).code, "resource_exhausted");
  const chunks = utf8(
    `POST ${METHOD} HTTP/1.1\r\nhost: a\r\ncontent-type: application/proto\r\n` +
      "transfer-encoding: chunked\r\n\r\n6\r\n123456\r\n6\r\n123456\r\n0\r\n\r\n",
  );
  const pair = new Http1Pair(echo(), { maxReceiveMessageBytes: 10 }).send(chunks, 1);
  assert.equal(pair.answer().status, 429);
  assert.equal(pair.memory.used, 0);
});

Deno.test("invalid requests become errors of their protocol, without a call", () => {
  const calls: ServerCall[] = [];
  const post = (fields: Record<string, string>) =>
    new Http1Pair(echo(calls)).send(request("POST", METHOD, fields)).answer();
  const unary = { "content-type": "application/proto" };
  assert.equal(post({ ...unary, "connect-timeout-ms": "12345678901" }).status, 400);
  assert.equal(post({ ...unary, "connect-protocol-version": "2" }).status, 400);
  assert.equal(post({ ...unary, "x-bin": "*" }).status, 400);
  assert.equal(post({ ...unary, "content-encoding": "foo" }).status, 501);
  const stream = { "content-type": "application/connect+proto" };
  const refused = post({ ...stream, "connect-content-encoding": "foo" });
  assert.equal(refused.status, 200);
  assert.equal(json(refused.body.subarray(5)).error.code, "unimplemented");
  const web = { "content-type": "application/grpc-web" };
  assert.match(text(post({ ...web, "grpc-timeout": "x" }).body), /grpc-status: 13/);
  assert.equal(calls.length, 0);
});

Deno.test("requests that are no calls are answered by HTTP", () => {
  const answer = (method: string, target: string, fields: Record<string, string> = {}) =>
    new Http1Pair(echo()).send(request(method, target, fields)).answer();
  assert.equal(text(answer("GET", "/").body), "about\n");
  assert.equal(answer("HEAD", "/").body.length, 0);
  assert.equal(answer("GET", "/other").status, 404);
  assert.equal(answer("DELETE", METHOD).status, 405);
  assert.equal(answer("DELETE", METHOD).fields.get("allow"), "GET, POST");
  const image = answer("POST", METHOD, { "content-type": "image/jpeg" });
  assert.equal(image.status, 415);
  assert.match(image.fields.get("accept-post")!, /application\/connect\+json/);
  assert.equal(answer("POST", METHOD, { "content-type": "application/grpc+proto" }).status, 505);
});

Deno.test("calls that the protocol cannot carry are answered 415, unknown methods 404", () => {
  const answer = (type: string, check: Parameters<NonNullable<ServerCall["checkMethod"]>>) =>
    new Http1Pair((call) => {
      echo()(call);
      if (call.checkMethod!(...check) && check[0] === undefined) {
        call.sendStatus(Status.UNIMPLEMENTED, "Unknown method");
      }
    }).send(request("POST", METHOD, { "content-type": type })).answer().status;
  assert.equal(answer("application/proto", [{ kind: "server_streaming" }, true]), 415);
  assert.equal(answer("application/foo", [{ kind: "unary" }, false]), 415);
  assert.equal(answer("application/connect+proto", [{ kind: "unary" }, true]), 415);
  assert.equal(answer("application/connect+foo", [{ kind: "bidi_streaming" }, false]), 415);
  assert.equal(answer("application/proto", [undefined, true]), 404);
  assert.equal(answer("application/grpc-web", [{ kind: "unary" }, true]), 200);
});

Deno.test("a response that the peer does not read waits, counted in the memory pool", () => {
  const large = new Uint8Array(200_000).fill(7);
  const calls: ServerCall[] = [];
  const received: string[] = [];
  const pair = new Http1Pair(echo(calls, received));
  pair.send(request("POST", METHOD, { "content-type": "application/grpc-web" }));
  // `echo` ended that call; this one is answered by hand.
  pair.drain();
  const fields = "content-type: application/connect+proto\r\ntransfer-encoding: chunked\r\n\r\n";
  pair.send(utf8(`POST ${METHOD} HTTP/1.1\r\nhost: a\r\n${fields}`));
  const call = calls[1];
  call.sendMessage(large, false);
  assert.equal(call.writable, false);
  assert.ok(pair.memory.used >= 200_000 - 32_768);
  assert.ok(pair.engine.out.length < 140_000);
  call.sendStatus(Status.OK, "");
  assert.deepEqual(received, []);
  pair.send(utf8("0\r\n\r\n"));
  const { body } = pair.answer();
  assert.deepEqual(body, concat(envelope(large, 0), envelope(utf8("{}"), 2)));
  assert.equal(pair.memory.used, 0);
});

Deno.test("a broken message closes the connection only if the close can be announced", () => {
  for (const early of [false, true]) {
    const body = envelope(utf8("x"), 1);
    const fields = { "content-type": "application/connect+proto" };
    const pair = new Http1Pair((call) => {
      call.sink = {
        onMessage() {},
        onHalfClose() {},
        onCancel() {},
        onWritable() {},
      };
      if (early) call.sendHeaders();
      call.chargeFault?.();
      call.sendStatus(Status.INTERNAL, "broken");
    }).send(request("POST", METHOD, fields, body));
    const closes = pair.answer().fields.get("connection");
    assert.equal(closes, early ? undefined : "close");
    assert.equal(pair.engine.finished, !early);
  }
});

Deno.test("a connection that is lost cancels its call and frees its memory", () => {
  const received: string[] = [];
  const pair = new Http1Pair(echo([], received));
  const bytes = request("POST", METHOD, { "content-type": "application/proto" }, utf8("hello"));
  pair.send(bytes.subarray(0, bytes.length - 2));
  assert.ok(pair.memory.used > 0);
  pair.engine.transportLost("gone", 0);
  assert.deepEqual(received, ["cancel 1 gone"]);
  assert.equal(pair.memory.used, 0);
});
