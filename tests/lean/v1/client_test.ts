/** A client of version 1, by transcripts: "Version 1" in src/lean/README.md. */

import assert from "node:assert/strict";
import { Metadata } from "../../../src/call/metadata.ts";
import { Status } from "../../../src/call/status.ts";
import type { LeanClientOptions } from "../../../src/lean/options.ts";
import {
  CLIENT_HELLO,
  concat,
  drain,
  frame,
  hex,
  OK,
  parse,
  recordedClient,
  start,
  utf8,
} from "../harness.ts";
import {
  COUNT_REQUEST,
  COUNT_RESPONSES,
  ECHO_REQUEST,
  ECHO_RESPONSE,
  everySplit,
  NO_HELLO,
} from "./transcripts.ts";

Deno.test("calls and streams, split at every byte", () => {
  everySplit(concat(NO_HELLO, ECHO_RESPONSE, COUNT_RESPONSES), (chunks) => {
    const { engine } = recordedClient({ allowVersion1: "without_deadlines" });
    assert.equal(engine.ready, false);
    assert.deepEqual(drain(engine), CLIENT_HELLO);
    let one: ReturnType<typeof start> | undefined;
    let two: ReturnType<typeof start> | undefined;
    const sent: Uint8Array[] = [];
    let early = 0;
    for (const chunk of chunks) {
      // Replies follow their requests, so the calls start as soon as the hello is answered.
      for (const byte of chunk) {
        engine.receive(Uint8Array.of(byte), 0);
        early++;
        if (engine.ready && one === undefined) {
          assert.equal(early, NO_HELLO.length);
          one = start(engine, "/echo", { timeoutMs: 5 });
          one.call.sendLastMessage(utf8("hi"), false);
          two = start(engine, "/count", { singleResponse: false });
          two.call.sendLastMessage(utf8(""), false);
          sent.push(drain(engine));
        }
      }
    }
    assert.equal(engine.speaksV1, true);
    assert.deepEqual(concat(...sent), concat(ECHO_REQUEST, COUNT_REQUEST));
    assert.deepEqual(one!.messages, ["hi"]);
    assert.equal(one!.status, OK);
    assert.deepEqual(two!.messages, ["\u0000", "\u0001", "\u0002"]);
    assert.equal(two!.status, OK);
    assert.equal(engine.activeCalls, 0);
  });
});

Deno.test("messages of a session have their own ids with the highest bit set", () => {
  const { engine } = recordedClient({ allowVersion1: "without_metadata" });
  drain(engine);
  engine.receive(NO_HELLO, 0);
  const call = start(engine, "/chat", { requestStreams: true, singleResponse: false });
  call.call.sendMessage(utf8("a"), false);
  call.call.sendMessage(utf8("b"), false);
  assert.deepEqual(
    drain(engine),
    hex(
      "01 04 8000000000000002 0005 00000001 2f63686174 61" +
        "01 04 8000000000000003 0005 00000001 2f63686174 62",
    ),
  );
  assert.throws(
    () => start(engine, "/chat", { requestStreams: true, singleResponse: false }),
    /version 1 allows one/,
  );
  engine.receive(hex("01 04 8000000000000003 0005 00000001 2f63686174 63"), 0);
  assert.deepEqual(call.messages, ["c"]);
  call.call.cancel();
  assert.equal(engine.activeCalls, 0);
});

Deno.test("an error frame ends the call with UNKNOWN and its text", () => {
  const { engine } = recordedClient({ allowVersion1: "without_metadata" });
  engine.receive(NO_HELLO, 0);
  const call = start(engine, "/x");
  call.call.sendLastMessage(utf8(""), false);
  engine.receive(frame(0x12, 1, "/x", "it broke"), 0);
  assert.equal(call.status, Status.UNKNOWN);
  assert.equal(call.message, "it broke");
});

Deno.test("replies to cancelled calls are dropped, whatever they are", () => {
  const { engine } = recordedClient({ allowVersion1: "without_metadata" });
  engine.receive(NO_HELLO, 0);
  const call = start(engine, "/x");
  call.call.sendLastMessage(utf8(""), false);
  call.call.cancel();
  engine.receive(
    concat(frame(6, 1, "/x", "a"), frame(14, 1, "/x", "b"), frame(2, 9, "/y", "c")),
    0,
  );
  assert.equal(engine.finished, false);
  assert.equal(call.status, undefined);
});

Deno.test("a call with several request messages fails with UNIMPLEMENTED", () => {
  const { engine } = recordedClient({ allowVersion1: "without_metadata" });
  engine.receive(NO_HELLO, 0);
  const call = start(engine, "/upload", { requestStreams: true });
  call.call.sendMessage(utf8("a"), false);
  engine.onTimer(engine.nextTimerMs());
  assert.equal(call.status, Status.UNIMPLEMENTED);
  assert.equal(engine.activeCalls, 0);
});

Deno.test("a server that echoes every route is not mistaken for one that knows the hello", () => {
  const { engine } = recordedClient({ allowVersion1: "without_metadata" });
  const hello = drain(engine);
  hello[1] = 0x02;
  engine.receive(hello, 0);
  assert.equal(engine.speaksV1, true);
  const other = recordedClient({ allowVersion1: "without_metadata" }).engine;
  other.receive(frame(2, 0, "vrpc/hello", new Uint8Array(5_000)), 0);
  assert.equal(other.speaksV1, true);
  assert.equal(other.ready, true);
});

Deno.test("a value above the limit fails its call and is skipped", () => {
  const { engine } = recordedClient({ allowVersion1: "without_metadata" });
  engine.receive(NO_HELLO, 0);
  const call = start(engine, "/x", { maxReceiveMessageBytes: 10 });
  call.call.sendLastMessage(utf8(""), false);
  const next = start(engine, "/x");
  next.call.sendLastMessage(utf8(""), false);
  engine.receive(concat(frame(2, 1, "/x", new Uint8Array(11)), frame(2, 2, "/x", "fine")), 0);
  assert.equal(call.status, Status.RESOURCE_EXHAUSTED);
  assert.deepEqual(next.messages, ["fine"]);
});

Deno.test("cancelling a call frees its slot and reports it", () => {
  const { engine, changes } = recordedClient({
    allowVersion1: "without_metadata",
    maxConcurrentStreams: 1,
  });
  engine.receive(NO_HELLO, 0);
  const call = start(engine, "/x");
  call.call.sendLastMessage(utf8(""), false);
  changes.length = 0;
  call.call.cancel();
  assert.deepEqual(changes, ["end"]);
  assert.equal(engine.activeCalls, 0);
});

Deno.test("without allowVersion1 a server that does not answer with its hello fails the connection", () => {
  const echoed = CLIENT_HELLO.slice();
  echoed[1] = 0x02;
  const failed = frame(0x12, 0, "vrpc/hello", "no such route");
  for (const answer of [NO_HELLO, echoed, failed, frame(0x12, 0, "vrpc/hello", "vrpcS\u0001")]) {
    const { engine } = recordedClient();
    drain(engine);
    engine.receive(answer, 0);
    assert.equal(engine.finished, true);
    assert.equal(engine.ready, false);
    assert.match(engine.endReason, /set allowVersion1 to use version 1/);
    assert.equal(engine.out.length, 0);
  }
});

Deno.test("a call with metadata fails unless it may go without its metadata", () => {
  const { engine } = recordedClient({ allowVersion1: true });
  engine.receive(NO_HELLO, 0);
  drain(engine);
  const made = start(engine, "/echo", { metadata: new Metadata({ authorization: "secret" }) });
  made.call.sendLastMessage(utf8("hi"), false);
  engine.onTimer(0);
  assert.equal(made.status, Status.UNIMPLEMENTED);
  assert.equal(engine.out.length, 0);
});

Deno.test("a call with a deadline fails unless it may go without its deadline", () => {
  const answered = (allowVersion1: LeanClientOptions["allowVersion1"]) => {
    const { engine } = recordedClient({ allowVersion1 });
    engine.receive(NO_HELLO, 0);
    drain(engine);
    return engine;
  };
  for (const allowed of [true, "without_metadata"] as const) {
    const engine = answered(allowed);
    const made = start(engine, "/echo", { timeoutMs: 1_000 });
    made.call.sendLastMessage(utf8("hi"), false);
    engine.onTimer(0);
    assert.equal(made.status, Status.UNIMPLEMENTED);
    assert.match(made.message, /no deadlines: set allowVersion1 to "without_deadlines"/);
    assert.equal(engine.out.length, 0);
    const plain = start(engine, "/echo", { timeoutMs: Infinity });
    plain.call.sendLastMessage(utf8("hi"), false);
    assert.equal(parse(drain(engine)).length, 1);
  }
  for (
    const allowed of ["without_deadlines", ["without_metadata", "without_deadlines"]] as const
  ) {
    const engine = answered(allowed);
    start(engine, "/echo", { timeoutMs: 1_000 }).call.sendLastMessage(utf8("hi"), false);
    assert.equal(parse(drain(engine)).length, 1);
    const secret = start(engine, "/echo", { metadata: new Metadata({ a: "b" }) });
    secret.call.sendLastMessage(utf8("hi"), false);
    assert.equal(parse(drain(engine)).length, allowed === "without_deadlines" ? 0 : 1);
  }
});

Deno.test("an error with the route of a session ends it", () => {
  const { engine } = recordedClient({ allowVersion1: true });
  engine.receive(NO_HELLO, 0);
  const session = start(engine, "/chat", { requestStreams: true, singleResponse: false });
  session.call.sendMessage(utf8("a"), false);
  engine.receive(frame(0x12, 0x8000_0000_0000_0002n, "/other", "UNIMPLEMENTED: no"), 0);
  assert.equal(session.status, undefined);
  engine.receive(frame(0x12, 0x8000_0000_0000_0002n, "/chat", "UNIMPLEMENTED: no"), 0);
  assert.equal(session.status, Status.UNKNOWN);
  assert.equal(session.message, "UNIMPLEMENTED: no");
  assert.equal(engine.activeCalls, 0);
});
