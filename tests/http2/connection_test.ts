import assert from "node:assert/strict";
import fc from "fast-check";
import type { ServerCall } from "../../src/call/wire.ts";
import { GrpcServerConnection, type GrpcServerOptions } from "../../src/grpc/server.ts";
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

const { PROTOCOL_ERROR, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, STREAM_CLOSED, COMPRESSION_ERROR } =
  ErrorCode;
const { ENHANCE_YOUR_CALM, REFUSED_STREAM } = ErrorCode;

class Server {
  readonly calls: ServerCall[] = [];
  readonly engine: GrpcServerConnection;
  nowMs = 0;
  constructor(options: GrpcServerOptions = {}, done = false) {
    const onCall = (call: ServerCall) => {
      this.calls.push(call);
      call.sink = {
        onMessage() {},
        onHalfClose() {},
        onWritable() {},
        onCancel: () => done && call.handlerDone(),
      };
    };
    this.engine = new GrpcServerConnection({ onCall }, options, 0);
  }
  send(...parts: Uint8Array[]): Frame[] {
    const bytes = join(...parts);
    this.engine.receive(bytes, this.nowMs);
    return this.output();
  }
  output(): Frame[] {
    const frames = parse(this.engine.out.view().slice());
    this.engine.out.clear();
    this.engine.outputDrained(this.nowMs);
    return frames;
  }
}

const codeOf = (f: Frame | undefined, at: number) =>
  f && new DataView(f.payload.buffer, f.payload.byteOffset).getUint32(at);
const goawayCode = (frames: Frame[]) => codeOf(frames.find((f) => f.type === 7), 4);
const rstCode = (frames: Frame[]) => codeOf(frames.find((f) => f.type === 3), 0);

const request = (more: [string, string][], without: string[] = []) =>
  headers(1, [...GRPC_REQUEST.filter(([n]) => !without.includes(n)), ...more]);

const CONNECTION_FAULTS: [string, Uint8Array[], number][] = [
  ["a frame before SETTINGS", [PREFACE, ping()], PROTOCOL_ERROR],
  ["no preface", [new Uint8Array(24)], PROTOCOL_ERROR],
  ["DATA on stream 0", [hello(), data(0, [1])], PROTOCOL_ERROR],
  ["DATA on an idle stream", [hello(), data(1, [1])], PROTOCOL_ERROR],
  ["RST_STREAM on an idle stream", [hello(), rst(1, 8)], PROTOCOL_ERROR],
  ["WINDOW_UPDATE on an idle stream", [hello(), windowUpdate(1, 1)], PROTOCOL_ERROR],
  ["an even stream", [hello(), headers(2)], PROTOCOL_ERROR],
  ["HEADERS on a closed stream", [hello(), headers(1), rst(1, 8), headers(1)], STREAM_CLOSED],
  ["DATA on a closed stream", [hello(), headers(1), rst(1, 8), data(1, [1])], STREAM_CLOSED],
  ["PUSH_PROMISE", [hello(), frame(5, 4, 1, u32(2))], PROTOCOL_ERROR],
  ["CONTINUATION alone", [hello(), frame(9, 4, 1)], PROTOCOL_ERROR],
  ["a frame inside a header block", [hello(), headers(1, GRPC_REQUEST, 0), ping()], PROTOCOL_ERROR],
  [
    "DATA inside a header block",
    [hello(), headers(1, GRPC_REQUEST, 0), data(1, [])],
    PROTOCOL_ERROR,
  ],
  [
    "nine empty CONTINUATION frames",
    [hello(), headers(1, GRPC_REQUEST, 0), ...Array.from({ length: 9 }, () => frame(9, 0, 1))],
    ENHANCE_YOUR_CALM,
  ],
  ["PING of 7 bytes", [hello(), frame(6, 0, 0, [1, 2, 3, 4, 5, 6, 7])], FRAME_SIZE_ERROR],
  ["PING on a stream", [hello(), frame(6, 0, 1, u32(0).concat(u32(0)))], PROTOCOL_ERROR],
  ["SETTINGS of 5 bytes", [hello(), frame(4, 0, 0, [1, 2, 3, 4, 5])], FRAME_SIZE_ERROR],
  [
    "SETTINGS of 33 entries",
    [hello(), settings(...Array.from({ length: 33 }, (_, i): [number, number] => [4, i]))],
    ENHANCE_YOUR_CALM,
  ],
  ["SETTINGS on a stream", [hello(), frame(4, 0, 1)], PROTOCOL_ERROR],
  ["a long acknowledgement of SETTINGS", [hello(), frame(4, 1, 0, u32(0))], FRAME_SIZE_ERROR],
  ["MAX_FRAME_SIZE 0", [hello(), settings([5, 0])], PROTOCOL_ERROR],
  ["MAX_FRAME_SIZE 2^24", [hello(), settings([5, 16_777_216])], PROTOCOL_ERROR],
  ["ENABLE_PUSH 2", [hello(), settings([2, 2])], PROTOCOL_ERROR],
  ["INITIAL_WINDOW_SIZE 2^31", [hello(), settings([4, 0x80000000])], FLOW_CONTROL_ERROR],
  ["WINDOW_UPDATE 0", [hello(), windowUpdate(0, 0)], PROTOCOL_ERROR],
  ["a window over 2^31-1", [hello(), windowUpdate(0, 0x7fffffff)], FLOW_CONTROL_ERROR],
  ["GOAWAY of 7 bytes", [hello(), frame(7, 0, 0, [0, 0, 0, 0, 0, 0, 0])], FRAME_SIZE_ERROR],
  [
    "a frame over the limit",
    [hello(), frame(0, 0, 1).map((b, i) => i === 0 ? 1 : b)],
    FRAME_SIZE_ERROR,
  ],
  ["HPACK index 0", [hello(), frame(1, 4, 1, [0x80])], COMPRESSION_ERROR],
  [
    "padding as long as its frame",
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
      assert.deepEqual(server.send(ping()), [], "nothing is said after GOAWAY");
    }
  });
}

const STREAM_FAULTS: [string, Uint8Array[], number][] = [
  ["upper case in a field name", [request([["X-Key", "v"]])], PROTOCOL_ERROR],
  ["connection field", [request([["connection", "close"]])], PROTOCOL_ERROR],
  ["te other than trailers", [request([["te", "gzip"]], ["te"])], PROTOCOL_ERROR],
  [
    "a pseudo-header field behind a regular one",
    [request([[":path", "/"]], [":path"])],
    PROTOCOL_ERROR,
  ],
  ["an unknown pseudo-header field", [headers(1, [[":x", "y"], ...GRPC_REQUEST])], PROTOCOL_ERROR],
  [
    "a response's pseudo-header field",
    [headers(1, [[":status", "200"], ...GRPC_REQUEST])],
    PROTOCOL_ERROR,
  ],
  ["two paths", [headers(1, [[":path", "/"], ...GRPC_REQUEST])], PROTOCOL_ERROR],
  ["no path", [request([], [":path"])], PROTOCOL_ERROR],
  ["authority and host that differ", [request([["host", "other"]])], PROTOCOL_ERROR],
  ["a line break in a value", [request([["x", "a\nb"]])], PROTOCOL_ERROR],
  [
    "content-length that is wrong",
    [request([["content-length", "5"]]), data(1, [1], 1)],
    PROTOCOL_ERROR,
  ],
  [
    "a second header section without END_STREAM",
    [headers(1), headers(1, [["x", "y"]])],
    PROTOCOL_ERROR,
  ],
  [
    "pseudo-header fields in trailers",
    [headers(1), headers(1, [[":path", "/"]], 5)],
    PROTOCOL_ERROR,
  ],
  ["DATA after END_STREAM", [headers(1, GRPC_REQUEST, 5), data(1, [1])], STREAM_CLOSED],
  [
    "HEADERS after END_STREAM",
    [headers(1, GRPC_REQUEST, 5), headers(1, GRPC_REQUEST, 5)],
    STREAM_CLOSED,
  ],
  ["WINDOW_UPDATE of 0", [headers(1), windowUpdate(1, 0)], PROTOCOL_ERROR],
  ["a stream's window over 2^31-1", [headers(1), windowUpdate(1, 0x7fffffff)], FLOW_CONTROL_ERROR],
  [
    "a header list over its limit",
    [request([["x", "y".repeat(17_000)]]).slice(0)],
    ENHANCE_YOUR_CALM,
  ],
  [
    "over 128 fields",
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
    assert(frames.some((f) => f.type === 6), "the connection lives on");
  });
}

Deno.test("streams above the limit are refused, running handlers included", () => {
  const server = new Server({ maxConcurrentStreams: 2 });
  server.send(hello(), headers(1), rst(1, 8), headers(3), rst(3, 8));
  assert.equal(server.calls.length, 2);
  assert.equal(rstCode(server.send(headers(5))), REFUSED_STREAM);
  server.calls[0].handlerDone();
  assert.equal(rstCode(server.send(headers(7))), undefined);
  assert.equal(server.calls.length, 3);
});

Deno.test("who goes on opening streams above the limit is read from later and later, and closed in the end", () => {
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

Deno.test("messages that can't be inflated count as two resets each, and slow down reading", () => {
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

Deno.test("a peer above the limit is read from 5 s later at most", () => {
  const server = new Server({ maxConcurrentStreams: 1, resetsPerSecond: 0 });
  server.send(hello(), headers(1));
  for (let id = 3; id <= 3 + 2 * 500; id += 2) server.send(headers(id));
  assert.equal(server.engine.readThrottledUntilMs, 5_000);
});

Deno.test("rapid reset ends the connection with ENHANCE_YOUR_CALM", () => {
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

Deno.test("resets that the server is made to send count, too", () => {
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
  Deno.test(`a flood of ${name} ends the connection with ENHANCE_YOUR_CALM`, () => {
    const server = new Server({}, true);
    server.send(hello(), headers(1));
    const burst = join(...Array.from({ length: 50 }, () => one));
    let code: number | undefined;
    for (let i = 0; i < 1_000 && code === undefined; i++) code = goawayCode(server.send(burst));
    assert.equal(code, ENHANCE_YOUR_CALM);
  });
}

Deno.test("unsent control frames pause reading, then end the connection", () => {
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

Deno.test("frames for streams reset here never end the connection, remembered or not", () => {
  const server = new Server({}, true);
  server.send(hello());
  const ids = Array.from({ length: 600 }, (_, i) => 2 * i + 1);
  for (const id of ids) server.send(headers(id), windowUpdate(id, 0));
  for (const id of ids) server.send(data(id, [1]));
  server.send(headers(ids[0], GRPC_REQUEST, 5));
  assert.equal(server.engine.finished, false);
});

Deno.test("credit is given back for discarded data and padding", () => {
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

Deno.test("a stream that oversteps its window is reset, a connection that does is closed", () => {
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

Deno.test("a header block that is refused still keeps the table in step", () => {
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

Deno.test("a queued reply goes out as windows open, in turn with others", () => {
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

Deno.test("a complete reply that its reader does not take is given up", () => {
  const server = new Server({}, true);
  server.send(hello([4, 0]), headers(1, GRPC_REQUEST, 5));
  server.calls[0].sendMessage(new Uint8Array(25), false);
  server.calls[0].sendStatus(0, "");
  server.calls[0].handlerDone();
  assert.equal(server.engine.activeCalls, 1);
  for (const at of [15_001, 30_001, 45_002]) {
    server.engine.onTimer(at);
  }
  assert.equal(rstCode(server.output()), ErrorCode.CANCEL);
  assert.equal(server.engine.activeCalls, 0);
});

Deno.test("a silent client is closed when the preface's time is over", () => {
  const server = new Server();
  server.output();
  assert.equal(server.engine.nextTimerMs(), 5_000);
  server.engine.onTimer(5_000);
  assert.equal(goawayCode(server.output()), PROTOCOL_ERROR);
});

Deno.test("SETTINGS that are not acknowledged end the connection", () => {
  const server = new Server();
  server.send(PREFACE, settings());
  server.engine.onTimer(10_000);
  assert.equal(goawayCode(server.output()), ErrorCode.SETTINGS_TIMEOUT);
});

Deno.test("drain: GOAWAY twice, the second with the last identifier", () => {
  const server = new Server();
  server.send(hello(), headers(1));
  server.engine.drain(0);
  const first = server.output();
  assert.equal(codeOf(first.find((f) => f.type === 7), 0), 0x7fffffff);
  server.send(headers(3));
  const pong = first.find((f) => f.type === 6)!;
  const second = server.send(frame(6, 1, 0, pong.payload));
  assert.equal(codeOf(second.find((f) => f.type === 7), 0), 3);
  assert.equal(rstCode(server.send(headers(5))), REFUSED_STREAM);
  assert.equal(server.engine.finished, false);
  for (const call of server.calls) {
    call.sendStatus(0, "");
    call.handlerDone();
  }
  server.send(rst(1, 8), rst(3, 8));
  assert(server.engine.finished);
});

Deno.test("GOAWAY of the client: open calls finish, then the connection does", () => {
  const server = new Server();
  server.send(hello(), headers(1, GRPC_REQUEST, 5), goaway(0, 0));
  assert.equal(server.engine.finished, false);
  server.calls[0].sendStatus(0, "");
  server.calls[0].handlerDone();
  assert(server.engine.finished);
});

Deno.test("GET / and POST / say what this server is, when the request is complete", () => {
  const server = new Server();
  const get = [[":method", "GET"], [":scheme", "http"], [":path", "/"], [
    ":authority",
    "x",
  ]] as const;
  const frames = server.send(hello(), headers(1, get, 5));
  assert.match(new TextDecoder().decode(frames.find((f) => f.type === 0)!.payload), /vrpc server/);
  assert.equal(server.calls.length, 0);
  const post = [[":method", "POST"], ...get.slice(1)] as const;
  assert(!server.send(headers(3, post)).some((f) => f.type === 1));
  assert(server.send(data(3, [1, 2, 3, 4, 5], 1)).some((f) => f.type === 1));
  assert.equal(server.engine.activeCalls, 0);
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

Deno.test("while the connection moves, a reply may wait ten times as long for its credit", () => {
  for (const moves of ["nothing", "output", "credit"]) {
    const server = new Server({ stallTimeoutMs: 1_000 });
    server.send(hello(), headers(1), headers(3));
    server.calls[0].respond(new Uint8Array(100_000));
    server.calls[0].handlerDone();
    server.output();
    const { engine } = server;
    for (; engine.activeCalls === 2 && server.nowMs < 60_000; server.nowMs += 500) {
      if (moves === "output") engine.outputDrained(server.nowMs);
      else if (moves === "credit") engine.receive(windowUpdate(3, 1), server.nowMs);
      if (engine.nextTimerMs() <= server.nowMs) engine.onTimer(server.nowMs);
    }
    const [least, most] = moves === "nothing" ? [1_000, 2_500] : [10_000, 12_000];
    assert.ok(
      server.nowMs >= least && server.nowMs <= most,
      `${moves}: given up after ${server.nowMs} ms`,
    );
  }
});
