/**
 * Transcripts of version 1, written out by hand from the layout: version (1), flags (1), call id (8), type
 * length (2), value length (4), type, value; big-endian. They hold the compatibility with other speakers.
 */

import assert from "node:assert/strict";
import { Status } from "../../../src/call/status.ts";
import {
  CLIENT_HELLO,
  concat,
  drain,
  echo,
  frame,
  hex,
  OK,
  parse,
  recordedClient,
  recordedServer,
  type RecordedServerCall,
  start,
  text,
  utf8,
} from "../harness.ts";

// request, call 1, "/echo", "hi"
const ECHO_REQUEST = hex("01 01 0000000000000001 0005 00000002 2f6563686f 6869");
// response, call 1, "/echo", "hi"
const ECHO_RESPONSE = hex("01 02 0000000000000001 0005 00000002 2f6563686f 6869");
// request, call 2, "/count", ""
const COUNT_REQUEST = hex("01 01 0000000000000002 0006 00000000 2f636f756e74");
// response|stream, call 2, "/count", one byte each; response|stream|end with the last
const COUNT_RESPONSES = hex(
  "01 06 0000000000000002 0006 00000001 2f636f756e74 00" +
    "01 06 0000000000000002 0006 00000001 2f636f756e74 01" +
    "01 0e 0000000000000002 0006 00000001 2f636f756e74 02",
);
// What a version-1 server answers to a route it does not know, here the hello: a response without a value.
const NO_HELLO = hex("01 02 0000000000000000 000a 00000000 767270632f68656c6c6f");

function everySplit(bytes: Uint8Array, run: (chunks: Uint8Array[]) => void): void {
  run([bytes]);
  run(Array.from(bytes, (byte) => Uint8Array.of(byte)));
  for (let at = 1; at < bytes.length; at++) run([bytes.slice(0, at), bytes.slice(at)]);
}

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

const routes = (call: RecordedServerCall) => call.call.path === "/count" ? count(call) : echo(call);

Deno.test("server, request and response, at every split", () => {
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

Deno.test("client, request and response, at every split", () => {
  everySplit(concat(NO_HELLO, ECHO_RESPONSE, COUNT_RESPONSES), (chunks) => {
    const { engine } = recordedClient();
    assert.equal(engine.ready, false);
    assert.deepEqual(drain(engine), CLIENT_HELLO);
    let one: ReturnType<typeof start> | undefined;
    let two: ReturnType<typeof start> | undefined;
    const sent: Uint8Array[] = [];
    let early = 0;
    for (const chunk of chunks) {
      // Replies can't come before requests: start the calls as soon as the hello is answered.
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

Deno.test("server: errors are response|error with `CODE: text`, an unknown route among them", () => {
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

Deno.test("server: a handler hears that its compressed message can't be sent", () => {
  const { engine, calls } = recordedServer();
  engine.receive(ECHO_REQUEST, 0);
  calls[0].call.sendMessage(utf8("x"), true);
  assert.match(calls[0].events.join(), /cancel INTERNAL/);
  assert.equal(parse(drain(engine)).length, 1);
  assert.equal(engine.activeCalls, 0);
});

Deno.test("server: a drain ends well when the last call has its reply", () => {
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

Deno.test("server: ids above 2^53 are told apart and repeated exactly", () => {
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

Deno.test("server: messages of a session share a route, not an id; replies are stream frames", () => {
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
  // The session is over: the next message begins another.
  engine.receive(hex("01 04 8000000000000003 0005 00000001 2f63686174 64"), 0);
  assert.equal(calls.length, 2);
});

Deno.test("client: a session's messages have ids of their own with the highest bit set", () => {
  const { engine } = recordedClient();
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

Deno.test("client: an error frame ends the call with UNKNOWN and its text", () => {
  const { engine } = recordedClient();
  engine.receive(NO_HELLO, 0);
  const call = start(engine, "/x");
  call.call.sendLastMessage(utf8(""), false);
  engine.receive(frame(0x12, 1, "/x", "it broke"), 0);
  assert.equal(call.status, Status.UNKNOWN);
  assert.equal(call.message, "it broke");
});

Deno.test("client: replies to calls that were given up are dropped, whatever they are", () => {
  const { engine } = recordedClient();
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

Deno.test("client: one message a call is all that version 1 takes", () => {
  const { engine } = recordedClient();
  engine.receive(NO_HELLO, 0);
  const call = start(engine, "/upload", { requestStreams: true });
  call.call.sendMessage(utf8("a"), false);
  engine.onTimer(engine.nextTimerMs());
  assert.equal(call.status, Status.UNIMPLEMENTED);
  assert.equal(engine.activeCalls, 0);
});

Deno.test("client: a server that echoes every route is not mistaken for one that knows the hello", () => {
  const { engine } = recordedClient();
  const hello = drain(engine);
  hello[1] = 0x02;
  engine.receive(hello, 0);
  assert.equal(engine.speaksV1, true);
  const other = recordedClient().engine;
  other.receive(frame(2, 0, "vrpc/hello", new Uint8Array(5_000)), 0);
  assert.equal(other.speaksV1, true);
  assert.equal(other.ready, true);
});

Deno.test("client: a value above the limit fails its call, takes no memory, and the next goes on", () => {
  const { engine } = recordedClient();
  engine.receive(NO_HELLO, 0);
  const call = start(engine, "/x", { maxReceiveMessageBytes: 10 });
  call.call.sendLastMessage(utf8(""), false);
  const next = start(engine, "/x");
  next.call.sendLastMessage(utf8(""), false);
  engine.receive(concat(frame(2, 1, "/x", new Uint8Array(11)), frame(2, 2, "/x", "fine")), 0);
  assert.equal(call.status, Status.RESOURCE_EXHAUSTED);
  assert.deepEqual(next.messages, ["fine"]);
});

Deno.test("server: a stream's last message waits a little to learn that it is the last", () => {
  const { engine, calls } = recordedServer({ v1FinalMessageDelayMs: 10 });
  engine.receive(COUNT_REQUEST, 0);
  const { call } = calls[0];
  call.sendMessage(utf8("a"), false);
  assert.equal(engine.out.length, 0);
  engine.onTimer(5);
  assert.equal(engine.out.length, 0);
  engine.onTimer(15);
  assert.deepEqual(parse(drain(engine)).map((f) => [f.flags, text(f.value)]), [[6, "a"]]);
  // The end that comes later can only be said with an empty value.
  call.sendStatus(OK, "");
  assert.deepEqual(parse(drain(engine)).map((f) => [f.flags, text(f.value)]), [[14, ""]]);
});

Deno.test("server: reading pauses while a version-1 client has too many calls or an idle session reader", () => {
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

Deno.test("server: drained, it finishes without a goodbye, which version 1 does not know", () => {
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
