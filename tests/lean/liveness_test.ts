/** Peers that stop sending or reading midway: `prefaceTimeoutMs` and `stallTimeoutMs` in src/lean/README.md, "Limits". */

import assert from "node:assert/strict";
import {
  CLIENT_HELLO,
  concat,
  drain,
  echo,
  frame,
  greetedServer,
  recordedClient,
  recordedServer,
} from "./harness.ts";

Deno.test("silence before the first frame, or inside of one, ends the connection in time", () => {
  const silent = recordedServer({ prefaceTimeoutMs: 5_000 });
  silent.engine.receive(CLIENT_HELLO.slice(0, 20), 0);
  assert.equal(silent.engine.nextTimerMs(), 5_000);
  silent.engine.onTimer(5_000);
  assert.equal(silent.engine.finished, true);
  assert.match(silent.notes[0], /No first frame within 5000 ms/);
  const slow = greetedServer({ stallTimeoutMs: 1_000 });
  slow.engine.receive(frame(1, 1, "/x", "abc").slice(0, 18), 100);
  for (let now = 100; now < 1_100; now += 100) slow.engine.receive(new Uint8Array(0), now);
  slow.engine.onTimer(1_100);
  assert.equal(slow.engine.finished, true);
  const deaf = recordedClient({ prefaceTimeoutMs: 5_000 });
  drain(deaf.engine);
  deaf.engine.onTimer(5_000);
  assert.equal(deaf.engine.finished, true);
});

Deno.test("a busy connection whose reads all end inside a frame stays open", () => {
  const { engine, notes } = recordedServer();
  engine.receive(concat(CLIENT_HELLO, frame(0x05, 1, "/a"), frame(0x05, 2, "/b")), 0);
  let pending: Uint8Array = new Uint8Array(0);
  let id = 1;
  for (let nowMs = 10; nowMs <= 40_000; nowMs += 10) {
    while (pending.length <= 10_001) {
      pending = concat(pending, frame(0x04, id, "", new Uint8Array(16_000)));
      id = 3 - id;
    }
    engine.receive(pending.subarray(0, 10_001), nowMs);
    pending = pending.slice(10_001);
    drain(engine, nowMs);
    if (engine.nextTimerMs() <= nowMs) engine.onTimer(nowMs);
  }
  assert.deepEqual(notes, []);
  assert.equal(engine.finished, false);
});

Deno.test("a frame that stays incomplete ends the connection, even after complete ones", () => {
  const { engine } = recordedServer();
  engine.receive(concat(CLIENT_HELLO, frame(0x05, 1, "/a")), 0);
  const message = frame(0x04, 1, "", new Uint8Array(16_000));
  engine.receive(concat(message, message.subarray(0, 10)), 20_000);
  for (let nowMs = 20_100, at = 10; !engine.finished && nowMs < 60_000; nowMs += 100, at++) {
    drain(engine, nowMs);
    // Single bytes do not extend the time limit of the frame.
    engine.receive(message.subarray(at, at + 1), nowMs);
    if (engine.nextTimerMs() <= nowMs) engine.onTimer(nowMs);
    assert.equal(engine.finished, nowMs >= 50_000, `at ${nowMs}`);
  }
  assert.ok(engine.finished);
});

Deno.test("a client that reads nothing while it sends requests is paused, then dropped", () => {
  const made = greetedServer({ stallTimeoutMs: 1_000 }, echo);
  let id = 1;
  while (made.engine.wantsRead && id < 100_000) {
    made.engine.receive(frame(1, id++, "/x", "y".repeat(1_000)), 0);
  }
  assert.ok(made.engine.out.length + made.engine.bufferedBytes < 1_200_000);
  for (let i = 1; i < 5 && !made.engine.finished; i++) made.engine.onTimer(i * 1_000);
  assert.equal(made.engine.finished, true);
  assert.match(made.notes[0], /accepted no output for 1000 ms/);
});
