import assert from "node:assert/strict";
import { Metadata } from "../../../src/call/metadata.ts";
import { Status } from "../../../src/call/status.ts";
import { gzip } from "../../../src/codec/gzip.ts";
import { decodeStatusDetails } from "../../../src/codec/status_details.ts";
import { text, untext } from "../../fixtures/bytes.ts";
import { Http1Wire, Http2Wire, respond, start, texts, wires } from "./wires.ts";

const PROTO = { "content-type": "application/proto" };
const JSON_TYPE = { "content-type": "application/json" };
const json = (value: unknown) => text(JSON.stringify(value));

Deno.test("Connect, Unary-Request: the bare message with its fields and length", () => {
  for (const wire of wires({ pathPrefix: "/api" })) {
    const { call } = start(wire, {
      metadata: new Metadata([["a", "1"], ["a", "2"], ["b-bin", new Uint8Array([0, 255])]]),
      timeoutMs: 1_500.2,
    });
    assert.equal(wire.sent(), undefined, "the head waits for the message");
    assert.equal(wire.client.activeCalls, 1);
    call.sendLastMessage(text("hi"), false);
    const sent = wire.sent()!;
    assert.equal(sent.method, "POST");
    assert.equal(sent.path, "/api/a.B/C");
    assert.equal(sent.authority, "test:1");
    assert.equal(untext(sent.body), "hi");
    assert.ok(sent.ended);
    const { ":scheme": _, ...fields } = sent.fields;
    assert.deepEqual(fields, {
      "content-type": "application/proto",
      "connect-protocol-version": "1",
      "accept-encoding": "gzip,zstd,snappy",
      "user-agent": "vrpc",
      "connect-timeout-ms": "1501",
      "a": "2",
      "b-bin": "AP8",
      "content-length": "2",
    });
  }
});

Deno.test("Connect, Unary-Request: compressed messages have content-encoding, others have not", () => {
  for (const wire of wires({ format: "json" })) {
    start(wire, { encoding: "gzip" }).call.sendLastMessage(gzip(text("{}")), true);
    const { fields } = wire.sent()!;
    assert.equal(fields["content-encoding"], "gzip");
    assert.equal(fields["content-type"], "application/json");
    respond(wire, 200, JSON_TYPE, text("{}"));
    start(wire, { encoding: "gzip" }).call.sendLastMessage(text("{}"), false);
    assert.equal(wire.sent()!.fields["content-encoding"], undefined);
  }
});

Deno.test("Connect, Unary-Get-Request: methods without side effects, if asked", () => {
  const query = (format: "proto" | "json", message: Uint8Array, compressed = false) => {
    const paths = wires({ format, useGet: true, pathPrefix: "/p" }).map((wire) => {
      const method = { idempotent: true, safe: true };
      const encoding = compressed ? "gzip" : undefined;
      start(wire, { method, encoding, timeoutMs: 9 }).call.sendLastMessage(message, compressed);
      const sent = wire.sent()!;
      assert.equal(sent.method, "GET");
      assert.equal(sent.body.length, 0);
      assert.ok(sent.ended);
      const { fields } = sent;
      assert.equal(fields["content-type"] ?? fields["content-length"], undefined);
      assert.equal(fields["connect-timeout-ms"], "9");
      return sent.path;
    });
    assert.equal(paths[0], paths[1]);
    return paths[0];
  };
  const path = "/p/a.B/C?connect=v1";
  assert.equal(
    query("proto", new Uint8Array([0xfb, 0xff])),
    `${path}&base64=1&encoding=proto&message=-_8`,
  );
  assert.equal(query("proto", new Uint8Array()), `${path}&base64=1&encoding=proto&message=`);
  assert.equal(
    query("json", text('{"a":"é&+ "}')),
    `${path}&encoding=json&message=%7B%22a%22%3A%22%C3%A9%26%2B%20%22%7D`,
  );
  assert.equal(
    query("json", text("zip"), true),
    `${path}&base64=1&compression=gzip&encoding=json&message=emlw`,
  );
});

Deno.test("Connect: other methods and long requests are sent as POST", () => {
  for (
    const [method, bytes] of [
      [undefined, 1],
      [{ idempotent: true }, 1],
      [{ idempotent: true, safe: true }, 6_001],
    ] as const
  ) {
    for (const wire of wires({ useGet: true })) {
      start(wire, { method }).call.sendLastMessage(new Uint8Array(bytes), false);
      const sent = wire.sent()!;
      assert.equal(sent.method, "POST");
      assert.equal(sent.body.length, bytes);
    }
  }
});

Deno.test("Connect, Unary-Response: message, headers and trailers", () => {
  for (const wire of wires()) {
    const { call, outcome } = start(wire);
    call.sendLastMessage(text("hi"), false);
    respond(
      wire,
      200,
      { ...PROTO, "x": "1", "trailer-y": "2", "trailer-z-bin": "AP8", "trailer-bad-bin": "!" },
      text("hel"),
      text("lo"),
    );
    assert.deepEqual(texts(outcome), ["hello"]);
    assert.deepEqual([...outcome.headers!], [["x", "1"]]);
    assert.deepEqual([...outcome.trailers!], [["y", "2"], ["z-bin", new Uint8Array([0, 255])]]);
    assert.deepEqual(outcome.statuses, [{ code: Status.OK, message: "", progress: "processed" }]);
    assert.equal(wire.client.activeCalls, 0);
    assert.equal(wire.callEnds, 1);
    assert.equal(wire.client.bufferedBytes, 0);
  }
});

Deno.test("Connect, Unary-Response: an empty body is an empty message, even if compressed", () => {
  for (const fields of [PROTO, { ...PROTO, "content-encoding": "gzip" }]) {
    for (const wire of wires()) {
      const { call, outcome } = start(wire);
      call.sendLastMessage(text("hi"), false);
      respond(wire, 200, fields);
      assert.deepEqual(texts(outcome), [""]);
      assert.equal(outcome.code, Status.OK);
    }
  }
});

Deno.test("Connect, Error: code, message, details and trailers, compressed or not", () => {
  const error = {
    code: "out_of_range",
    message: "far",
    details: [{ type: "a.B", value: "CAE", debug: { x: 1 } }, { type: "bad", value: "!" }],
  };
  for (const zipped of [false, true]) {
    for (const wire of wires()) {
      const { call, outcome } = start(wire);
      call.sendLastMessage(text("hi"), false);
      const body = zipped ? gzip(json(error)) : json(error);
      const more = { "x": "1", "trailer-y": "2" };
      const fields = { ...JSON_TYPE, ...more, ...zipped ? { "content-encoding": "gzip" } : {} };
      respond(wire, 400, fields, body);
      assert.equal(outcome.code, Status.OUT_OF_RANGE);
      assert.equal(outcome.statuses[0].message, "far");
      assert.deepEqual([...outcome.headers!], [["x", "1"]]);
      assert.equal(outcome.trailers!.get("y"), "2");
      assert.deepEqual(decodeStatusDetails(outcome.trailers!.get("grpc-status-details-bin")!), [
        { typeUrl: "type.googleapis.com/a.B", value: new Uint8Array([8, 1]) },
      ]);
    }
  }
});

Deno.test("Connect, HTTP to Error Code: errors that are not Connect's JSON", () => {
  const cases: [number, Record<string, string>, string, Status, RegExp][] = [
    [
      503,
      { "content-type": "text/html" },
      "<h1>no",
      Status.UNAVAILABLE,
      /HTTP status 503: <h1>no$/,
    ],
    [404, {}, "", Status.UNIMPLEMENTED, /HTTP status 404$/],
    [401, JSON_TYPE, "[]", Status.UNAUTHENTICATED, /HTTP status 401$/],
    [429, JSON_TYPE, "{", Status.UNAVAILABLE, /HTTP status 429$/],
    [418, { ...JSON_TYPE, "content-encoding": "gzip" }, "{}", Status.UNKNOWN, /HTTP status 418$/],
    [403, JSON_TYPE, '{"code":"odd"}', Status.PERMISSION_DENIED, /^$/],
    [200, { "content-type": "text/plain" }, "hi", Status.UNKNOWN, /"text\/plain".*: hi$/],
    [200, JSON_TYPE, "{}", Status.INTERNAL, /not application\/proto/],
    [200, { ...PROTO, "content-encoding": "br" }, "x", Status.INTERNAL, /"br"/],
  ];
  for (const [status, fields, body, code, message] of cases) {
    for (const wire of wires()) {
      const { call, outcome } = start(wire);
      call.sendLastMessage(text("hi"), false);
      wire.sent();
      wire.head(status, fields);
      if (body !== "" && !outcome.statuses.length) wire.body(text(body));
      if (!outcome.statuses.length) wire.end();
      assert.equal(outcome.code, code, `${status} ${body}`);
      assert.match(outcome.statuses[0].message, message);
      assert.equal(outcome.messages.length, 0);
    }
  }
});

Deno.test("Connect: replies and foreign bodies are bounded", () => {
  for (const wire of wires()) {
    const { call, outcome } = start(wire, { maxReceiveMessageBytes: 10 });
    call.sendLastMessage(text("hi"), false);
    wire.sent();
    wire.head(200, PROTO);
    wire.body(new Uint8Array(10));
    assert.equal(outcome.statuses.length, 0);
    wire.body(new Uint8Array(1));
    assert.equal(outcome.code, Status.RESOURCE_EXHAUSTED);
    assert.ok(wire.cancelled());
  }
  for (const wire of wires()) {
    const { call, outcome } = start(wire);
    call.sendLastMessage(text("hi"), false);
    wire.sent();
    wire.head(404, { "content-type": "text/plain" });
    wire.body(text("x".repeat(2_000)));
    assert.ok(outcome.statuses[0].message.endsWith("x".repeat(1_024)));
    assert.ok(outcome.statuses[0].message.length < 1_100);
    assert.ok(wire.cancelled());
  }
});

Deno.test("Connect: cancelling frees the slot, before and after the request is sent", () => {
  for (const wire of wires()) {
    const early = start(wire);
    early.call.cancel();
    early.call.sendLastMessage(text("hi"), false);
    assert.equal(wire.sent(), undefined);
    assert.equal(wire.client.activeCalls, 0);
    assert.equal(wire.callEnds, 1);
    const late = start(wire);
    late.call.sendLastMessage(text("hi"), false);
    wire.sent();
    late.call.cancel();
    assert.ok(wire.cancelled());
    assert.equal(wire.client.activeCalls, 0);
    assert.equal(wire.callEnds, 2);
    assert.deepEqual([...early.outcome.statuses, ...late.outcome.statuses], []);
  }
});

Deno.test("a call that cannot be sent ends with the reason, and its slot is free", () => {
  const one = new Http1Wire();
  const { call, outcome } = start(one, { path: "/a b" });
  call.sendLastMessage(text("hi"), false);
  assert.equal(outcome.code, Status.INTERNAL);
  assert.match(outcome.statuses[0].message, /"\/a b"/);
  assert.equal(one.client.activeCalls, 0);
  // SETTINGS_MAX_HEADER_LIST_SIZE (RFC 9113 §6.5.2).
  const two = new Http2Wire({}, [6, 300]);
  const long = start(two);
  long.call.sendLastMessage(text("hi"), false);
  assert.equal(long.outcome.code, Status.RESOURCE_EXHAUSTED);
  assert.equal(two.client.activeCalls, 0);
  assert.equal(two.sent(), undefined);
});
