import assert from "node:assert/strict";
import type { Metadata } from "../../../src/call/metadata.ts";
import { Status } from "../../../src/call/status.ts";
import { gzip } from "../../../src/codec/gzip.ts";
import { decodeStatusDetails } from "../../../src/codec/status_details.ts";
import { envelope } from "../../../src/web/envelope.ts";
import { concat, EMPTY, text } from "../../fixtures/bytes.ts";
import { respond, start, texts, type Wire, wires } from "./wires.ts";

const STREAM = { singleResponse: false };
const CONNECT = { "content-type": "application/connect+proto" };
const GRPC = { "content-type": "application/grpc-web+proto" };
const end = (value: unknown = {}) => envelope(text(JSON.stringify(value)), 2);
const trailers = (lines: string) => envelope(text(lines), 0x80);

Deno.test("Connect, Streaming-Request: one message has a known length", () => {
  for (const wire of wires({ format: "json" })) {
    const { call } = start(wire, { ...STREAM, encoding: "gzip", timeoutMs: 20 });
    assert.equal(wire.sent(), undefined);
    call.sendLastMessage(text("{}"), false);
    const { fields, body, ended } = wire.sent()!;
    const { ":scheme": _, ...others } = fields;
    assert.deepEqual(others, {
      "content-type": "application/connect+json",
      "connect-protocol-version": "1",
      "connect-accept-encoding": "gzip,zstd,snappy",
      "connect-content-encoding": "gzip",
      "connect-timeout-ms": "20",
      "user-agent": "vrpc",
      "content-length": "7",
    });
    assert.deepEqual(body, envelope(text("{}"), 0));
    assert.ok(ended);
  }
});

Deno.test("gRPC-Web, requests: fields, prefix and compression flag", () => {
  for (const wire of wires({ protocol: "grpc-web", pathPrefix: "/p" })) {
    const { call } = start(wire, { requestStreams: true, timeoutMs: 20, encoding: "gzip" });
    const opened = wire.sent()!;
    assert.equal(opened.path, "/p/a.B/C");
    assert.equal(opened.ended, false);
    const { ":scheme": _, "transfer-encoding": coding, ...others } = opened.fields;
    assert.equal(coding, wire.version === "1.1" ? "chunked" : undefined);
    assert.deepEqual(others, {
      "content-type": "application/grpc-web+proto",
      "x-grpc-web": "1",
      "grpc-accept-encoding": "identity,gzip,zstd,snappy",
      "grpc-encoding": "gzip",
      "grpc-timeout": "20000u",
      "user-agent": "vrpc",
    });
    call.sendMessage(text("a"), false);
    call.sendMessage(EMPTY, false);
    call.sendMessage(text("zip"), true);
    assert.ok(!wire.sent()!.ended);
    call.halfClose();
    call.halfClose();
    call.sendMessage(text("late"), false);
    const { body, ended } = wire.sent()!;
    assert.deepEqual(
      body,
      concat(envelope(text("a"), 0), envelope(EMPTY, 0), envelope(text("zip"), 1)),
    );
    assert.ok(ended);
  }
});

Deno.test("a single-message call may half-close without or after its message", () => {
  for (const wire of wires()) {
    start(wire, STREAM).call.halfClose();
    assert.ok(wire.sent()!.ended);
    assert.equal(wire.sent()!.body.length, 0);
    respond(wire, 200, CONNECT, end());
    const { call } = start(wire, STREAM);
    call.sendMessage(text("a"), false);
    call.halfClose();
    assert.deepEqual(wire.sent()!.body, envelope(text("a"), 0));
    assert.ok(wire.sent()!.ended);
  }
});

/** Runs a response in one piece, in pieces of one byte and cut in two at each position. */
function everyCut(
  make: () => Wire[],
  status: number,
  fields: Record<string, string>,
  body: Uint8Array,
) {
  const outcomes: unknown[] = [];
  const run = (cuts: number[]) => {
    for (const wire of make()) {
      const { call, outcome } = start(wire, STREAM);
      call.sendLastMessage(EMPTY, false);
      wire.sent();
      wire.head(status, fields);
      let from = 0;
      for (const to of [...cuts, body.length]) {
        if (to > from && outcome.statuses.length === 0) wire.body(body.subarray(from, to));
        from = to;
      }
      if (outcome.statuses.length === 0) wire.end();
      const { headers, messages, statuses, trailers } = outcome;
      outcomes.push({ headers, messages, statuses, trailers });
      assert.deepEqual(outcomes.at(-1), outcomes[0]);
    }
  };
  run([]);
  run(Array.from(body, (_, at) => at));
  for (let at = 1; at < body.length; at++) run([at]);
  return outcomes[0] as {
    messages: Uint8Array[];
    statuses: { code: number; message: string }[];
    trailers: Metadata;
    headers: Metadata | null;
  };
}

Deno.test("Connect, Streaming-Response: messages, then the end of stream, cut anywhere", () => {
  const ok = everyCut(
    wires,
    200,
    { ...CONNECT, x: "1" },
    concat(
      envelope(text("a"), 0),
      envelope(EMPTY, 0),
      end({ metadata: { Y: ["1", "2"], "z-bin": ["AP8"] } }),
    ),
  );
  assert.deepEqual(ok.messages, [text("a"), EMPTY]);
  assert.equal(ok.statuses[0].code, Status.OK);
  assert.deepEqual([...ok.headers!], [["x", "1"]]);
  assert.deepEqual([...ok.trailers], [["y", "1"], ["y", "2"], ["z-bin", new Uint8Array([0, 255])]]);
  const error = { code: "aborted", message: "no", details: [{ type: "a.B", value: "CAE" }] };
  const failed = everyCut(wires, 200, CONNECT, concat(envelope(text("a"), 0), end({ error })));
  assert.deepEqual(failed.messages, [text("a")]);
  assert.equal(failed.statuses[0].code, Status.ABORTED);
  assert.equal(failed.statuses[0].message, "no");
  assert.equal(decodeStatusDetails(failed.trailers.get("grpc-status-details-bin")!).length, 1);
});

Deno.test("gRPC-Web, responses: messages, then trailers, cut anywhere", () => {
  const make = () => wires({ protocol: "grpc-web" });
  const ok = everyCut(
    make,
    200,
    { "content-type": "application/grpc-web", x: "1" },
    concat(envelope(text("a"), 0), trailers("grpc-status: 0\r\nY: 1\r\n")),
  );
  assert.deepEqual(ok.messages, [text("a")]);
  assert.deepEqual([...ok.trailers], [["y", "1"]]);
  const failed = everyCut(make, 200, GRPC, trailers("grpc-status:5\r\ngrpc-message:n%C3%B6\r\n"));
  assert.equal(failed.statuses[0].code, Status.NOT_FOUND);
  assert.equal(failed.statuses[0].message, "nö");
});

Deno.test("gRPC-Web, Trailers-Only: the status is in the head, unless a body follows", () => {
  const fields = { ...GRPC, "grpc-status": "5", "grpc-message": "no", x: "1" };
  for (const wire of wires({ protocol: "grpc-web" })) {
    const { call, outcome } = start(wire);
    call.sendLastMessage(EMPTY, false);
    respond(wire, 200, fields);
    assert.equal(outcome.code, Status.NOT_FOUND);
    assert.equal(outcome.headers, null);
    assert.equal(outcome.trailers!.get("x"), "1");
  }
  for (const wire of wires({ protocol: "grpc-web" })) {
    const { call, outcome } = start(wire);
    call.sendLastMessage(EMPTY, false);
    respond(wire, 200, fields, trailers("grpc-status: 8\r\n"));
    assert.equal(outcome.code, Status.RESOURCE_EXHAUSTED);
    assert.equal(outcome.headers!.get("x"), "1");
  }
  // A status in the head of another kind of response counts, whatever its body is.
  for (const wire of wires({ protocol: "grpc-web" })) {
    const { call, outcome } = start(wire);
    call.sendLastMessage(EMPTY, false);
    respond(wire, 503, { "content-type": "text/html", "grpc-status": "5" }, text("<h1>"));
    assert.equal(outcome.code, Status.NOT_FOUND);
  }
});

Deno.test("compressed messages and ends are announced, and inflated within the limit", () => {
  for (
    const [protocol, type, field, last] of [
      [
        "connect",
        CONNECT,
        "connect-content-encoding",
        envelope(gzip(text('{"error":{"code":"aborted"}}')), 3),
      ],
      ["grpc-web", GRPC, "grpc-encoding", envelope(gzip(text("grpc-status: 10\r\n")), 0x81)],
    ] as const
  ) {
    for (const wire of wires({ protocol })) {
      const { call, outcome } = start(wire, STREAM);
      call.sendLastMessage(EMPTY, false);
      respond(wire, 200, { ...type, [field]: "gzip" }, envelope(gzip(text("a")), 1), last);
      assert.equal(outcome.code, Status.ABORTED);
      assert.equal(call.encoding, "gzip");
      assert.equal(outcome.messages.length, 1);
    }
    for (const wire of wires({ protocol })) {
      const { call, outcome } = start(wire, { ...STREAM, maxReceiveMessageBytes: 10_000 });
      call.sendLastMessage(EMPTY, false);
      wire.sent();
      wire.head(200, { ...type, [field]: "gzip" });
      wire.body(envelope(gzip(new Uint8Array(1_000_000)), protocol === "connect" ? 3 : 0x81));
      assert.equal(outcome.code, Status.RESOURCE_EXHAUSTED);
      assert.ok(wire.cancelled());
    }
  }
});

Deno.test("responses that break the protocol end with INTERNAL and are given up", () => {
  const bomb = [
    [CONNECT, "connect", [end(), envelope(text("a"), 0)], /after its end/],
    [CONNECT, "connect", [end(), end()], /after its end/],
    [CONNECT, "connect", [envelope(text("a"), 4)], /flags 4/],
    [CONNECT, "connect", [envelope(text("a"), 0x80)], /flags 128/],
    [CONNECT, "connect", [envelope(text("a"), 1)], /names no compression/],
    [{ ...CONNECT, "connect-content-encoding": "br" }, "connect", [envelope(text("a"), 1)], /"br"/],
    [GRPC, "grpc-web", [envelope(text("a"), 2)], /flags 2/],
    [GRPC, "grpc-web", [envelope(text("a"), 1)], /names no compression/],
  ] as const;
  for (const [fields, protocol, parts, message] of bomb) {
    for (const wire of wires({ protocol })) {
      const { call, outcome } = start(wire, STREAM);
      call.sendLastMessage(EMPTY, false);
      wire.sent();
      wire.head(200, fields);
      for (const part of parts) wire.body(part);
      assert.equal(outcome.code, Status.INTERNAL, String(message));
      assert.match(outcome.statuses[0].message, message);
      assert.ok(wire.cancelled());
    }
  }
});

Deno.test("responses without a proper end", () => {
  const cases = [
    [CONNECT, "connect", [], Status.INTERNAL, /without a status/],
    [CONNECT, "connect", [envelope(text("a"), 0)], Status.INTERNAL, /without a status/],
    [CONNECT, "connect", [text("\0\0\0")], Status.INTERNAL, /inside a message/],
    [CONNECT, "connect", [envelope(text("no"), 2)], Status.INTERNAL, /JSON/],
    [GRPC, "grpc-web", [], Status.INTERNAL, /without a status/],
    [GRPC, "grpc-web", [trailers("x: 1\r\n")], Status.UNKNOWN, /without grpc-status/],
    [GRPC, "grpc-web", [trailers("x\r\n")], Status.INTERNAL, /colon/],
    [GRPC, "grpc-web", [trailers("grpc-status: x\r\n")], Status.UNKNOWN, /^$/],
    [{ "content-type": "application/json" }, "connect", [], Status.UNKNOWN, /"application\/json"/],
    [{ "content-type": "application/connect+json" }, "connect", [], Status.INTERNAL, /\+json/],
    [{ "content-type": "application/grpc" }, "grpc-web", [], Status.UNKNOWN, /application\/grpc/],
    [{ "content-type": "application/grpc-web-text" }, "grpc-web", [], Status.INTERNAL, /-text/],
  ] as const;
  for (const [fields, protocol, parts, code, message] of cases) {
    for (const wire of wires({ protocol })) {
      const { call, outcome } = start(wire, STREAM);
      call.sendLastMessage(EMPTY, false);
      respond(wire, 200, fields, ...parts);
      assert.equal(outcome.code, code, String(message));
      assert.match(outcome.statuses[0].message, message);
      assert.equal(wire.client.activeCalls, 0);
    }
  }
  for (const wire of wires()) {
    const { call, outcome } = start(wire, STREAM);
    call.sendLastMessage(EMPTY, false);
    respond(wire, 503, { "content-type": "text/plain" }, text("busy"));
    assert.equal(outcome.code, Status.UNAVAILABLE);
    assert.match(outcome.statuses[0].message, /503: busy$/);
  }
});

Deno.test("the declared length of a message is checked before memory is taken", () => {
  for (const protocol of ["connect", "grpc-web"] as const) {
    for (const wire of wires({ protocol })) {
      const { call, outcome } = start(wire, { ...STREAM, maxReceiveMessageBytes: 100 });
      call.sendLastMessage(EMPTY, false);
      wire.sent();
      wire.head(200, protocol === "connect" ? CONNECT : GRPC);
      wire.body(new Uint8Array([0, 0, 0, 0, 101]));
      assert.equal(outcome.code, Status.RESOURCE_EXHAUSTED);
      assert.ok(wire.cancelled());
      assert.equal(wire.client.bufferedBytes, 0);
    }
  }
});

Deno.test("requests and responses overlap; cancelling and pausing reach the connection", () => {
  for (const wire of wires()) {
    const { call, outcome } = start(wire, { ...STREAM, requestStreams: true });
    call.sendMessage(text("a"), false);
    wire.sent();
    wire.head(200, CONNECT);
    wire.body(envelope(text("x"), 0));
    assert.deepEqual(texts(outcome), ["x"]);
    call.setReadPaused(true);
    if (wire.version === "1.1") assert.equal(wire.client.wantsRead, false);
    call.setReadPaused(false);
    assert.ok(wire.client.wantsRead);
    call.sendMessage(text("b"), false);
    assert.deepEqual(wire.sent()!.body, concat(envelope(text("a"), 0), envelope(text("b"), 0)));
    call.cancel();
    assert.ok(wire.cancelled());
    assert.deepEqual(outcome.statuses, []);
    assert.equal(wire.client.activeCalls, 0);
  }
});

Deno.test("a response that ends first ends the call, and the request is given up", () => {
  for (const wire of wires()) {
    const { call, outcome } = start(wire, { ...STREAM, requestStreams: true });
    call.sendMessage(text("a"), false);
    respond(wire, 200, CONNECT, end({ error: { code: "aborted" } }));
    assert.equal(outcome.code, Status.ABORTED);
    assert.ok(wire.cancelled());
    call.sendMessage(text("b"), false);
    call.halfClose();
    call.cancel();
  }
});
