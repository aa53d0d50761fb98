import assert from "node:assert/strict";
import fc from "fast-check";
import { ErrorCode, PREFACE } from "../../src/http2/constants.ts";
import {
  block,
  data,
  type Frame,
  frame,
  goaway,
  GRPC_REQUEST,
  headers,
  hello,
  join,
  parse,
  ping,
  rst,
  settings,
  settingsAck,
  u32,
  windowUpdate,
} from "./frames.ts";
import { codeOf, goawayCode, rstCode, Server } from "./server_peer.ts";

const { PROTOCOL_ERROR, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, STREAM_CLOSED, COMPRESSION_ERROR } =
  ErrorCode;
const { ENHANCE_YOUR_CALM, REFUSED_STREAM } = ErrorCode;

const request = (more: [string, string][], without: string[] = []) =>
  headers(1, [...GRPC_REQUEST.filter(([n]) => !without.includes(n)), ...more]);

const CONNECTION_FAULTS: [string, Uint8Array[], number][] = [
  ["RFC 9113 §3.4: a frame before SETTINGS", [PREFACE, ping()], PROTOCOL_ERROR],
  ["RFC 9113 §3.4: no preface", [new Uint8Array(24)], PROTOCOL_ERROR],
  ["RFC 9113 §6.1: DATA on stream 0", [hello(), data(0, [1])], PROTOCOL_ERROR],
  ["RFC 9113 §5.1: DATA on an idle stream", [hello(), data(1, [1])], PROTOCOL_ERROR],
  ["RFC 9113 §6.4: RST_STREAM on an idle stream", [hello(), rst(1, 8)], PROTOCOL_ERROR],
  ["RFC 9113 §5.1: WINDOW_UPDATE on an idle stream", [hello(), windowUpdate(1, 1)], PROTOCOL_ERROR],
  ["RFC 9113 §5.1.1: an even stream", [hello(), headers(2)], PROTOCOL_ERROR],
  [
    "RFC 9113 §5.1: HEADERS on a closed stream",
    [hello(), headers(1), rst(1, 8), headers(1)],
    STREAM_CLOSED,
  ],
  [
    "RFC 9113 §5.1: DATA on a closed stream",
    [hello(), headers(1), rst(1, 8), data(1, [1])],
    STREAM_CLOSED,
  ],
  ["RFC 9113 §8.4: PUSH_PROMISE", [hello(), frame(5, 4, 1, u32(2))], PROTOCOL_ERROR],
  ["RFC 9113 §6.10: CONTINUATION alone", [hello(), frame(9, 4, 1)], PROTOCOL_ERROR],
  [
    "RFC 9113 §6.10: a frame inside a header block",
    [hello(), headers(1, GRPC_REQUEST, 0), ping()],
    PROTOCOL_ERROR,
  ],
  [
    "RFC 9113 §6.10: DATA inside a header block",
    [hello(), headers(1, GRPC_REQUEST, 0), data(1, [])],
    PROTOCOL_ERROR,
  ],
  [
    "RFC 9113 §10.5: nine empty CONTINUATION frames",
    [hello(), headers(1, GRPC_REQUEST, 0), ...Array.from({ length: 9 }, () => frame(9, 0, 1))],
    ENHANCE_YOUR_CALM,
  ],
  ["RFC 9113 §6.2: HEADERS on stream 0", [hello(), headers(0)], PROTOCOL_ERROR],
  [
    "RFC 9113 §6.3: PRIORITY on stream 0",
    [hello(), frame(2, 0, 0, [0, 0, 0, 0, 1])],
    PROTOCOL_ERROR,
  ],
  ["RFC 9113 §6.4: RST_STREAM on stream 0", [hello(), rst(0, 8)], PROTOCOL_ERROR],
  [
    "RFC 9113 §6.4: RST_STREAM of 3 bytes",
    [hello(), headers(1), frame(3, 0, 1, [0, 0, 8])],
    FRAME_SIZE_ERROR,
  ],
  [
    "RFC 9113 §6.9: WINDOW_UPDATE of 3 bytes",
    [hello(), frame(8, 0, 0, [0, 0, 8])],
    FRAME_SIZE_ERROR,
  ],
  [
    "RFC 9113 §6.8: GOAWAY on a stream",
    [hello(), frame(7, 0, 1, [...u32(0), ...u32(0)])],
    PROTOCOL_ERROR,
  ],
  ["RFC 9113 §6.10: CONTINUATION on another stream", [
    hello(),
    headers(1, GRPC_REQUEST, 0),
    frame(9, 4, 3),
  ], PROTOCOL_ERROR],
  [
    "RFC 9113 §6.7: PING of 7 bytes",
    [hello(), frame(6, 0, 0, [1, 2, 3, 4, 5, 6, 7])],
    FRAME_SIZE_ERROR,
  ],
  [
    "RFC 9113 §6.7: PING on a stream",
    [hello(), frame(6, 0, 1, u32(0).concat(u32(0)))],
    PROTOCOL_ERROR,
  ],
  [
    "RFC 9113 §6.5: SETTINGS of 5 bytes",
    [hello(), frame(4, 0, 0, [1, 2, 3, 4, 5])],
    FRAME_SIZE_ERROR,
  ],
  [
    "RFC 9113 §10.5: SETTINGS of 33 entries",
    [hello(), settings(...Array.from({ length: 33 }, (_, i): [number, number] => [4, i]))],
    ENHANCE_YOUR_CALM,
  ],
  ["RFC 9113 §6.5: SETTINGS on a stream", [hello(), frame(4, 0, 1)], PROTOCOL_ERROR],
  [
    "RFC 9113 §6.5: a long acknowledgement of SETTINGS",
    [hello(), frame(4, 1, 0, u32(0))],
    FRAME_SIZE_ERROR,
  ],
  ["RFC 9113 §6.5.2: MAX_FRAME_SIZE 0", [hello(), settings([5, 0])], PROTOCOL_ERROR],
  ["RFC 9113 §6.5.2: MAX_FRAME_SIZE 2^24", [hello(), settings([5, 16_777_216])], PROTOCOL_ERROR],
  ["RFC 9113 §6.5.2: ENABLE_PUSH 2", [hello(), settings([2, 2])], PROTOCOL_ERROR],
  [
    "RFC 9113 §6.5.2: INITIAL_WINDOW_SIZE 2^31",
    [hello(), settings([4, 0x80000000])],
    FLOW_CONTROL_ERROR,
  ],
  ["RFC 9113 §6.9: WINDOW_UPDATE 0", [hello(), windowUpdate(0, 0)], PROTOCOL_ERROR],
  [
    "RFC 9113 §6.9.1: a window over 2^31-1",
    [hello(), windowUpdate(0, 0x7fffffff)],
    FLOW_CONTROL_ERROR,
  ],
  [
    "RFC 9113 §6.8: GOAWAY of 7 bytes",
    [hello(), frame(7, 0, 0, [0, 0, 0, 0, 0, 0, 0])],
    FRAME_SIZE_ERROR,
  ],
  [
    "RFC 9113 §4.2: a frame over the limit",
    [hello(), frame(0, 0, 1).map((b, i) => i === 0 ? 1 : b)],
    FRAME_SIZE_ERROR,
  ],
  [
    "RFC 9113 §4.3, RFC 7541 §6.1: HPACK index 0",
    [hello(), frame(1, 4, 1, [0x80])],
    COMPRESSION_ERROR,
  ],
  [
    "RFC 9113 §6.1: padding as long as its frame",
    [hello(), headers(1), frame(0, 8, 1, [3, 1, 2])],
    PROTOCOL_ERROR,
  ],
];

for (const [name, bytes, code] of CONNECTION_FAULTS) {
  Deno.test(`connection error: ${name}`, () => {
    for (const size of [1, 3, 100_000]) {
      const server = new Server();
      const all = join(...bytes);
      let frames: Frame[] = [];
      for (let at = 0; at < all.length; at += size) {
        frames = frames.concat(server.send(all.slice(at, at + size)));
      }
      assert.equal(goawayCode(frames), code);
      assert(server.engine.finished);
      assert.deepEqual(server.send(ping()), [], "nothing is sent after GOAWAY");
    }
  });
}

const STREAM_FAULTS: [string, Uint8Array[], number][] = [
  ["RFC 9113 §8.2.1: upper case in a field name", [request([["X-Key", "v"]])], PROTOCOL_ERROR],
  ["RFC 9113 §8.2.2: a field specific to HTTP/1.1 connections", [
    request([["connection", "close"]]),
  ], PROTOCOL_ERROR],
  ["RFC 9113 §8.2.2: te other than trailers", [request([["te", "gzip"]], ["te"])], PROTOCOL_ERROR],
  [
    "RFC 9113 §8.3: a pseudo-header field after a regular one",
    [request([[":path", "/"]], [":path"])],
    PROTOCOL_ERROR,
  ],
  [
    "RFC 9113 §8.3: an unknown pseudo-header field",
    [headers(1, [[":x", "y"], ...GRPC_REQUEST])],
    PROTOCOL_ERROR,
  ],
  [
    "RFC 9113 §8.3: a response's pseudo-header field",
    [headers(1, [[":status", "200"], ...GRPC_REQUEST])],
    PROTOCOL_ERROR,
  ],
  ["RFC 9113 §8.3: two paths", [headers(1, [[":path", "/"], ...GRPC_REQUEST])], PROTOCOL_ERROR],
  ["RFC 9113 §8.3.1: no path", [request([], [":path"])], PROTOCOL_ERROR],
  [
    "RFC 9113 §8.3.1: authority and host that differ",
    [request([["host", "other"]])],
    PROTOCOL_ERROR,
  ],
  ["RFC 9113 §8.2.1: a line break in a value", [request([["x", "a\nb"]])], PROTOCOL_ERROR],
  [
    "RFC 9113 §8.1.1: content-length that is wrong",
    [request([["content-length", "5"]]), data(1, [1], 1)],
    PROTOCOL_ERROR,
  ],
  [
    "RFC 9113 §8.1: a second header section without END_STREAM",
    [headers(1), headers(1, [["x", "y"]])],
    PROTOCOL_ERROR,
  ],
  [
    "RFC 9113 §8.1: pseudo-header fields in trailers",
    [headers(1), headers(1, [[":path", "/"]], 5)],
    PROTOCOL_ERROR,
  ],
  [
    "RFC 9113 §5.1: DATA after END_STREAM",
    [headers(1, GRPC_REQUEST, 5), data(1, [1])],
    STREAM_CLOSED,
  ],
  [
    "RFC 9113 §5.1: HEADERS after END_STREAM",
    [headers(1, GRPC_REQUEST, 5), headers(1, GRPC_REQUEST, 5)],
    STREAM_CLOSED,
  ],
  [
    "RFC 9113 §6.3: PRIORITY of 4 bytes",
    [headers(1), frame(2, 0, 1, [0, 0, 0, 3])],
    FRAME_SIZE_ERROR,
  ],
  ["RFC 9113 §8.2.1: an empty field name", [request([["", "v"]])], PROTOCOL_ERROR],
  [
    "RFC 9113 §8.2.2: transfer-encoding",
    [request([["transfer-encoding", "chunked"]])],
    PROTOCOL_ERROR,
  ],
  [
    "RFC 9113 §8.3.1: an empty path",
    [request([[":path", ""]], [":path"]).slice(0)],
    PROTOCOL_ERROR,
  ],
  ["RFC 9113 §6.9: WINDOW_UPDATE of 0", [headers(1), windowUpdate(1, 0)], PROTOCOL_ERROR],
  [
    "RFC 9113 §6.9.1: a stream's window over 2^31-1",
    [headers(1), windowUpdate(1, 0x7fffffff)],
    FLOW_CONTROL_ERROR,
  ],
  [
    "RFC 9113 §10.5.1: a header list over its limit",
    [request([["x", "y".repeat(17_000)]]).slice(0)],
    ENHANCE_YOUR_CALM,
  ],
  [
    "RFC 9113 §10.5.1: over 128 fields",
    [request(Array.from({ length: 130 }, (_, i) => [`x${i}`, ""]))],
    ENHANCE_YOUR_CALM,
  ],
];

for (const [name, bytes, code] of STREAM_FAULTS) {
  Deno.test(`stream error: ${name}`, () => {
    const server = new Server({ maxFrameBytes: 32_768 }, true);
    assert.equal(rstCode(server.send(hello(), ...bytes)), code);
    assert.equal(server.engine.finished, false);
    assert.equal(server.engine.activeCalls, 0);
    const frames = server.send(headers(3), ping());
    assert(frames.some((f) => f.type === 6), "the connection goes on");
  });
}

Deno.test("RFC 9113 §5.1.2: streams above the limit are refused, closed ones do not count", () => {
  const server = new Server({ maxConcurrentStreams: 2 });
  server.send(hello(), headers(1), rst(1, 8), headers(3), rst(3, 8));
  assert.equal(server.calls.length, 2);
  assert.equal(rstCode(server.send(headers(5), headers(7))), undefined);
  assert.equal(rstCode(server.send(headers(9))), REFUSED_STREAM);
  assert.equal(rstCode(server.send(rst(5, 8), headers(11))), undefined);
  assert.equal(server.calls.length, 5);
});

Deno.test("streams whose handlers run on after their end are refused from four times the limit", () => {
  const server = new Server({ maxConcurrentStreams: 2 });
  server.send(hello());
  let id = 1;
  for (; server.calls.length < 8; id += 2) server.send(headers(id), rst(id, 8));
  assert.equal(server.engine.activeCalls, 8);
  assert.equal(rstCode(server.send(headers(id))), REFUSED_STREAM);
  server.calls[0].handlerDone();
  assert.equal(rstCode(server.send(headers(id + 2))), undefined);
});

Deno.test("a reset is free once its call was answered, or waited for an answer", () => {
  const server = new Server({ resetBurst: 1, resetsPerSecond: 0 }, true);
  server.send(hello());
  let id = 1;
  for (; id < 100; id += 2) {
    server.send(headers(id));
    server.calls.at(-1)!.sendMessage(new Uint8Array(10), false);
    server.send(rst(id, 8));
  }
  for (; id < 200; id += 2) {
    server.send(headers(id));
    server.nowMs += 10;
    server.send(rst(id, 8));
  }
  assert.equal(server.engine.finished, false);
  server.send(headers(id), rst(id, 8));
  assert.equal(server.engine.finished, false, "the only credit");
  server.nowMs += 100;
  // In one piece with its call, whatever the handler sent by then.
  assert.equal(goawayCode(server.send(headers(id + 2), rst(id + 2, 8))), ENHANCE_YOUR_CALM);
});

Deno.test("a reset of a reply of which the client took nothing is charged", () => {
  const server = new Server({ resetBurst: 20, resetsPerSecond: 0 }, true);
  server.send(hello([4, 0]));
  let code: number | undefined;
  for (let id = 1; id < 100 && code === undefined; id += 2) {
    server.send(headers(id));
    server.calls.at(-1)!.sendMessage(new Uint8Array(60_000), false);
    server.nowMs += 100;
    code = goawayCode(server.send(rst(id, 8)));
  }
  assert.equal(code, ENHANCE_YOUR_CALM);
});

Deno.test("RFC 9113 §5.1.2: a client that keeps opening streams above the limit is throttled more and more, then closed", () => {
  const server = new Server({ maxConcurrentStreams: 1, resetBurst: 100, resetsPerSecond: 10 });
  server.send(hello(), headers(1));
  let id = 3;
  const open = () => server.send(headers(id), (id += 2, new Uint8Array(0)));
  for (let refused = 1; refused <= 50; refused++) {
    assert.equal(rstCode(open()), REFUSED_STREAM);
    assert.equal(server.engine.readThrottledUntilMs, 0);
  }
  open();
  assert.equal(server.engine.readThrottledUntilMs, 100);
  // Reading earlier is allowed, and makes it no better for the peer.
  for (let i = 0; i < 4; i++) open();
  assert.equal(server.engine.readThrottledUntilMs, 500);
  server.nowMs = 400;
  open();
  assert.equal(server.engine.readThrottledUntilMs, 600);
  server.nowMs = 600;
  for (let i = 0; i < 40; i++) open();
  assert.equal(server.engine.readThrottledUntilMs, 4_600);
  for (let i = 0; i < 10; i++) assert.equal(rstCode(open()), REFUSED_STREAM);
  assert.equal(server.engine.readThrottledUntilMs, 5_600);
  assert.equal(goawayCode(open()), ENHANCE_YOUR_CALM);
});

Deno.test("messages that cannot be decompressed count as two resets each, and throttle reads", () => {
  const server = new Server({ resetBurst: 100, resetsPerSecond: 10 });
  server.send(hello(), headers(1));
  for (let i = 0; i < 25; i++) server.calls[0].chargeFault!();
  assert.equal(server.engine.readThrottledUntilMs, 0);
  server.calls[0].chargeFault!();
  assert.equal(server.engine.readThrottledUntilMs, 200);
  for (let i = 0; i < 24; i++) server.calls[0].chargeFault!();
  assert.equal(server.engine.finished, false);
  server.calls[0].chargeFault!();
  assert.equal(goawayCode(server.output()), ENHANCE_YOUR_CALM);
});

Deno.test("a client above the limit is throttled by at most 5 s", () => {
  const server = new Server({ maxConcurrentStreams: 1, resetsPerSecond: 0 });
  server.send(hello(), headers(1));
  for (let id = 3; id <= 3 + 2 * 500; id += 2) server.send(headers(id));
  assert.equal(server.engine.readThrottledUntilMs, 5_000);
});

Deno.test("RFC 9113 §10.5: rapid reset ends the connection with ENHANCE_YOUR_CALM", () => {
  const server = new Server({}, true);
  server.send(hello());
  let code: number | undefined;
  let id = 1;
  for (; id < 10_001 && code === undefined; id += 2) {
    code = goawayCode(server.send(headers(id), rst(id, 8)));
  }
  assert.equal(code, ENHANCE_YOUR_CALM);
  assert(id < 2_100, `closed only at stream ${id}`);
});

Deno.test("RFC 9113 §10.5: resets that the client makes the server send count as well", () => {
  const server = new Server({}, true);
  server.send(hello());
  let code: number | undefined;
  for (let id = 1; id < 10_001 && code === undefined; id += 2) {
    code = goawayCode(server.send(headers(id), windowUpdate(id, 0)));
  }
  assert.equal(code, ENHANCE_YOUR_CALM);
});

for (
  const [name, one] of [
    ["SETTINGS", settings()],
    ["PRIORITY", frame(2, 0, 1, [0, 0, 0, 0, 1])],
    ["unknown frames", frame(99, 0, 0)],
    ["empty DATA", data(1, [])],
    ["1-byte DATA", data(1, [0])],
    ["WINDOW_UPDATE", windowUpdate(1, 1)],
    ["acknowledgements of PING", ping(1)],
  ] as const
) {
  Deno.test(`RFC 9113 §10.5: a flood of ${name} ends the connection with ENHANCE_YOUR_CALM`, () => {
    const server = new Server({}, true);
    server.send(hello(), headers(1));
    const burst = join(...Array.from({ length: 50 }, () => one));
    let code: number | undefined;
    for (let i = 0; i < 1_000 && code === undefined; i++) code = goawayCode(server.send(burst));
    assert.equal(code, ENHANCE_YOUR_CALM);
  });
}

Deno.test("RFC 9113 §10.5: unsent control frames pause reading, then end the connection", () => {
  const server = new Server();
  server.send(hello());
  const all = join(...Array.from({ length: 100 }, () => settings()));
  server.engine.receive(all, 0);
  assert.equal(server.engine.wantsRead, false);
  server.engine.outputDrained(0);
  assert.equal(server.engine.wantsRead, true);
  for (let i = 0; i < 10; i++) server.engine.receive(all, 0);
  assert(server.engine.finished);
});

Deno.test("RFC 9113 §6.9: credit is returned for discarded data and padding", () => {
  const server = new Server({ connectionWindowBytes: 65_535 }, true);
  server.send(hello(), headers(1), windowUpdate(1, 0)); // which has the server reset the stream
  let returned = 0;
  let sent = 0;
  for (let i = 0; i < 100; i++) {
    sent += 10_001;
    const padded = frame(0, 8, 1, [200, ...new Uint8Array(10_000)]);
    for (const f of server.send(padded)) if (f.type === 8 && f.id === 0) returned += codeOf(f, 0)!;
    assert.equal(server.engine.finished, false);
  }
  assert(sent - returned < 65_535);
});

Deno.test("RFC 9113 §6.9.1: a stream that exceeds its window is reset with FLOW_CONTROL_ERROR", () => {
  const chunk = new Uint8Array(16_384);
  const server = new Server({}, true);
  server.send(hello(), headers(1));
  server.calls[0].setReadPaused(true);
  // A message that is larger than all that is sent, so that nothing completes.
  const first = new Uint8Array(16_384);
  first.set([0, 0, 0x3f, 0xff, 0xff]);
  const frames = server.send(data(1, first), data(1, chunk), data(1, chunk), data(1, chunk));
  assert.equal(rstCode(frames), FLOW_CONTROL_ERROR);
});

Deno.test("RFC 9113 §6.9.1: DATA beyond the connection's window ends the connection with FLOW_CONTROL_ERROR", () => {
  const server = new Server({
    connectionWindowBytes: 65_535,
    initialWindowBytes: 1 << 20,
    maxPausedBytes: 0,
  });
  server.send(hello(), headers(1));
  server.calls[0].setReadPaused(true);
  const first = new Uint8Array(16_384);
  first.set([0, 0, 0x3f, 0xff, 0xff]);
  let code: number | undefined;
  for (let i = 0; i < 5 && code === undefined; i++) {
    code = goawayCode(server.send(data(1, i === 0 ? first : new Uint8Array(16_384))));
  }
  assert.equal(code, FLOW_CONTROL_ERROR);
});

Deno.test("RFC 9113 §4.1, §5.5: frames of unknown type are ignored", () => {
  const server = new Server();
  const frames = server.send(hello(), frame(99, 0xff, 7, [1, 2, 3]), headers(1), ping());
  assert.equal(goawayCode(frames), undefined);
  assert.equal(server.calls.length, 1);
  assert(frames.some((f) => f.type === 6));
});

Deno.test("RFC 9113 §8.1: a complete response before the end of the request is followed by RST_STREAM NO_ERROR", () => {
  const server = new Server();
  server.send(hello(), headers(1));
  server.calls[0].sendStatus(0, "");
  const frames = server.output();
  assert.deepEqual(frames.map((f) => f.type), [1, 3]);
  assert.equal(rstCode(frames), ErrorCode.NO_ERROR);
});

Deno.test("RFC 9113 §6.7: PING is answered with the same opaque data", () => {
  const [pong] = new Server().send(hello(), ping()).filter((f) => f.type === 6);
  assert.deepEqual([pong.flags, [...pong.payload]], [1, [1, 2, 3, 4, 5, 6, 7, 8]]);
});

Deno.test("RFC 9113 §4.3: the header block of a refused stream still changes the table", () => {
  const server = new Server({ maxConcurrentStreams: 1 });
  server.send(hello(), headers(1));
  // Literal with incremental indexing: adds (x-a, b) to the table of a stream that is refused.
  const add = [0x40, 3, 0x78, 0x2d, 0x61, 1, 0x62];
  assert.equal(
    rstCode(server.send(frame(1, 4, 3, [...block(GRPC_REQUEST), ...add]))),
    REFUSED_STREAM,
  );
  server.engine.receive(join(rst(1, 8)), 0);
  server.calls[0].handlerDone();
  server.send(frame(1, 4, 5, [...block(GRPC_REQUEST), 0x80 | 62]));
  assert.equal(server.calls[1].metadata.get("x-a"), "b");
});

Deno.test("RFC 9113 §6.9.2: queued replies are sent as windows open, streams in turn", () => {
  const server = new Server();
  server.send(hello([4, 10]), headers(1, GRPC_REQUEST, 5), headers(3, GRPC_REQUEST, 5));
  for (const call of server.calls) {
    call.sendMessage(new Uint8Array(25), false);
    call.sendStatus(0, "");
  }
  const sizes = (frames: Frame[]) =>
    frames.filter((f) => f.type === 0).map((f) => [f.id, f.payload.length]);
  assert.deepEqual(sizes(server.output()), [[1, 10], [3, 10]]);
  assert.deepEqual(sizes(server.send(windowUpdate(1, 15))), [[1, 15]]);
  const last = server.send(settings([4, 30]));
  assert.equal(last[0].type, 4, "the acknowledgement goes before what the new window allows");
  assert.deepEqual(sizes(last), [[1, 5], [3, 20]]);
  assert.equal(last.filter((f) => f.type === 1 && (f.flags & 1) === 1).length, 2);
  assert.equal(server.engine.activeCalls, 2, "handlers have not ended yet");
});

Deno.test("arbitrary bytes never throw, and end in silence or GOAWAY", () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 8 }), (chunks) => {
    const server = new Server({}, true);
    server.send(hello());
    for (const chunk of chunks) server.engine.receive(chunk.slice(), 1);
    parse(server.engine.out.view().slice());
  }));
});

Deno.test("valid frames in any order never throw", () => {
  const id = fc.constantFrom(0, 1, 3, 5);
  const any = fc.oneof(
    id.map((i) => headers(i)),
    id.map((i) => headers(i, GRPC_REQUEST, 5)),
    id.map((i) => headers(i, [["x", "y"]], 5)),
    fc.tuple(id, fc.uint8Array({ maxLength: 20 }), fc.constantFrom(0, 1)).map(([i, p, f]) =>
      data(i, p, f)
    ),
    id.map((i) => rst(i, 8)),
    fc.tuple(id, fc.nat(70_000)).map(([i, n]) => windowUpdate(i, n)),
    fc.constantFrom(ping(), ping(1), settings(), settingsAck(), goaway(0, 0), settings([4, 0])),
  );
  fc.assert(
    fc.property(fc.array(any, { maxLength: 20 }), (frames) => {
      const server = new Server({}, true);
      server.send(hello(), ...frames);
      for (const call of server.calls) call.handlerDone();
      server.engine.transportLost("over", 2);
      assert.equal(server.engine.activeCalls, 0);
      assert.equal(server.engine.http2.sender.queuedBytes, 0);
    }),
    { numRuns: 500 },
  );
});
