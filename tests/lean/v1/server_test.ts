/** A server of version 1, by transcripts: "Version 1" in src/lean/README.md. */

import assert from "node:assert/strict";
import { lendBuffer } from "../../../src/bytes/pool.ts";
import { Status } from "../../../src/call/status.ts";
import {
  concat,
  drain,
  echo,
  frame,
  hex,
  OK,
  parse,
  recordedServer,
  type RecordedServerCall,
  text,
  utf8,
} from "../harness.ts";
import {
  COUNT_REQUEST,
  COUNT_RESPONSES,
  ECHO_REQUEST,
  ECHO_RESPONSE,
  everySplit,
} from "./transcripts.ts";

const routes = (call: RecordedServerCall) => call.call.path === "/count" ? count(call) : echo(call);

function count({ call }: RecordedServerCall) {
  return {
    onMessage() {},
    onHalfClose() {
      for (const byte of [0, 1, 2]) call.sendMessage(Uint8Array.of(byte), false);
      call.sendStatus(OK, "");
      call.handlerDone();
    },
    onCancel() {},
    onWritable() {},
  };
}

Deno.test("calls and streams, split at every byte", () => {
  everySplit(concat(ECHO_REQUEST, COUNT_REQUEST), (chunks) => {
    const { engine, notes } = recordedServer({}, routes);
    const out: Uint8Array[] = [];
    for (const chunk of chunks) {
      const input = chunk.slice();
      engine.receive(input, 0);
      input.fill(0xee);
      out.push(drain(engine));
    }
    assert.deepEqual(concat(...out), concat(ECHO_RESPONSE, COUNT_RESPONSES));
    assert.deepEqual(notes, []);
    assert.equal(engine.activeCalls, 0);
    assert.equal(engine.finished, false);
  });
});

Deno.test("errors are response|error with `CODE: text`, those of unknown routes included", () => {
  const { engine } = recordedServer({}, ({ call }) => {
    call.sendStatus(Status.UNIMPLEMENTED, "no such route");
    call.handlerDone();
  });
  engine.receive(hex("01 01 ffffffffffffffff 0002 00000000 2f78"), 0);
  // response|error, the same id, "/x", "UNIMPLEMENTED: no such route"
  assert.deepEqual(
    drain(engine),
    hex(
      "01 12 ffffffffffffffff 0002 0000001c 2f78" +
        "554e494d504c454d454e5445443a206e6f207375636820726f757465",
    ),
  );
});

Deno.test("a compressed message can't be sent: its handler gets a cancellation", () => {
  const { engine, calls } = recordedServer();
  engine.receive(ECHO_REQUEST, 0);
  calls[0].call.sendMessage(utf8("x"), true);
  assert.match(calls[0].events.join(), /cancel INTERNAL/);
  assert.equal(parse(drain(engine)).length, 1);
  assert.equal(engine.activeCalls, 0);
});

Deno.test("a drain is graceful when the last call has its reply", () => {
  const { engine, calls } = recordedServer();
  engine.receive(ECHO_REQUEST, 0);
  engine.drain(0);
  assert.equal(engine.finished, false);
  calls[0].call.respond(utf8("hi"));
  calls[0].call.handlerDone();
  assert.equal(engine.finished, true);
  assert.equal(engine.closedGracefully, true);
  assert.deepEqual(parse(drain(engine)).at(-1)!.value, utf8("hi"));
});

Deno.test("a drained connection finishes without GOODBYE, which version 1 does not have", () => {
  const { engine, calls } = recordedServer();
  engine.receive(ECHO_REQUEST, 0);
  engine.drain(0);
  engine.receive(frame(1, 7, "/echo", "late"), 0);
  assert.equal(parse(drain(engine))[0].flags, 0x12);
  calls[0].call.respond(utf8("hi"));
  calls[0].call.handlerDone();
  assert.deepEqual(drain(engine), ECHO_RESPONSE);
  assert.equal(engine.finished, true);
});

Deno.test("ids above 2⁵³ are distinguished and repeated exactly", () => {
  const { engine, calls } = recordedServer();
  engine.receive(frame(1, 0xfffffffffffffffdn, "/a", "a"), 0);
  engine.receive(frame(1, 0xfffffffffffffffen, "/a", "b"), 0);
  calls[1].call.respond(utf8("B"));
  calls[0].call.respond(utf8("A"));
  assert.deepEqual(
    parse(drain(engine)).map((f) => [f.id, text(f.value)]),
    [[0xfffffffffffffffen, "B"], [0xfffffffffffffffdn, "A"]],
  );
});

Deno.test("messages of a session share a route, not an id; replies are stream frames", () => {
  const { engine, calls } = recordedServer();
  // stream, ids with the highest bit set
  engine.receive(hex("01 04 8000000000000001 0005 00000001 2f63686174 61"), 0);
  engine.receive(hex("01 04 8000000000000002 0005 00000001 2f63686174 62"), 0);
  assert.equal(calls.length, 1);
  assert.deepEqual(calls[0].messages, ["a", "b"]);
  calls[0].call.sendMessage(utf8("c"), false);
  assert.deepEqual(drain(engine), hex("01 04 8000000000000002 0005 00000001 2f63686174 63"));
  calls[0].call.sendStatus(OK, "");
  calls[0].call.handlerDone();
  assert.equal(engine.out.length, 0);
  // The session has ended: the next message begins another one.
  engine.receive(hex("01 04 8000000000000003 0005 00000001 2f63686174 64"), 0);
  assert.equal(calls.length, 2);
});

Deno.test("the last message of a stream is delayed to be sent with the end", () => {
  const { engine, calls } = recordedServer({ v1FinalMessageDelayMs: 10 });
  engine.receive(COUNT_REQUEST, 0);
  const { call } = calls[0];
  call.sendMessage(utf8("a"), false);
  assert.equal(engine.out.length, 0);
  engine.onTimer(5);
  assert.equal(engine.out.length, 0);
  engine.onTimer(15);
  assert.deepEqual(parse(drain(engine)).map((f) => [f.flags, text(f.value)]), [[6, "a"]]);
  // A later end has an empty value.
  call.sendStatus(OK, "");
  assert.deepEqual(parse(drain(engine)).map((f) => [f.flags, text(f.value)]), [[14, ""]]);
});

Deno.test("reading pauses at the limit of calls, and while a paused session has enough unread", () => {
  const { engine, calls } = recordedServer({ maxConcurrentStreams: 2, callWindowBytes: 1_024 });
  engine.receive(concat(frame(1, 1, "/a"), frame(1, 2, "/a")), 0);
  assert.equal(engine.wantsRead, false);
  calls[0].call.respond(utf8(""));
  calls[0].call.handlerDone();
  drain(engine);
  assert.equal(engine.wantsRead, true);
  const sessions = recordedServer({ callWindowBytes: 1_024 });
  sessions.engine.receive(frame(4, 1, "/s", "x"), 0);
  sessions.calls[0].call.setReadPaused(true);
  sessions.engine.receive(frame(4, 2, "/s", new Uint8Array(2_000)), 0);
  assert.equal(sessions.engine.wantsRead, false);
  sessions.calls[0].call.setReadPaused(false);
  assert.equal(sessions.engine.wantsRead, true);
});

Deno.test("a declared 4 GiB is refused and skipped, and the connection stays open", () => {
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

Deno.test("unknown flags are ignored within a budget; an id in use ends the connection", () => {
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

Deno.test("only flags 0x01 and 0x04 carry a request or a message of a session", () => {
  const { engine, calls } = recordedServer();
  engine.receive(ECHO_REQUEST, 0);
  assert.equal(calls.length, 1);
  for (const flags of [0x03, 0x05, 0x09, 0x11, 0x21, 0x81, 0x0c, 0x24, 0x44, 0x84]) {
    engine.receive(frame(flags, 9, "/echo", "x"), 0);
  }
  assert.equal(calls.length, 1);
  assert.deepEqual(calls[0].messages, ["hi"]);
  assert.equal(engine.finished, false);
});

Deno.test("a session that fails ends with an error for its last message, that of an unknown route too", () => {
  const { engine, calls } = recordedServer();
  engine.receive(frame(4, 0x8000_0000_0000_0001n, "/chat", "a"), 0);
  engine.receive(frame(4, 0x8000_0000_0000_0007n, "/chat", "b"), 0);
  calls[0].call.sendStatus(Status.UNIMPLEMENTED, "Unknown method /chat");
  assert.equal(
    drain(engine).toHex(),
    frame(0x12, 0x8000_0000_0000_0007n, "/chat", "UNIMPLEMENTED: Unknown method /chat").toHex(),
  );
  calls[0].call.handlerDone();
  engine.receive(frame(4, 1n << 63n, Uint8Array.of(0xff), "a"), 0);
  const [unreadable] = parse(drain(engine));
  assert.equal(unreadable.flags, 0x12);
  assert.match(text(unreadable.value), /^UNIMPLEMENTED: The route is empty, .* not valid UTF-8/);
  engine.receive(frame(4, 5, "/open", "a"), 0);
  engine.drain(0);
  engine.receive(frame(4, 6, "/new", "a"), 0);
  const [late] = parse(drain(engine));
  assert.equal(late.flags, 0x12);
  assert.equal(text(late.value), "UNAVAILABLE: No more calls are accepted");
});

Deno.test("messages of sessions that are answered with errors are charged", () => {
  const made = recordedServer({ overheadBurst: 20, overheadPerSecond: 0.001 });
  for (let i = 0; i < 21; i++) made.engine.receive(frame(4, i, "", "a"), 0);
  assert.equal(made.engine.finished, true);
});

Deno.test("a held message whose buffer is detached fails its call only", () => {
  const { engine, calls } = recordedServer();
  engine.receive(COUNT_REQUEST, 0);
  const { call } = calls[0];
  const message = utf8("a");
  call.sendMessage(message, false);
  structuredClone(message, { transfer: [message.buffer] });
  call.sendStatus(OK, "");
  const [frame] = parse(drain(engine));
  assert.match(text(frame.value), /^INTERNAL: Cannot send a message: its buffer was detached/);
  assert.equal(engine.finished, false);
});

Deno.test("the buffer lent for a reply returns to the pool once the reply is written", () => {
  for (const send of ["respond", "sendMessage"] as const) {
    const { engine, calls } = recordedServer();
    engine.receive(ECHO_REQUEST, 0);
    const { call } = calls[0];
    const reply = lendBuffer(3_000).subarray(0, 3_000).fill(1);
    if (send === "respond") {
      call.respond(reply);
    } else {
      call.sendMessage(reply, false);
      call.sendStatus(OK, "");
    }
    assert.ok(lendBuffer(3_000).buffer === reply.buffer, send);
    assert.equal(parse(drain(engine))[0].value.length, 3_000);
  }
});
