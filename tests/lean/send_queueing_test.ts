/** Complete replies that wait for credit: `stallTimeoutMs` in src/lean/README.md, "Limits". */

import assert from "node:assert/strict";
import { Status } from "../../src/call/status.ts";
import {
  concat,
  control,
  CREDIT,
  drain,
  frame,
  greetedServer,
  OK,
  parse,
  recordedClient,
  recordedServer,
  SERVER_HELLO,
  SMALL_WINDOW_HELLO,
  start,
  text,
  u32,
} from "./harness.ts";

Deno.test("a complete reply without credit is dropped after the stall time, and queues stay bounded", () => {
  const made = greetedServer({ stallTimeoutMs: 1_000 });
  made.engine.receive(frame(5, 1, "/x"), 0);
  const { call } = made.calls[0];
  let sent = 0;
  while (call.writable && sent < 10_000) {
    call.sendMessage(new Uint8Array(1_000), false);
    sent++;
    drain(made.engine);
  }
  assert.ok(sent <= 131 + 66, `${sent} messages of 1000 bytes`);
  // A call whose handler runs is not dropped.
  for (let i = 0; i < 100; i++) made.engine.onTimer(1_000 * i);
  assert.deepEqual(made.calls[0].events, []);
  call.sendStatus(Status.OK, "");
  for (let i = 100; i < 103; i++) made.engine.onTimer(1_000 * i);
  const [reply] = parse(drain(made.engine));
  assert.match(text(reply.value), /no credit for 1000 ms/);
  assert.equal(made.engine.bufferedBytes, 0);
  assert.equal(made.engine.finished, false);
});

// Runs the timers every 500 ms, with `each` before them, until all replies are dropped; returns the time.
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

Deno.test("while the connection makes progress, a reply may wait ten times as long for its credit", () => {
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
    assert.ok(endMs >= 10_000 && endMs <= 12_000, `${moves}: dropped after ${endMs} ms`);
  }
});

Deno.test("a client waits for credit without a limit of its own", () => {
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

Deno.test("on a link of 12 KB/s every call gets its reply, however long it waits for credit", () => {
  const made = recordedServer({}, (recorded) => ({
    onMessage() {},
    onHalfClose() {
      recorded.call.respond(new Uint8Array(200_000));
      recorded.call.handlerDone();
    },
    onCancel: (code, reason) => recorded.onCancel(code, reason),
    onWritable() {},
  }));
  const { engine } = recordedClient();
  const deliver = (nowMs: number) => made.engine.receive(drain(engine, nowMs), nowMs);
  deliver(0);
  engine.receive(drain(made.engine), 0);
  const calls = Array.from({ length: 10 }, () => {
    const call = start(engine, "/x");
    call.call.sendLastMessage(new Uint8Array(1), false);
    return call;
  });
  // The socket buffer takes all output at once; only the link is slow.
  const link: Uint8Array[] = [];
  for (let nowMs = 0; calls.some(({ status }) => status === undefined); nowMs += 500) {
    assert.ok(nowMs < 400_000);
    if (engine.out.length > 0) deliver(nowMs);
    while (made.engine.out.length > 0) link.push(drain(made.engine, nowMs));
    for (let room = 6_000; room > 0 && link.length > 0;) {
      const bytes = link.shift()!;
      engine.receive(bytes.slice(0, room), nowMs);
      if (bytes.length > room) link.unshift(bytes.subarray(room));
      room -= bytes.length;
    }
    for (const one of [engine, made.engine]) if (one.nextTimerMs() <= nowMs) one.onTimer(nowMs);
  }
  assert.deepEqual(calls.map(({ status }) => status), calls.map(() => OK));
});
