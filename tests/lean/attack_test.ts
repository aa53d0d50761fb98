import assert from "node:assert/strict";
import { Status } from "../../src/call/status.ts";
import {
  CLIENT_HELLO,
  concat,
  control,
  drain,
  echo,
  frame,
  hex,
  parse,
  recordedClient,
  recordedServer,
  SERVER_HELLO,
  start,
  text,
  u32,
  utf8,
} from "./harness.ts";

const CANCEL = 1, CREDIT = 2, PING = 3, PONG = 4, GOODBYE = 5, HEADERS = 6;

/** A hello that gives each call a credit of 1,024 bytes. */
const SMALL_WINDOW_HELLO = concat(
  frame(1, 0, "vrpc/hello", concat(utf8("vrpcC\u0001"), Uint8Array.of(1), u32(1_024))),
);

/** A server whose client has said hello. */
function server(...args: Parameters<typeof recordedServer>) {
  const made = recordedServer(...args);
  made.engine.receive(CLIENT_HELLO, 0);
  drain(made.engine);
  return made;
}

/** A client whose server has said hello. */
function client() {
  const made = recordedClient();
  drain(made.engine);
  made.engine.receive(SERVER_HELLO, 0);
  assert.equal(made.engine.ready, true);
  return made;
}

/** That the engine says goodbye with `reason`, notes it, and listens no more. */
function assertGoodbye(
  made: {
    engine:
      | ReturnType<typeof recordedServer>["engine"]
      | ReturnType<typeof recordedClient>["engine"];
    notes: string[];
  },
  reason: number,
  note: RegExp,
) {
  assert.equal(made.engine.finished, true);
  const last = parse(made.engine.out.view().slice()).at(-1)!;
  assert.equal(last.flags, 0);
  assert.equal(last.type, "\u0005");
  assert.equal(last.value[0], reason);
  assert.match(made.notes.join("\n"), note);
  assert.match(made.notes.join("\n"), /ProtocolError/);
  const before = made.engine.out.length;
  made.engine.receive(frame(1, 1_000, "/x"), 0);
  assert.equal(made.engine.out.length, before);
  assert.equal(made.engine.bufferedBytes, 0);
}

// What a client may not send, each as its own case: what went before, the offending frame, reason, note.
const CLIENT_ABUSES: [string, Uint8Array, number, RegExp][] = [
  ["version 0", hex("00"), 1, /version 0/],
  ["version 255", hex("ff"), 1, /version 255/],
  ["request|stream|end", frame(0x0d, 1, "/x"), 1, /flags 0x0d for call 1/],
  ["a reply", frame(0x02, 1, ""), 1, /flags 0x02 for call 1/],
  ["all flags", frame(0xff, 1, "/x"), 1, /flags 0xff for call 1/],
  ["more on a whole request", frame(0x41, 1, "/x"), 1, /flags 0x41 for call 1/],
  ["call id 0", frame(1, 0, "/x"), 1, /Cannot open call 0/],
  ["a call id above 2^53", frame(1, 1n << 60n, "/x"), 1, /Cannot open call/],
  ["an id used again", concat(frame(1, 5, "/x"), frame(1, 5, "/x")), 1, /the last one was 5/],
  ["an id that goes back", concat(frame(1, 5, "/x"), frame(1, 4, "/x")), 1, /the last one was 5/],
  ["a message of an unknown call", frame(4, 9, "", "x"), 1, /message for call 9: .* never opened/],
  ["a cancel of an unknown call", control(CANCEL, 9), 1, /CANCEL for call 9: .* never opened/],
  [
    "end twice",
    concat(frame(5, 1, "/x"), frame(8, 1, ""), frame(8, 1, "")),
    1,
    /end of the stream for call 1: .* half-closed/,
  ],
  [
    "a message after the end",
    concat(frame(1, 1, "/x"), frame(4, 1, "", "x")),
    1,
    /message for call 1: .* half-closed/,
  ],
  [
    "an end inside a message",
    concat(frame(5, 1, "/x"), frame(0x44, 1, "", "x".repeat(600)), frame(8, 1, "")),
    1,
    /inside a message/,
  ],
  ["an end with a value", concat(frame(5, 1, "/x"), frame(8, 1, "", "x")), 1, /with 1 bytes/],
  ["an empty piece", concat(frame(5, 1, "/x"), frame(0x44, 1, "")), 1, /empty piece/],
  ["an open with a message", frame(5, 1, "/x", "x"), 1, /with 1 bytes behind its fields/],
  [
    "pieces that disagree",
    concat(frame(5, 1, "/x"), frame(0x44, 1, "", "x".repeat(600)), frame(0x84, 1, "", "x")),
    1,
    /disagree/,
  ],
  [
    "a route on a message",
    concat(frame(5, 1, "/x"), frame(4, 1, "/x", "")),
    1,
    /with a route: only requests/,
  ],
  ["an unknown route number", frame(1, 1, Uint8Array.of(0, 7)), 1, /Cannot read the route/],
  ["a route that is no text", frame(1, 1, Uint8Array.of(0xff, 0xfe)), 1, /Cannot read the route/],
  ["no route", frame(1, 1, ""), 1, /Cannot read the route/],
  [
    "a frame above the limit",
    frame(5, 1, "/x", new Uint8Array(65_537)),
    3,
    /65537 bytes: limit is 65536/,
  ],
  ["a declared 4 GiB", hex("01 01 0000000000000001 0002 ffffffff 2f78"), 3, /4294967295 bytes/],
  ["credit of 0", concat(frame(5, 1, "/x"), control(CREDIT, 1, u32(0))), 1, /credit of 0/],
  [
    "credit past 2^31-1",
    concat(frame(5, 1, "/x"), control(CREDIT, 1, u32(0x7fffffff))),
    2,
    /limited to 2147483647/,
  ],
  ["credit for the connection", control(CREDIT, 0, u32(5_000)), 1, /kind 2/],
  ["a short ping", control(PING, 0, "1234"), 1, /kind 3/],
  ["response headers", control(HEADERS, 1, hex("0000")), 1, /headers from a client/],
  ["an unknown control frame", control(99, 0), 1, /kind 99/],
  ["a field block cut off", frame(0x21, 1, "/x", hex("0009 01")), 1, /Cannot read a field block/],
  ["a field cut off", frame(0x21, 1, "/x", hex("0004 02 00ff 01")), 1, /cut off/],
  ["a bad key", frame(0x21, 1, "/x", hex("0006 02 0003 01 41 62")), 1, /bad metadata/],
  [
    "a value that is no text",
    frame(0x21, 1, "/x", hex("0006 02 0003 01 61 0a")),
    1,
    /bad metadata/,
  ],
];

for (const [name, bytes, reason, note] of CLIENT_ABUSES) {
  Deno.test(`a client's ${name} ends the connection, whole and byte by byte`, () => {
    for (const chunks of [[bytes], Array.from(bytes, (byte) => Uint8Array.of(byte))]) {
      const made = server();
      for (const chunk of chunks) made.engine.receive(chunk, 0);
      assertGoodbye(made, reason, note);
      for (const { events } of made.calls) assert.match(events.at(-1)!, /^cancel UNAVAILABLE/);
      assert.equal(made.engine.activeCalls, 0);
    }
  });
}

const SERVER_ABUSES: [string, Uint8Array, number, RegExp][] = [
  ["request", frame(1, 1, "/x"), 1, /flags 0x01 for call 1/],
  ["reply to an unknown call", frame(2, 2, ""), 1, /whole reply for call 2: .* never opened/],
  [
    "whole reply after a message",
    concat(frame(6, 1, "", "a"), frame(2, 1, "", "b")),
    1,
    /whole reply .* has begun/,
  ],
  [
    "headers after a message",
    concat(frame(6, 1, "", "a"), control(HEADERS, 1, hex("0000"))),
    1,
    /response headers .* has begun/,
  ],
  [
    "error that is cut off",
    frame(0x12, 1, "", hex("05 00 0009 61")),
    1,
    /Cannot read the error of call 1/,
  ],
  ["cancel", control(CANCEL, 1), 1, /CANCEL from a server/],
  [
    "end inside a message",
    concat(frame(0x46, 1, "", "x".repeat(600)), frame(0x0a, 1, "")),
    1,
    /inside/,
  ],
  ["frame above the limit", frame(2, 1, "", new Uint8Array(65_537)), 3, /limit is 65536/],
];

for (const [name, bytes, reason, note] of SERVER_ABUSES) {
  Deno.test(`a server's ${name} ends the connection`, () => {
    const made = client();
    const call = start(made.engine, "/x");
    call.call.sendLastMessage(utf8(""), false);
    made.engine.receive(bytes, 0);
    assertGoodbye(made, reason, note);
    assert.equal(call.status, Status.INTERNAL);
  });
}

Deno.test("sending above the credit ends the connection", () => {
  // What the client may have sent before it read the hello is the least.
  const small = server({ callWindowBytes: 1_024, maxValueBytes: 131_072 });
  small.engine.receive(frame(1, 1, "/x", new Uint8Array(65_537)), 0);
  assertGoodbye(small, 2, /got 65537 bytes above its credit/);
  const paused = server();
  paused.engine.receive(frame(5, 1, "/x"), 0);
  paused.calls[0].call.setReadPaused(true);
  const piece = frame(4, 1, "", new Uint8Array(65_536));
  paused.engine.receive(concat(piece, piece), 0);
  assert.equal(paused.engine.finished, false);
  paused.engine.receive(frame(4, 1, "", "x"), 0);
  assertGoodbye(paused, 2, /got 1 bytes above its credit/);
});

Deno.test("frames of calls that are over are ignored, up to a budget", () => {
  const made = server({ overheadBurst: 500 }, echo);
  made.engine.receive(frame(1, 1, "/x", "a"), 0);
  assert.equal(parse(drain(made.engine))[0].flags, 2);
  for (
    const late of [
      frame(4, 1, "", "x"),
      frame(0x0c, 1, ""),
      control(CANCEL, 1),
      control(CREDIT, 1, u32(1)),
    ]
  ) {
    made.engine.receive(late, 0);
    assert.equal(made.engine.finished, false);
  }
  for (let i = 0; i < 500; i++) made.engine.receive(frame(8, 1, ""), 0);
  assertGoodbye(made, 4, /Too many frames of ended calls: the budget is 500/);
});

Deno.test("rapid reset: the budget of cancels ends the connection, and handlers that run keep their slots", () => {
  const made = server({ resetBurst: 50, maxConcurrentStreams: 4 });
  let most = 0;
  for (let id = 1; id <= 100 && !made.engine.finished; id++) {
    made.engine.receive(concat(frame(1, id, "/x"), control(CANCEL, id)), 0);
    most = Math.max(most, made.engine.activeCalls);
  }
  assert.ok(most <= 4);
  assertGoodbye(made, 4, /Too many cancelled calls: the budget is 50/);
});

Deno.test("refusals are charged as well, so that they can't be farmed", () => {
  const made = server(
    { resetBurst: 50, maxConcurrentStreams: 1 },
    () => ({ onMessage() {}, onHalfClose() {}, onCancel() {}, onWritable() {} }),
  );
  for (let id = 1; id <= 100; id++) made.engine.receive(frame(1, id, "/x"), 0);
  assert.equal(made.calls.length, 1);
  assertGoodbye(made, 4, /the budget is 50/);
});

Deno.test("who goes on opening calls above the limit is read from later", () => {
  const made = server(
    { resetBurst: 100, resetsPerSecond: 10, maxConcurrentStreams: 1 },
    () => ({ onMessage() {}, onHalfClose() {}, onCancel() {}, onWritable() {} }),
  );
  let id = 0;
  while (++id <= 51) made.engine.receive(frame(1, id, "/x"), 0);
  assert.equal(made.engine.readThrottledUntilMs, 0);
  made.engine.receive(frame(1, id++, "/x"), 0);
  assert.equal(made.engine.readThrottledUntilMs, 100);
  made.engine.receive(concat(frame(1, id++, "/x"), frame(1, id++, "/x")), 100);
  assert.equal(made.engine.readThrottledUntilMs, 300);
  assert.equal(made.engine.finished, false);
  // So does one whose messages can't be inflated.
  made.calls[0].call.chargeFault!();
  assert.equal(made.engine.readThrottledUntilMs, 400);
  while (id <= 1_000) made.engine.receive(frame(1, id++, "/x"), 300);
  assertGoodbye(made, 4, /the budget is 100/);
});

Deno.test("a call whose reply waits for credit keeps its slot, and those beyond the limit end the connection", () => {
  const made = recordedServer({ resetBurst: 50, maxConcurrentStreams: 4 }, echo);
  made.engine.receive(SMALL_WINDOW_HELLO, 0);
  drain(made.engine);
  const reply = new Uint8Array(3_000);
  for (let id = 1; id <= 4; id++) made.engine.receive(frame(1, id, "/x", reply), 0);
  assert.equal(made.engine.activeCalls, 4);
  assert.equal(made.engine.bufferedBytes, 4 * (3_000 - 1_024 + 256));
  drain(made.engine);
  made.engine.receive(frame(1, 5, "/x", reply), 0);
  const [refusal] = parse(drain(made.engine));
  assert.match(text(refusal.value), /Cannot open another call: 4 are open, which is the limit/);
  // Credit frees the slot.
  made.engine.receive(control(CREDIT, 1, u32(3_000)), 0);
  assert.equal(made.engine.activeCalls, 3);
  made.engine.receive(frame(1, 6, "/x", reply), 0);
  assert.equal(made.engine.activeCalls, 4);
  assert.equal(made.engine.finished, false);
  for (let id = 7; id <= 100; id++) made.engine.receive(frame(1, id, "/x", reply), 0);
  assert.equal(made.calls.length, 5);
  assertGoodbye(made, 4, /the budget is 50/);
  assert.equal(made.engine.activeCalls, 0);
});

Deno.test("routes of refused calls are numbered as others are", () => {
  const made = server({ maxConcurrentStreams: 1, maxRoutes: 2 });
  made.engine.receive(frame(1, 1, "/a"), 0);
  for (const [i, route] of ["/b", "/c", "/d"].entries()) {
    made.engine.receive(frame(1, 2 + i, route), 0);
  }
  assert.equal(parse(drain(made.engine)).filter(({ flags }) => flags === 0x12).length, 3);
  made.calls[0].call.respond(new Uint8Array(0));
  made.calls[0].call.handlerDone();
  made.engine.receive(frame(1, 5, Uint8Array.of(0, 1)), 0);
  assert.deepEqual(made.calls.map(({ call }) => call.path), ["/a", "/b"]);
  made.engine.receive(frame(1, 6, Uint8Array.of(0, 2)), 0);
  assertGoodbye(made, 1, /Cannot read the route of call 6/);
});

Deno.test("a slot is free once the call is over and its handler has ended, in either order", () => {
  const made = server();
  made.engine.receive(concat(frame(5, 1, "/x"), frame(5, 2, "/x"), frame(5, 3, "/x")), 0);
  const [first, second, third] = made.calls;
  first.call.handlerDone();
  assert.equal(made.engine.activeCalls, 3);
  first.call.sendStatus(Status.OK, "");
  assert.equal(made.engine.activeCalls, 2);
  second.call.sendStatus(Status.OK, "");
  assert.equal(made.engine.activeCalls, 2);
  second.call.handlerDone();
  second.call.handlerDone();
  assert.equal(made.engine.activeCalls, 1);
  third.call.handlerDone();
  made.engine.receive(control(CANCEL, 3), 0);
  assert.equal(made.engine.activeCalls, 0);
});

Deno.test("small messages that wait count for more than their bytes", () => {
  const made = server({ sendBufferBytes: 10_000 });
  made.engine.receive(frame(5, 1, "/x"), 0);
  const { call } = made.calls[0];
  call.sendMessage(new Uint8Array(65_536), false);
  call.sendMessage(new Uint8Array(65_536), false);
  let sent = 0;
  for (; call.writable && sent < 10_000; sent++) call.sendMessage(new Uint8Array(1), false);
  assert.equal(sent, Math.ceil(10_000 / 257));
  made.engine.receive(control(CREDIT, 1, u32(100_000)), 0);
  drain(made.engine);
  assert.equal(made.engine.bufferedBytes, 0);
  assert.equal(made.calls[0].events.at(-1), "writable");
});

Deno.test("ping flood: reading pauses at 100 unsent answers, the connection ends at 1,000", () => {
  const made = server({ minPingIntervalMs: 0, permitPingWithoutCalls: true });
  const ping = control(PING, 0, "12345678");
  for (let i = 0; i < 100; i++) made.engine.receive(ping, i);
  assert.equal(made.engine.wantsRead, false);
  assert.equal(made.engine.finished, false);
  for (let i = 0; i < 901; i++) made.engine.receive(ping, 100 + i);
  assertGoodbye(made, 4, /limit is 1000/);
});

Deno.test("small pieces, small credits and unasked pongs are charged", () => {
  const pieces = server({ overheadBurst: 10, overheadPerSecond: 0.001 });
  pieces.engine.receive(frame(5, 1, "/x"), 0);
  for (let i = 0; i < 11; i++) pieces.engine.receive(frame(0x44, 1, "", "x"), 0);
  assertGoodbye(pieces, 4, /small pieces/);
  const credits = server({ overheadBurst: 10, overheadPerSecond: 0.001 });
  credits.engine.receive(frame(5, 1, "/x"), 0);
  for (let i = 0; i < 11; i++) credits.engine.receive(control(CREDIT, 1, u32(1)), 0);
  assertGoodbye(credits, 4, /small credits/);
  const pongs = server({ overheadBurst: 10, overheadPerSecond: 0.001 });
  for (let i = 0; i < 11; i++) pongs.engine.receive(control(PONG, 0, "12345678"), 0);
  assertGoodbye(pongs, 4, /pongs/);
});

Deno.test("unfinished messages of one connection are bounded together", () => {
  const made = server({ maxAssemblyBytes: 100_000, maxReceiveMessageBytes: 90_000 });
  made.engine.receive(concat(frame(5, 1, "/x"), frame(5, 2, "/x")), 0);
  made.engine.receive(frame(0x44, 1, "", new Uint8Array(60_000)), 0);
  assert.equal(made.engine.bufferedBytes, 60_000);
  made.engine.receive(frame(0x44, 2, "", new Uint8Array(60_000)), 0);
  assert.match(made.calls[1].events.at(-1)!, /cancel RESOURCE_EXHAUSTED/);
  assert.equal(made.engine.finished, false);
  assert.equal(made.engine.bufferedBytes, 60_000);
});

Deno.test("a peer that gives no credit has its complete reply ended after the stall time, and memory stays bounded", () => {
  const made = server({ stallTimeoutMs: 1_000 });
  made.engine.receive(frame(5, 1, "/x"), 0);
  const { call } = made.calls[0];
  let sent = 0;
  while (call.writable && sent < 10_000) {
    call.sendMessage(new Uint8Array(1_000), false);
    sent++;
    drain(made.engine);
  }
  assert.ok(sent <= 131 + 66, `${sent} messages of 1000 bytes`);
  // As long as its handler runs, a call is the handler's affair.
  for (let i = 0; i < 100; i++) made.engine.onTimer(1_000 * i);
  assert.deepEqual(made.calls[0].events, []);
  call.sendStatus(Status.OK, "");
  for (let i = 100; i < 103; i++) made.engine.onTimer(1_000 * i);
  const [reply] = parse(drain(made.engine));
  assert.match(text(reply.value), /no credit for 1000 ms/);
  assert.equal(made.engine.bufferedBytes, 0);
  assert.equal(made.engine.finished, false);
});

// Looks at the timers every 500 ms until all replies were given up; between looks `each` happens.
function endOfWaiting(made: ReturnType<typeof recordedServer>, each: (nowMs: number) => void) {
  let nowMs = 0;
  for (; made.engine.bufferedBytes > 0 && nowMs < 60_000; nowMs += 500) {
    each(nowMs);
    made.engine.onTimer(nowMs);
  }
  return nowMs;
}

/** Two calls: the reply to the first waits for credit, the second streams. */
function waitingReply() {
  const made = recordedServer({ stallTimeoutMs: 1_000 });
  made.engine.receive(SMALL_WINDOW_HELLO, 0);
  made.engine.receive(concat(frame(5, 1, "/x"), frame(5, 2, "/x")), 0);
  made.calls[0].call.respond(new Uint8Array(3_000));
  made.calls[0].call.handlerDone();
  drain(made.engine);
  return made;
}

Deno.test("while the connection moves, a reply may wait ten times as long for its credit", () => {
  assert.ok(endOfWaiting(waitingReply(), () => {}) <= 2_500);
  for (const moves of ["output", "credit"]) {
    const made = waitingReply();
    const endMs = endOfWaiting(made, (nowMs) => {
      if (moves === "credit") made.engine.receive(control(CREDIT, 2, u32(1_024)), nowMs);
      else {
        made.calls[1].call.sendMessage(Uint8Array.of(1), false);
        drain(made.engine, nowMs);
      }
    });
    assert.ok(endMs >= 10_000 && endMs <= 12_000, `${moves}: given up after ${endMs} ms`);
  }
});

Deno.test("a client waits as long as the server wants before it takes the request", () => {
  const made = recordedClient({ stallTimeoutMs: 1_000 });
  drain(made.engine);
  made.engine.receive(SERVER_HELLO, 0);
  const { call, events } = start(made.engine, "/x", { requestStreams: true });
  call.sendLastMessage(new Uint8Array(200_000), false);
  drain(made.engine);
  for (let nowMs = 0; nowMs < 60_000; nowMs += 500) {
    if (made.engine.nextTimerMs() <= nowMs) made.engine.onTimer(nowMs);
  }
  assert.deepEqual(events, []);
});

Deno.test("a peer that reads nothing while it asks for more is slowed down, then dropped", () => {
  const made = server({ stallTimeoutMs: 1_000 }, echo);
  let id = 1;
  while (made.engine.wantsRead && id < 100_000) {
    made.engine.receive(frame(1, id++, "/x", "y".repeat(1_000)), 0);
  }
  assert.ok(made.engine.out.length + made.engine.bufferedBytes < 1_200_000);
  for (let i = 1; i < 5 && !made.engine.finished; i++) made.engine.onTimer(i * 1_000);
  assert.equal(made.engine.finished, true);
  assert.match(made.notes[0], /took no output for 1000 ms/);
});

Deno.test("silence before the first frame, or inside of one, ends in time", () => {
  const silent = recordedServer({ prefaceTimeoutMs: 5_000 });
  silent.engine.receive(CLIENT_HELLO.slice(0, 20), 0);
  assert.equal(silent.engine.nextTimerMs(), 5_000);
  silent.engine.onTimer(5_000);
  assert.equal(silent.engine.finished, true);
  assert.match(silent.notes[0], /No first frame within 5000 ms/);
  const slow = server({ stallTimeoutMs: 1_000 });
  slow.engine.receive(frame(1, 1, "/x", "abc").slice(0, 18), 100);
  for (let now = 100; now < 1_100; now += 100) slow.engine.receive(new Uint8Array(0), now);
  slow.engine.onTimer(1_100);
  assert.equal(slow.engine.finished, true);
  const deaf = recordedClient({ prefaceTimeoutMs: 5_000 });
  drain(deaf.engine);
  deaf.engine.onTimer(5_000);
  assert.equal(deaf.engine.finished, true);
});

Deno.test("too much metadata fails its call: by count, by size, counted with 32 bytes a field", () => {
  const field = (key: string, value: string) => {
    const k = utf8(key), v = utf8(value);
    return concat(
      Uint8Array.of(2, (k.length + v.length + 1) >> 8, (k.length + v.length + 1) & 255, k.length),
      k,
      v,
    );
  };
  const block = (fields: Uint8Array) =>
    concat(Uint8Array.of(fields.length >> 8, fields.length & 255), fields);
  for (
    const [fields, note] of [
      [concat(...Array.from({ length: 129 }, () => field("a", ""))), /129 fields, limit is 128/],
      [field("a", "x".repeat(16_384)), /limit is 16384/],
    ] as const
  ) {
    const made = server();
    made.engine.receive(frame(0x21, 1, "/x", block(fields)), 0);
    const reply = parse(drain(made.engine))[0];
    assert.equal(reply.flags, 0x12);
    assert.equal(reply.value[0], Status.RESOURCE_EXHAUSTED);
    assert.match(text(reply.value), note);
    assert.equal(made.calls.length, 0);
    assert.equal(made.engine.finished, false);
  }
});

Deno.test("a bad hello is answered in version 1 and ends the connection", () => {
  for (
    const value of [
      ...["", "vrpcS\u0001", "vrpcC\u0000", "vrpcC\u0001abc"].map(utf8),
      concat(utf8("vrpcC\u0001"), Uint8Array.of(1, 0, 0, 0, 0)),
      concat(
        utf8("vrpcC\u0001"),
        ...Array.from({ length: 33 }, () => Uint8Array.of(99, 0, 0, 0, 0)),
      ),
    ]
  ) {
    const made = recordedServer();
    made.engine.receive(frame(1, 0, "vrpc/hello", value), 0);
    assert.equal(made.engine.finished, true);
    const [reply] = parse(drain(made.engine));
    assert.equal(reply.flags, 0x12);
    assert.match(text(reply.value), /^INVALID_ARGUMENT: /);
  }
});

Deno.test("version 1: 4 GiB declared is refused and skipped, and the connection goes on", () => {
  const made = recordedServer({}, echo);
  made.engine.receive(hex("01 01 0000000000000001 0002 ffffffff 2f78"), 0);
  assert.equal(made.engine.bufferedBytes, 0);
  const [reply] = parse(drain(made.engine));
  assert.equal(reply.flags, 0x12);
  assert.match(text(reply.value), /^RESOURCE_EXHAUSTED: .*limit is 4194304/);
  const small = recordedServer({ maxReceiveMessageBytes: 4 }, echo);
  small.engine.receive(concat(frame(1, 1, "/x", "12345"), frame(1, 2, "/x", "1234")), 0);
  assert.deepEqual(parse(drain(small.engine)).map((f) => f.flags), [0x12, 2]);
});

Deno.test("version 1: unknown flags are ignored up to a budget, an id in use ends the connection", () => {
  const made = recordedServer({ overheadBurst: 20, overheadPerSecond: 0.001 });
  for (let i = 0; i < 20; i++) made.engine.receive(frame(0xf0, 1, "/x"), 0);
  assert.equal(made.engine.finished, false);
  made.engine.receive(frame(0x02, 1, "/x"), 0);
  assert.equal(made.engine.finished, true);
  const twice = recordedServer();
  twice.engine.receive(concat(frame(1, 1, "/x"), frame(1, 1, "/x")), 0);
  assert.equal(twice.engine.finished, true);
  assert.match(twice.notes[0], /its id is in use/);
  const again = recordedServer({}, echo);
  again.engine.receive(concat(frame(1, 1, "/x"), frame(1, 1, "/x")), 0);
  assert.equal(parse(drain(again.engine)).length, 2);
});

Deno.test("after an error goodbye nothing is parsed any more, by client or server", () => {
  const made = client();
  const call = start(made.engine, "/x");
  call.call.sendLastMessage(utf8(""), false);
  const goodbye = control(GOODBYE, 0, concat(Uint8Array.of(1), u32(0), u32(1), utf8("bad")));
  made.engine.receive(concat(goodbye, frame(2, 1, "", "late")), 0);
  assert.equal(call.status, Status.UNAVAILABLE);
  assert.equal(call.message, "bad");
  assert.deepEqual(call.messages, []);
  assert.equal(made.engine.finished, true);
});
