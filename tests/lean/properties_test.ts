/** Engines under random input. */

import fc from "fast-check";
import assert from "node:assert/strict";
import {
  CLIENT_HELLO,
  concat,
  echo,
  frame,
  Pair,
  parse,
  recordedClient,
  recordedServer,
  RUNS,
  SERVER_HELLO,
  start,
  utf8,
} from "./harness.ts";

// Nearly valid frames reach more states than random bytes.
const nearlyFrame = fc.oneof(
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  {
    weight: 8,
    arbitrary: fc.tuple(
      fc.oneof(
        fc.constantFrom(0, 1, 2, 4, 5, 6, 8, 0x0a, 0x0c, 0x0e, 0x12, 0x44, 0x46, 0x21, 0x81),
        fc.nat(255),
      ),
      fc.oneof(fc.nat(4), fc.maxSafeNat()),
      fc.oneof(
        fc.constantFrom<string | Uint8Array>("", "/a", "/b", "vrpc/hello"),
        fc.nat(9).map((kind) => Uint8Array.of(kind)),
        fc.nat(3).map((n) => Uint8Array.of(0, n)),
      ),
      fc.oneof(fc.uint8Array({ maxLength: 24 }), fc.nat(3_000).map((n) => new Uint8Array(n))),
    ).map(([flags, id, type, value]) => frame(flags, id, type, value)),
  },
);

Deno.test("a server throws nothing, leaks nothing, and ends or stays open", () => {
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.array(nearlyFrame, { maxLength: 30 }),
      fc.integer({ min: 1, max: 60 }),
      fc.boolean(),
      (hello, frames, cut, answers) => {
        const { engine, calls, notes } = recordedServer({}, answers ? echo : undefined);
        const bytes = concat(...(hello ? [CLIENT_HELLO] : []), ...frames);
        for (let at = 0; at < bytes.length; at += cut) {
          const chunk = bytes.slice(at, at + cut);
          engine.receive(chunk, at);
          chunk.fill(0xee);
        }
        parse(engine.out.view().slice());
        if (engine.error !== undefined) {
          assert.equal(engine.finished, true);
          assert.ok(notes.some((note) => note.includes("ProtocolError")));
          assert.equal(engine.bufferedBytes, 0);
        }
        engine.transportLost("over", 100_000);
        assert.equal(engine.activeCalls, 0, JSON.stringify(calls.map((c) => c.events)));
        for (const { events } of calls) {
          assert.ok(events.filter((event) => event.startsWith("cancel")).length <= 1);
        }
      },
    ),
    RUNS,
  );
});

Deno.test("a client throws nothing and ends every call exactly once", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(SERVER_HELLO, frame(2, 0, "vrpc/hello"), new Uint8Array(0)),
      fc.array(nearlyFrame, { maxLength: 30 }),
      fc.integer({ min: 1, max: 60 }),
      (hello, frames, cut) => {
        const { engine } = recordedClient();
        engine.receive(hello, 0);
        const calls = [];
        if (engine.usable) {
          for (
            const [path, requestStreams] of [["/a", false], ["/b", true], ["/c", false]] as const
          ) {
            const call = start(engine, path, { requestStreams, singleResponse: !requestStreams });
            if (requestStreams) call.call.sendMessage(utf8("x"), false);
            else call.call.sendLastMessage(utf8("x"), false);
            calls.push(call);
          }
        }
        const bytes = concat(...frames);
        for (let at = 0; at < bytes.length; at += cut) {
          const chunk = bytes.slice(at, at + cut);
          engine.receive(chunk, at);
          chunk.fill(0xee);
        }
        parse(engine.out.view().slice());
        engine.transportLost("over", 100_000);
        for (const call of calls) assert.notEqual(call.status, undefined);
        assert.equal(engine.activeCalls, 0);
        assert.equal(engine.bufferedBytes, 0);
      },
    ),
    RUNS,
  );
});

Deno.test("streams finish whole under small windows, whatever is cut, paused and cancelled", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          sizes: fc.array(fc.oneof(fc.nat(3_000), fc.constant(20_000)), { maxLength: 12 }),
          pauseAt: fc.nat(20),
          cancelAt: fc.option(fc.nat(12), { nil: -1 }),
        }),
        { minLength: 1, maxLength: 5 },
      ),
      fc.integer({ min: 1_024, max: 8_000 }),
      fc.integer({ min: 1, max: 5_000 }),
      (streams, window, cut) => {
        const pair = new Pair({
          cut: () => cut,
          client: { callWindowBytes: window, fragmentBytes: 700 },
          server: { callWindowBytes: window, fragmentBytes: 900 },
          handle: (recorded) => ({
            onMessage(message) {
              recorded.onMessage(message, false);
              recorded.call.sendMessage(message, false);
            },
            onHalfClose() {
              recorded.call.sendStatus(0, "");
              recorded.call.handlerDone();
            },
            onCancel: (code, reason) => recorded.onCancel(code, reason),
            onWritable() {},
          }),
        });
        pair.run();
        const calls = streams.map(() =>
          start(pair.client.engine, "/s", { requestStreams: true, singleResponse: false })
        );
        for (let step = 0; step < 12; step++) {
          streams.forEach(({ sizes, pauseAt, cancelAt }, i) => {
            const { call } = calls[i];
            if (step === pauseAt) {
              call.setReadPaused(true);
              pair.server.calls[i]?.call.setReadPaused(true);
            }
            if (step === cancelAt) call.cancel();
            if (step < sizes.length) {
              call.sendMessage(new Uint8Array(sizes[step]).fill(step), false);
            }
          });
          pair.run();
        }
        streams.forEach((_, i) => {
          calls[i].call.halfClose();
          calls[i].call.setReadPaused(false);
          pair.server.calls[i]?.call.setReadPaused(false);
        });
        pair.run();
        streams.forEach(({ sizes, cancelAt }, i) => {
          if (cancelAt >= 0 && cancelAt < 12) return;
          assert.equal(calls[i].status, 0, JSON.stringify(calls[i].events));
          assert.deepEqual(calls[i].messages.map((m) => m.length), sizes);
        });
        assert.deepEqual(pair.server.notes, []);
        assert.deepEqual(pair.client.notes, []);
        assert.equal(pair.server.engine.activeCalls, 0);
        assert.equal(pair.server.engine.bufferedBytes, 0);
        assert.equal(pair.client.engine.bufferedBytes, 0);
      },
    ),
    { numRuns: Math.min(RUNS.numRuns, 100) },
  );
});
