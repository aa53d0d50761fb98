import assert from "node:assert/strict";
import fc from "fast-check";
import { ByteWriter } from "../../src/bytes/writer.ts";
import { Metadata } from "../../src/call/metadata.ts";
import { encodeFields, readFields } from "../../src/lean/format/fields.ts";
import { readHello, writeHello } from "../../src/lean/format/hello.ts";
import { decodeRoute, encodeRoute } from "../../src/lean/format/routes.ts";
import {
  CLIENT_HELLO,
  concat,
  echo,
  frame,
  Pair,
  parse,
  recordedClient,
  recordedServer,
  SERVER_HELLO,
  start,
  utf8,
} from "./harness.ts";

const RUNS = { numRuns: Number(Deno.env.get("VRPC_FUZZ_RUNS") ?? 300) };

const key = fc.stringMatching(/^[a-z0-9_.-]{1,20}$/).filter((k) => !k.endsWith("-bin"));
const metadata = fc.tuple(
  fc.array(fc.tuple(key, fc.stringMatching(/^[\x20-\x7e]{0,40}$/)), { maxLength: 8 }),
  fc.array(fc.tuple(key.map((k) => `${k}-bin`), fc.uint8Array({ maxLength: 40 })), {
    maxLength: 4,
  }),
).map(([texts, bins]) => new Metadata([...texts, ...bins]));

Deno.test("fields: decoding undoes encoding", () => {
  fc.assert(
    fc.property(
      metadata,
      metadata,
      fc.option(fc.integer({ min: 0, max: 0xfffffffe }), { nil: undefined }),
      fc.string({ maxLength: 20 }),
      (headers, trailers, timeoutMs, authority) => {
        const block = encodeFields({ headers, trailers, timeoutMs, authority });
        if (block === undefined) return;
        const input = concat(block, utf8("rest"));
        const read = readFields(input, 0, input.length, 65_535, 1_000);
        input.fill(0xff);
        assert.ok(!("failure" in read), JSON.stringify(read));
        assert.equal(read.bytes, block.length);
        assert.equal(read.timeoutMs, timeoutMs ?? Infinity);
        assert.equal(
          read.authority,
          utf8(authority).length === 0 ? "" : new TextDecoder().decode(utf8(authority)),
        );
        assert.deepEqual([...read.headers()], [...headers]);
        assert.deepEqual([...read.trailers()], [...trailers]);
      },
    ),
    RUNS,
  );
});

Deno.test("fields: a block cut anywhere, or any bytes, is refused or read, never thrown over", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (bytes, cut) => {
      const read = readFields(bytes, 0, Math.min(cut, bytes.length), 16_384, 128);
      if (!("failure" in read)) {
        assert.ok(read.bytes <= bytes.length);
        read.headers();
        read.trailers();
      }
    }),
    RUNS,
  );
});

Deno.test("hello: reading undoes writing, and a cut one is never taken for another", () => {
  fc.assert(
    fc.property(
      fc.record({
        callWindowBytes: fc.integer({ min: 1_024, max: 0x7fffffff }),
        maxCalls: fc.integer({ min: 1, max: 0xffffffff }),
        encodings: fc.integer({ min: 0, max: 0xffffffff }),
        maxRoutes: fc.integer({ min: 0, max: 256 }),
        maxValueBytes: fc.integer({ min: 16_384, max: 0x7fffffff }),
      }),
      (settings) => {
        const out = new ByteWriter();
        writeHello(out, 1, "client", settings);
        const { value } = parse(out.view())[0];
        assert.deepEqual(readHello(value, 0, value.length, "client"), { ...settings });
        assert.equal(readHello(value, 0, value.length, "server"), undefined);
        for (let cut = 0; cut < value.length; cut++) {
          const read = readHello(value, 0, cut, "client");
          assert.ok(typeof read !== "object" || (cut - 6) % 5 === 0);
        }
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("routes: any text comes back", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" }), (route) => {
      if (route.startsWith("\0")) return;
      const bytes = encodeRoute(route);
      assert.equal(decodeRoute(bytes, 0, bytes.length), route);
    }),
    RUNS,
  );
});

// Frames that are nearly right reach further than plain noise does.
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

Deno.test("a server survives anything: it throws nothing, says goodbye or goes on, and leaks nothing", () => {
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

Deno.test("a client survives anything: every call ends exactly once", () => {
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

Deno.test("credit is conserved: whatever is sent, cut, paused and cancelled, streams finish whole", () => {
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
