/** What a client may send, and what abuse costs it: "After the hello" and "Limits" in src/lean/README.md. */

import assert from "node:assert/strict";
import { Status } from "../../src/call/status.ts";
import {
  assertGoodbye,
  CANCEL,
  concat,
  control,
  CREDIT,
  drain,
  echo,
  frame,
  greetedServer,
  HEADERS,
  hex,
  Pair,
  parse,
  PING,
  PONG,
  recordedServer,
  SMALL_WINDOW_HELLO,
  start,
  text,
  u32,
  utf8,
} from "./harness.ts";
import { serverCallSink } from "../fixtures/sinks.ts";

// What a client may not send: name, bytes, reason of GOODBYE, logged error.
const CLIENT_ABUSES: [string, Uint8Array, number, RegExp][] = [
  ["version 0", hex("00"), 1, /version 0/],
  ["version 255", hex("ff"), 1, /version 255/],
  ["request|stream|end", frame(0x0d, 1, "/x"), 1, /flags 0x0d for call 1/],
  ["a reply", frame(0x02, 1, ""), 1, /flags 0x02 for call 1/],
  ["all flags", frame(0xff, 1, "/x"), 1, /flags 0xff for call 1/],
  ["MORE on a whole request", frame(0x41, 1, "/x"), 1, /flags 0x41 for call 1/],
  ["call id 0", frame(1, 0, "/x"), 1, /Cannot open call 0/],
  ["a call id above 2^53", frame(1, 1n << 60n, "/x"), 1, /Cannot open call/],
  ["a reused id", concat(frame(1, 5, "/x"), frame(1, 5, "/x")), 1, /must be 6 or more/],
  ["a decreasing id", concat(frame(1, 5, "/x"), frame(1, 4, "/x")), 1, /must be 6 or more/],
  ["a message of an unknown call", frame(4, 9, "", "x"), 1, /message for call 9: .* never opened/],
  ["a cancel of an unknown call", control(CANCEL, 9), 1, /CANCEL for call 9: .* never opened/],
  [
    "a second end",
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
  ["an open with a message", frame(5, 1, "/x", "x"), 1, /with 1 bytes after its fields/],
  [
    "pieces that disagree on compression",
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
  ["a route that is not UTF-8", frame(1, 1, Uint8Array.of(0xff, 0xfe)), 1, /Cannot read the route/],
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
    "credit beyond 2^31-1",
    concat(frame(5, 1, "/x"), control(CREDIT, 1, u32(0x7fffffff))),
    2,
    /limited to 2147483647/,
  ],
  ["credit for the connection", control(CREDIT, 0, u32(5_000)), 1, /CREDIT with id 0/],
  ["a short ping", control(PING, 0, "1234"), 1, /PING with 4 bytes/],
  ["response headers", control(HEADERS, 1, hex("0000")), 1, /headers from a client/],
];

for (const [name, bytes, reason, note] of CLIENT_ABUSES) {
  Deno.test(`${name} from a client ends the connection, in one chunk and byte by byte`, () => {
    for (const chunks of [[bytes], Array.from(bytes, (byte) => Uint8Array.of(byte))]) {
      const made = greetedServer();
      for (const chunk of chunks) made.engine.receive(chunk, 0);
      assertGoodbye(made, reason, note);
      for (const { events } of made.calls) assert.match(events.at(-1)!, /^cancel UNAVAILABLE/);
      assert.equal(made.engine.activeCalls, 0);
    }
  });
}

Deno.test("late frames of ended calls are ignored within the overhead budget", () => {
  const made = greetedServer({ overheadBurst: 500 }, echo);
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

Deno.test("rapid reset: cancels beyond their budget end the connection, and running handlers keep their slots", () => {
  const made = greetedServer({ resetBurst: 50, maxConcurrentStreams: 4 });
  let most = 0;
  for (let id = 1; id <= 100 && !made.engine.finished; id++) {
    made.engine.receive(concat(frame(1, id, "/x"), control(CANCEL, id)), 0);
    most = Math.max(most, made.engine.activeCalls);
  }
  assert.ok(most <= 4);
  assertGoodbye(made, 4, /Too many cancelled calls: the budget is 50/);
});

Deno.test("refused calls are charged to the budget of cancels", () => {
  const made = greetedServer(
    { resetBurst: 50, maxConcurrentStreams: 1 },
    () => serverCallSink(),
  );
  for (let id = 1; id <= 100; id++) made.engine.receive(frame(1, id, "/x"), 0);
  assert.equal(made.calls.length, 1);
  assertGoodbye(made, 4, /the budget is 50/);
});

Deno.test("a client that opens calls above the limit, or breaks them, is throttled", () => {
  const made = greetedServer(
    { resetBurst: 100, resetsPerSecond: 10, maxConcurrentStreams: 1 },
    () => serverCallSink(),
  );
  let id = 0;
  while (++id <= 51) made.engine.receive(frame(1, id, "/x"), 0);
  assert.equal(made.engine.readThrottledUntilMs, 0);
  made.engine.receive(frame(1, id++, "/x"), 0);
  assert.equal(made.engine.readThrottledUntilMs, 100);
  made.engine.receive(concat(frame(1, id++, "/x"), frame(1, id++, "/x")), 100);
  assert.equal(made.engine.readThrottledUntilMs, 300);
  assert.equal(made.engine.finished, false);
  // Messages that can't be inflated throttle as well.
  made.calls[0].call.chargeFault!();
  assert.equal(made.engine.readThrottledUntilMs, 400);
  while (id <= 1_000) made.engine.receive(frame(1, id++, "/x"), 300);
  assertGoodbye(made, 4, /the budget is 100/);
});

Deno.test("a call whose reply waits for credit keeps its slot; calls beyond the limit end the connection", () => {
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

Deno.test("a slot is free once the call has ended and its handler is done, in either order", () => {
  const made = greetedServer();
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

Deno.test("a cancelled call does not count as open while its handler runs on", () => {
  const pair = new Pair({
    server: { maxConcurrentStreams: 1 },
    handle: () => serverCallSink(),
  });
  pair.run();
  const first = start(pair.client.engine, "/x");
  first.call.sendLastMessage(utf8(""), false);
  pair.run();
  first.call.cancel();
  const second = start(pair.client.engine, "/x");
  second.call.sendLastMessage(utf8(""), false);
  pair.run();
  assert.equal(second.status, undefined);
  assert.equal(pair.server.calls.length, 2);
  assert.equal(pair.server.engine.activeCalls, 2);
  pair.server.calls[0].call.handlerDone();
  assert.equal(pair.server.engine.activeCalls, 1);
});

Deno.test("calls whose handlers run on after their end are refused from four times the limit", () => {
  const made = greetedServer({ maxConcurrentStreams: 2 }, () => serverCallSink());
  for (let id = 1; id <= 10; id++) {
    made.engine.receive(concat(frame(1, id, "/x"), control(CANCEL, id)), 0);
  }
  assert.equal(made.calls.length, 8);
  assert.equal(made.engine.finished, false);
});

Deno.test("a cancel is free once its call was answered, or waited for an answer", () => {
  const made = greetedServer({ resetBurst: 1, resetsPerSecond: 0 });
  let id = 1;
  for (; id <= 50; id++) {
    made.engine.receive(frame(1, id, "/x"), 0);
    made.calls.at(-1)!.call.sendMessage(utf8("x"), false);
    made.engine.receive(control(CANCEL, id), 0);
    made.calls.at(-1)!.call.handlerDone();
  }
  for (; id <= 100; id++) {
    made.engine.receive(frame(1, id, "/x"), id * 20);
    made.engine.receive(control(CANCEL, id), id * 20 + 10);
    made.calls.at(-1)!.call.handlerDone();
  }
  assert.equal(made.engine.finished, false);
  for (; id <= 102; id++) {
    made.engine.receive(concat(frame(1, id, "/x"), control(CANCEL, id)), 5_000);
  }
  assertGoodbye(made, 4, /Too many cancelled calls: the budget is 1/);
});

Deno.test("calls opened before the client sees GOODBYE are refused free of charge", () => {
  const made = greetedServer({ resetBurst: 1, resetsPerSecond: 0 }, () => serverCallSink());
  made.engine.receive(frame(1, 1, "/x"), 0);
  made.engine.drain(0);
  for (let id = 2; id <= 50; id++) made.engine.receive(frame(1, id, "/x"), 0);
  assert.equal(made.engine.finished, false);
  assert.equal(made.engine.readThrottledUntilMs, 0);
});

Deno.test("ping flood: reading pauses at 100 unsent answers, the connection ends at 1,000", () => {
  const made = greetedServer({ minPingIntervalMs: 0, permitPingWithoutCalls: true });
  const ping = control(PING, 0, "12345678");
  for (let i = 0; i < 100; i++) made.engine.receive(ping, i);
  assert.equal(made.engine.wantsRead, false);
  assert.equal(made.engine.finished, false);
  for (let i = 0; i < 901; i++) made.engine.receive(ping, 100 + i);
  assertGoodbye(made, 4, /limit is 1000/);
});

Deno.test("small pieces, small credits and unexpected pongs are charged", () => {
  const pieces = greetedServer({ overheadBurst: 10, overheadPerSecond: 0.001 });
  pieces.engine.receive(frame(5, 1, "/x"), 0);
  for (let i = 0; i < 11; i++) pieces.engine.receive(frame(0x44, 1, "", "x"), 0);
  assertGoodbye(pieces, 4, /small pieces/);
  const credits = greetedServer({ overheadBurst: 10, overheadPerSecond: 0.001 });
  credits.engine.receive(frame(5, 1, "/x"), 0);
  for (let i = 0; i < 11; i++) credits.engine.receive(control(CREDIT, 1, u32(1)), 0);
  assertGoodbye(credits, 4, /small credits/);
  const pongs = greetedServer({ overheadBurst: 10, overheadPerSecond: 0.001 });
  for (let i = 0; i < 11; i++) pongs.engine.receive(control(PONG, 0, "12345678"), 0);
  assertGoodbye(pongs, 4, /pongs/);
});

Deno.test("metadata above a limit fails its call: by count, and by size with 32 bytes on top of each field", () => {
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
    const made = greetedServer();
    made.engine.receive(frame(0x21, 1, "/x", block(fields)), 0);
    const reply = parse(drain(made.engine))[0];
    assert.equal(reply.flags, 0x12);
    assert.equal(reply.value[0], Status.RESOURCE_EXHAUSTED);
    assert.match(text(reply.value), note);
    assert.equal(made.calls.length, 0);
    assert.equal(made.engine.finished, false);
  }
});
