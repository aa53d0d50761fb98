/**
 * Cases that every wire must pass on every transport; calls_test.ts has the combinations.
 */

import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import { findDetails, Metadata, Status } from "../../mod.ts";
import { Echo } from "../../proto/gen/bench/echo_pb.ts";
import { ErrorInfoSchema } from "../../proto/gen/google/rpc/error_details_pb.ts";
import type { CallOptions, Channel, ChannelOptions, RpcError } from "../../mod.ts";
import { EMPTY, text, untext } from "../fixtures/bytes.ts";
import { failure } from "../../src/testing/failure.ts";
import type { Seen } from "./methods.ts";

/** Environment of a case. */
export interface Env {
  readonly wire: NonNullable<ChannelOptions["wire"]>;
  /** Whether a connection carries several calls at once. */
  readonly multiplexes: boolean;
  /** Whether the server receives and sends header fields by `Headers`, which joins values of one name with ", ". */
  readonly joinsFields: boolean;
  /** Channel shared by the cases of a combination. */
  readonly channel: Channel;
  /** Opens a separate channel. */
  connect(options?: ChannelOptions): Channel;
  readonly seen: Seen;
}

/** Test case. */
export interface CallCase {
  readonly name: string;
  readonly run: (env: Env) => Promise<void>;
}

let keys = 0;
const newKey = () => `key${++keys}`;

async function collect(source: AsyncIterable<Uint8Array>): Promise<string[]> {
  const all: string[] = [];
  for await (const message of source) all.push(untext(message));
  return all;
}

async function* bytesOf(count: number, size: number, sent?: (n: number) => void) {
  for (let i = 0; i < count; i++) {
    yield new Uint8Array(size);
    sent?.(i + 1);
  }
}

function client(env: Env, kind: "client_streaming" | "bidi_streaming", path: string) {
  const bytes = { name: "bytes", encode: (m: Uint8Array) => m, decode: (m: Uint8Array) => m };
  return env.channel.method<Uint8Array, Uint8Array>({
    path,
    kind,
    requestCodec: bytes,
    responseCodec: bytes,
  });
}

/**
 * Makes calls whose deadline passes, each with twice the time, until the handler of one has started: on a busy machine a
 * deadline may pass before its call is sent. Returns the key of that call.
 */
async function expires(
  seen: Seen,
  firstMs: number,
  call: (key: string, timeoutMs: number) => Promise<unknown>,
): Promise<string> {
  for (let timeoutMs = firstMs;; timeoutMs *= 2) {
    const key = newKey();
    await call(key, timeoutMs);
    if (seen.get(`${key} started`) === true) return key;
  }
}

async function assertLate(call: Promise<unknown>): Promise<void> {
  assert.equal((await failure(call)).code, Status.DEADLINE_EXCEEDED);
}

/** Polls `read` until its value has not changed for 150 ms; returns the value. */
async function settled(read: () => unknown): Promise<unknown> {
  let last = read();
  let since = performance.now();
  while (performance.now() - since < 150) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    const now = read();
    if (now !== last) since = performance.now();
    last = now;
  }
  return last;
}

const kinds: CallCase[] = [
  {
    name: "unary: the handler's reply arrives",
    async run({ channel }) {
      assert.equal(untext(await channel.call("/suite/echo", text("hi"))), "hi");
    },
  },
  {
    name: "unary: empty messages are messages",
    async run({ channel }) {
      assert.equal((await channel.call("/suite/echo", EMPTY)).length, 0);
    },
  },
  {
    name: "unary: 500 calls at once all get their own reply",
    async run({ channel }) {
      const calls = Array.from(
        { length: 500 },
        (_, i) => channel.call("/suite/echo", text(`${i}`)),
      );
      const replies = await Promise.all(calls);
      assert.deepEqual(replies.map(untext), calls.map((_, i) => `${i}`));
    },
  },
  {
    name: "client streaming: any number of messages, one reply",
    async run(env) {
      const sum = client(env, "client_streaming", "/suite/sum");
      assert.equal(untext(await sum.clientStreaming(bytesOf(0, 0))), "0 0");
      assert.equal(untext(await sum.clientStreaming(bytesOf(3, 0))), "3 0");
      assert.equal(untext(await sum.clientStreaming(bytesOf(100, 10))), "100 1000");
      assert.equal(untext(await sum.clientStreaming([text("a"), text("bc")])), "2 3");
    },
  },
  {
    name: "client streaming: the handler may answer before the last message",
    async run(env) {
      const first = client(env, "client_streaming", "/suite/first");
      let left = false;
      async function* endless() {
        try {
          for (;;) {
            yield text("one");
            await new Promise((resolve) => setTimeout(resolve, 0));
          }
        } finally {
          left = true;
        }
      }
      assert.equal(untext(await first.clientStreaming(endless())), "one");
      await settled(() => left);
      assert.ok(left, "the source of requests was left");
    },
  },
  {
    name: "server streaming: messages in order, then the end",
    async run({ channel }) {
      assert.deepEqual(await collect(channel.stream("/suite/count", text("0"))), []);
      const got = await collect(channel.stream("/suite/count", text("1000")));
      assert.deepEqual(got, Array.from({ length: 1000 }, (_, i) => `${i}`));
    },
  },
  {
    name: "server streaming: messages before a failure arrive",
    async run({ channel }) {
      const got: string[] = [];
      let trailers: Metadata | undefined;
      const error = await failure((async () => {
        const options: CallOptions = { onTrailers: (metadata) => trailers = metadata };
        for await (const m of channel.stream("/suite/countThenFail", text("3"), options)) {
          got.push(untext(m));
        }
      })());
      assert.deepEqual(got, ["0", "1", "2"]);
      assert.equal(error.code, Status.ABORTED);
      assert.equal(error.message, "counted far enough");
      assert.equal(trailers?.get("counted"), "3");
    },
  },
  {
    name: "bidirectional: full duplex",
    async run(env) {
      const bidi = client(env, "bidi_streaming", "/suite/bidi");
      let release!: () => void;
      async function* requests() {
        yield text("a");
        // The second message is sent after the reply to the first.
        await new Promise<void>((resolve) => release = resolve);
        yield text("b");
      }
      const got: string[] = [];
      for await (const message of bidi.bidiStreaming(requests())) {
        got.push(untext(message));
        if (got.length === 1) release();
      }
      assert.deepEqual(got, ["a", "b"]);
    },
  },
  {
    name: "a typed service, straight from its descriptor",
    async run({ channel }) {
      const echo = channel.client(Echo);
      const payload = text("typed");
      assert.deepEqual((await echo.unary({ payload })).payload, payload);
      const got: string[] = [];
      for await (const message of echo.bidi([{ payload }, { payload: text("two") }])) {
        got.push(untext(message.payload));
      }
      assert.deepEqual(got, ["typed", "two"]);
      let bytes = 0;
      for await (const message of echo.chunks({ count: 20, size: 5000 })) {
        bytes += message.payload.length;
      }
      assert.equal(bytes, 100_000);
    },
  },
];

const metadata: CallCase[] = [
  {
    name: "metadata: text, bytes and repeated keys go both ways, in order",
    async run({ channel, joinsFields }) {
      const sent = new Metadata([
        ["echo-a", "1"],
        ["echo-b-bin", new Uint8Array([0, 255, 10, 44])],
        ["echo-a", "2"],
        ["echo-b-bin", new Uint8Array(0)],
        ["echo-c", " !~ %41 , x"],
      ]);
      let headers!: Metadata;
      let trailers!: Metadata;
      await channel.call("/suite/metadata", EMPTY, {
        metadata: sent,
        onHeaders: (received) => headers = received,
        onTrailers: (received) => trailers = received,
      });
      for (const [received, prefix] of [[headers, "h-"], [trailers, "t-"]] as const) {
        const values = joinsFields ? ["1, 2"] : ["1", "2"];
        assert.deepEqual(received.getAll(`${prefix}echo-a`), values);
        const binary = received.getAll(`${prefix}echo-b-bin`).map((value) => [...value]);
        assert.deepEqual(binary, [[0, 255, 10, 44], []]);
        // No field may begin or end with space (RFC 9113 §8.2.1).
        assert.equal(received.get(`${prefix}echo-c`), "!~ %41 , x");
      }
    },
  },
  {
    name: "metadata: a value loses spaces and tabs at its ends where it is set",
    async run({ channel }) {
      const sent = new Metadata({ "echo-a": "a ", "echo-b": " \tb\t ", "echo-c": "  " });
      assert.deepEqual([...sent], [["echo-a", "a"], ["echo-b", "b"], ["echo-c", ""]]);
      let headers!: Metadata;
      let trailers!: Metadata;
      await channel.call("/suite/metadata", EMPTY, {
        metadata: sent,
        onHeaders: (received) => headers = received,
        onTrailers: (received) => trailers = received,
      });
      for (const [key, value] of sent) {
        assert.equal(headers.get(`h-${key}`), value);
        assert.equal(trailers.get(`t-${key}`), value);
      }
      // Copies of what arrived are accepted like any other metadata.
      assert.deepEqual([...new Metadata([...headers])], [...headers]);
      assert.deepEqual([...trailers.clone()], [...trailers]);
    },
  },
  {
    name: "metadata: fields of the connection are a TypeError that names them",
    async run({ channel }) {
      for (
        const key of [
          "connection",
          "Host",
          "keep-alive",
          "proxy-connection",
          "TE",
          "transfer-encoding",
          "upgrade",
          ":path",
          "",
          "x".repeat(256),
        ]
      ) {
        const options = { metadata: { [key]: "x" } };
        await assert.rejects(
          channel.call("/suite/echo", EMPTY, options),
          (error) => error instanceof TypeError && error.message.includes(JSON.stringify(key)),
        );
      }
    },
  },
  {
    name: "metadata: 8 KiB of it",
    async run({ channel }) {
      let headers!: Metadata;
      await channel.call("/suite/metadata", EMPTY, {
        metadata: { "echo-long": "x".repeat(3_000) },
        onHeaders: (received) => headers = received,
      });
      assert.equal(headers.get("h-echo-long")?.length, 3_000);
    },
  },
  {
    name: "metadata: invalid names and values are a TypeError",
    async run({ channel }) {
      for (const [key, value] of [["a b", "x"], ["a", "é"], ["a-bin", "text"]]) {
        const options = { metadata: { [key]: value } };
        await assert.rejects(channel.call("/suite/echo", EMPTY, options), TypeError);
      }
    },
  },
];

const errors: CallCase[] = [
  {
    name: "errors: code, text, metadata and details arrive",
    async run({ channel }) {
      const message = "no such thing: ünïcode % \n";
      const request = text(JSON.stringify({ code: Status.NOT_FOUND, message }));
      const error = await failure(channel.call("/suite/fail", request));
      assert.equal(error.code, Status.NOT_FOUND);
      assert.equal(error.message, message);
      assert.equal(error.metadata.get("reason"), "because");
      assert.equal(error.metadata.get("from"), "handler");
      const [info] = findDetails(error, ErrorInfoSchema);
      assert.equal(info.reason, "QUOTA");
    },
  },
  {
    name: "errors: a text may begin and end with spaces, and may be cut at one",
    async run({ channel }) {
      const fail = async (message: string) => {
        const request = text(JSON.stringify({ code: Status.NOT_FOUND, message }));
        const error = await failure(channel.call("/suite/fail", request));
        assert.equal(error.code, Status.NOT_FOUND);
        return error;
      };
      for (const message of ["missing: ", " x", " ", "   ", "\t\ttabs\t", "%20 ", "ü "]) {
        const error = await fail(message);
        assert.equal(error.message, message);
        assert.equal(error.metadata.get("reason"), "because");
      }
      for (const long of ["a".repeat(8_191) + " b", " ".repeat(9_000), "ü ".repeat(5_000)]) {
        const received = (await fail(long)).message;
        assert.ok(long.startsWith(received), `${received.slice(-20)} is not of the text`);
      }
    },
  },
  {
    name: "errors: every code",
    async run({ channel }) {
      for (let code = 1; code <= 16; code++) {
        const request = text(JSON.stringify({ code, message: `code ${code}` }));
        const error = await failure(channel.call("/suite/fail", request));
        assert.equal(error.code, code);
        assert.equal(error.message, `code ${code}`);
      }
    },
  },
  {
    name: "errors: an exception of a handler is UNKNOWN, without its text",
    async run({ channel }) {
      const error = await failure(channel.call("/suite/crash", EMPTY));
      assert.equal(error.code, Status.UNKNOWN);
      assert.ok(!error.message.includes("secret"));
    },
  },
  {
    name: "errors: an unknown method of any kind is UNIMPLEMENTED",
    async run(env) {
      const error = await failure(env.channel.call("/suite/none", EMPTY));
      assert.equal(error.code, Status.UNIMPLEMENTED);
      const streamed = await failure(collect(env.channel.stream("/suite/none", EMPTY)));
      assert.equal(streamed.code, Status.UNIMPLEMENTED);
      const none = client(env, "client_streaming", "/suite/none");
      assert.equal(
        (await failure(none.clientStreaming(bytesOf(5, 5)))).code,
        Status.UNIMPLEMENTED,
      );
    },
  },
  {
    name: "errors: a source of requests that throws cancels the call",
    async run(env) {
      const sum = client(env, "client_streaming", "/suite/sum");
      const cause = new Error("the disk is gone");
      async function* requests() {
        yield text("a");
        await Promise.resolve();
        throw cause;
      }
      const error = await failure(sum.clientStreaming(requests()));
      assert.equal(error.code, Status.CANCELLED);
      assert.equal(error.cause, cause);
    },
  },
];

const endings: CallCase[] = [
  {
    name: "deadline: the call ends on the client, and the handler's signal fires",
    async run({ channel, seen }) {
      await channel.ready();
      const key = await expires(
        seen,
        100,
        (key, timeoutMs) => assertLate(channel.call("/suite/hang", text(key), { timeoutMs })),
      );
      const reason = await seen.wait<RpcError>(key);
      assert.ok(
        reason.code === Status.DEADLINE_EXCEEDED || reason.code === Status.CANCELLED,
        reason.codeName,
      );
    },
  },
  {
    name: "deadline: the server gets the time left",
    async run({ channel }) {
      const left = Number(
        untext(await channel.call("/suite/remaining", EMPTY, { timeoutMs: 5_000 })),
      );
      assert.ok(left > 0 && left <= 5_001, `${left}`);
      assert.equal(untext(await channel.call("/suite/remaining", EMPTY)), "Infinity");
    },
  },
  {
    name: "deadline: streams",
    async run({ channel, seen }) {
      const key = await expires(
        seen,
        100,
        (key, timeoutMs) =>
          assertLate(collect(channel.stream("/suite/firehose", text(key), { timeoutMs }))),
      );
      await seen.wait(`${key} left`);
    },
  },
  {
    name: "deadline: one that has passed fails immediately; a negative one is misuse",
    async run({ channel }) {
      const error = await failure(channel.call("/suite/hang", text(newKey()), { timeoutMs: 0 }));
      assert.equal(error.code, Status.DEADLINE_EXCEEDED);
      await assert.rejects(channel.call("/suite/echo", EMPTY, { timeoutMs: -1 }), RangeError);
    },
  },
  {
    name: "deadline: a call without time left never runs its handler",
    async run({ channel, seen }) {
      const texts = new Set<string>();
      for (let i = 0; i < 20; i++) {
        const key = newKey();
        for (
          const call of [
            channel.call("/suite/hang", text(key), { timeoutMs: 0 }),
            channel.call("/suite/hang", text(key), { timeoutMs: 1e-6 }),
            collect(channel.stream("/suite/firehose", text(key), { timeoutMs: 0 })),
          ]
        ) {
          const error = await failure(call);
          assert.equal(error.code, Status.DEADLINE_EXCEEDED);
          texts.add(error.message);
        }
        await channel.call("/suite/echo", EMPTY);
        assert.equal(seen.get(`${key} started`), undefined, "the handler ran");
        assert.equal(seen.get(key), undefined, "the streaming handler ran");
      }
      texts.add(
        (await failure(channel.call("/suite/hang", text(newKey()), { timeoutMs: 50 }))).message,
      );
      assert.equal(texts.size, 1, [...texts].join(" / "));
    },
  },
  {
    name: "deadline: a call made after the inherited deadline passed is not sent",
    async run({ channel, seen }) {
      seen.set("channel", channel);
      // The thread is busy: the reply may be read before the timer of the deadline runs.
      const key = await expires(
        seen,
        20,
        (key, timeoutMs) => channel.call("/suite/late", text(key), { timeoutMs }).catch(() => {}),
      );
      const nested = await seen.wait<RpcError>(`${key} nested`);
      assert.equal(nested.code, Status.DEADLINE_EXCEEDED);
      await channel.call("/suite/echo", EMPTY);
      assert.equal(seen.get(`nested ${key} started`), undefined, "the handler ran");
    },
  },
  {
    name: "cancel: the signal ends the call and the handler's signal fires",
    async run({ channel, seen }) {
      const key = newKey();
      const controller = new AbortController();
      const call = failure(channel.call("/suite/hang", text(key), { signal: controller.signal }));
      await seen.wait(`${key} started`);
      controller.abort();
      assert.equal((await call).code, Status.CANCELLED);
      assert.equal((await seen.wait<RpcError>(key)).code, Status.CANCELLED);
    },
  },
  {
    name: "cancel: an aborted signal fails the call immediately",
    async run({ channel }) {
      const error = await failure(
        channel.call("/suite/echo", EMPTY, { signal: AbortSignal.abort() }),
      );
      assert.equal(error.code, Status.CANCELLED);
    },
  },
  {
    name: "cancel: breaking out of a stream of replies stops the handler",
    async run({ channel, seen }) {
      const key = newKey();
      for await (const _ of channel.stream("/suite/firehose", text(key))) break;
      await seen.wait(`${key} left`);
    },
  },
  {
    name: "cancel: the signal ends a stream",
    async run({ channel, seen }) {
      const key = newKey();
      const controller = new AbortController();
      const error = await failure((async () => {
        const options = { signal: controller.signal };
        for await (const _ of channel.stream("/suite/firehose", text(key), options)) {
          controller.abort();
        }
      })());
      assert.equal(error.code, Status.CANCELLED);
      await seen.wait(`${key} left`);
    },
  },
  {
    name: "cancel: other calls of the connection continue",
    async run(env) {
      await using channel = env.connect({ poolSize: 1 });
      const key = newKey();
      const controller = new AbortController();
      const hanging = failure(
        channel.call("/suite/hang", text(key), { signal: controller.signal }),
      );
      await env.seen.wait(`${key} started`);
      controller.abort();
      assert.equal((await hanging).code, Status.CANCELLED);
      assert.equal(untext(await channel.call("/suite/echo", text("still"))), "still");
      assert.equal(channel.stats().connections.length, 1);
    },
  },
];

const flow: CallCase[] = [
  {
    name: "backpressure: a slow reader pauses the handler, and memory stays bounded",
    async run(env) {
      await using channel = env.connect({ poolSize: 1 });
      const key = newKey();
      const stream = channel.stream("/suite/firehose", text(key))[Symbol.asyncIterator]();
      await stream.next();
      const written = await settled(() => env.seen.get(key)) as number;
      // 16 KiB each: the capacity of windows and buffers.
      assert.ok(written < 640, `${written} chunks were written for a reader of one`);
      for (let i = 0; i < 2_000; i++) await stream.next();
      assert.ok(env.seen.get(key) as number >= 2_000);
      await stream.return!();
      await env.seen.wait(`${key} left`);
    },
  },
  {
    name: "backpressure: a handler that reads nothing pauses the sender",
    async run(env) {
      await using channel = env.connect({ poolSize: 1 });
      const key = newKey();
      let sent = 0;
      const slow = client({ ...env, channel }, "client_streaming", "/suite/slow");
      const reply = slow.clientStreaming(bytesOf(2_000, 16_384, (n) => sent = n), {
        metadata: { key },
      });
      const stalled = await settled(() => sent) as number;
      assert.ok(stalled < 640, `${stalled} chunks were sent to a handler that reads none`);
      env.seen.set(`${key} go`, true);
      assert.equal(untext(await reply), "2000");
    },
  },
  {
    name: "backpressure: a paused call does not block others",
    async run(env) {
      await using channel = env.connect({ poolSize: env.multiplexes ? 1 : 2 });
      const key = newKey();
      const stream = channel.stream("/suite/firehose", text(key))[Symbol.asyncIterator]();
      await stream.next();
      await settled(() => env.seen.get(key));
      const big = await channel.call("/suite/big", text("1000000"));
      assert.equal(big.length, 1_000_000);
      await stream.return!();
    },
  },
  {
    name: "limits: a reply past maxReceiveMessageBytes is RESOURCE_EXHAUSTED, one below isn't",
    async run(env) {
      await using channel = env.connect({ maxReceiveMessageBytes: 100_000 });
      assert.equal((await channel.call("/suite/big", text("100000"))).length, 100_000);
      const error = await failure(channel.call("/suite/big", text("100001")));
      assert.equal(error.code, Status.RESOURCE_EXHAUSTED);
      assert.equal(untext(await channel.call("/suite/echo", text("fine"))), "fine");
    },
  },
  {
    name: "limits: a request past the server's limit is RESOURCE_EXHAUSTED",
    async run({ channel }) {
      const error = await failure(channel.call("/suite/echo", new Uint8Array(4 * 1024 * 1024 + 1)));
      assert.equal(error.code, Status.RESOURCE_EXHAUSTED);
      assert.equal(untext(await channel.call("/suite/echo", text("fine"))), "fine");
    },
  },
  {
    name: "limits: a request past the client's own limit is not sent",
    async run(env) {
      await using channel = env.connect({ maxSendMessageBytes: 10 });
      const error = await failure(channel.call("/suite/echo", new Uint8Array(11)));
      assert.equal(error.code, Status.RESOURCE_EXHAUSTED);
      assert.equal(channel.stats().callsStarted, 0);
    },
  },
  {
    name: "big messages: 4 MiB echoed unchanged",
    async run({ channel }) {
      const payload = new Uint8Array(4 * 1024 * 1024);
      for (let i = 0; i < payload.length; i++) payload[i] = i * 7 + (i >> 8);
      const reply = await channel.call("/suite/echo", payload.slice());
      assert.deepEqual(Buffer.compare(reply, payload), 0);
    },
  },
  {
    name: "gzip: requests and replies, small and large",
    async run({ channel }) {
      for (const size of [0, 10, 100_000]) {
        const payload = new Uint8Array(size).fill(65);
        const reply = await channel.call("/suite/compressed", payload, { compress: true });
        assert.equal(reply.length, size);
        assert.ok(reply.every((byte) => byte === 65));
      }
    },
  },
  {
    name: "gzip: a decompression bomb stops at the limit",
    async run(env) {
      await using channel = env.connect({ maxReceiveMessageBytes: 100_000 });
      const error = await failure(
        channel.call("/suite/compressed", new Uint8Array(1_000_000), { compress: true }),
      );
      assert.equal(error.code, Status.RESOURCE_EXHAUSTED);
    },
  },
];

const sessions: CallCase[] = [
  {
    name: "session: both sides speak independently",
    async run({ channel }) {
      let headers!: Metadata;
      await using session = channel.session("/suite/chat", {
        onHeaders: (received) => headers = received,
      });
      assert.equal(untext((await session.receive())!), "welcome");
      assert.equal(headers.get("greeting"), "hello");
      await session.send(text("one"));
      await session.send(text("two"));
      assert.equal(untext((await session.receive())!), "you said one");
      assert.equal(untext((await session.receive())!), "you said two");
      await session.send(text("bye"));
      assert.deepEqual(await collect(session), ["goodbye"]);
      assert.equal(await session.receive(), null);
    },
  },
  {
    name: "session: half-close, then the rest arrives",
    async run({ channel }) {
      await using session = channel.session("/suite/bidi", { initial: text("first") });
      await session.send(text("second"));
      session.closeSend();
      assert.deepEqual(await collect(session), ["first", "second"]);
      await assert.rejects(session.send(text("third")), TypeError);
    },
  },
  {
    name: "session: disposing it cancels the call on the server",
    async run({ channel, seen }) {
      const key = newKey();
      {
        await using session = channel.session("/suite/reads", { metadata: { key } });
        await session.send(text("x"));
        assert.equal(untext((await session.receive())!), "x");
      }
      assert.equal((await seen.wait<RpcError>(key)).code, Status.CANCELLED);
    },
  },
  {
    name: "session: a lost connection ends it with UNAVAILABLE",
    async run(env) {
      const channel = env.connect();
      const session = channel.session("/suite/reads", { metadata: { key: newKey() } });
      await session.send(text("x"));
      await session.receive();
      const receiving = failure(session.receive());
      await channel.close();
      assert.equal((await receiving).code, Status.UNAVAILABLE);
      assert.equal((await failure(session.send(text("y")))).code, Status.UNAVAILABLE);
    },
  },
];

const channels: CallCase[] = [
  {
    name: "channel: ready, statistics, and no resources left after close",
    async run(env) {
      const channel = env.connect({ poolSize: 2 });
      assert.equal(channel.state, "IDLE");
      await channel.ready({ timeoutMs: 5_000 });
      assert.equal(channel.state, "READY");
      assert.equal(channel.stats().connections.length, 2);
      await channel.close();
      assert.equal(channel.state, "SHUTDOWN");
      assert.equal(channel.stats().connections.length, 0);
      const error = await failure(channel.call("/suite/echo", EMPTY));
      assert.equal(error.code, Status.UNAVAILABLE);
    },
  },
  {
    name: "channel: close ends open calls with UNAVAILABLE",
    async run(env) {
      const channel = env.connect();
      const key = newKey();
      const call = failure(channel.call("/suite/hang", text(key)));
      await env.seen.wait(`${key} started`);
      await channel.close();
      assert.equal((await call).code, Status.UNAVAILABLE);
      await env.seen.wait(key);
    },
  },
  {
    name: "interceptors: see and change calls of every kind",
    async run(env) {
      const seen: string[] = [];
      await using channel = env.connect({
        interceptors: [(next) => async (call) => {
          seen.push(`${call.side} ${call.method.kind} ${call.stream}`);
          call.metadata.set("echo-by", "interceptor");
          const reply = await next({ ...call });
          seen.push(`reply ${reply.stream} ${reply.headers.get("h-echo-by") ?? "-"}`);
          return reply;
        }],
      });
      await channel.call("/suite/metadata", EMPTY);
      await collect(channel.stream("/suite/count", text("2")));
      await using session = channel.session("/suite/bidi");
      await session.send(text("a"));
      assert.equal(untext((await session.receive())!), "a");
      session.closeSend();
      assert.equal(await session.receive(), null);
      assert.deepEqual(seen, [
        "client unary false",
        "reply false interceptor",
        "client server_streaming false",
        "reply true -",
        "client bidi_streaming true",
        "reply true -",
      ]);
      const request = text(JSON.stringify({ code: Status.NOT_FOUND, message: "gone" }));
      assert.equal((await failure(channel.call("/suite/fail", request))).code, Status.NOT_FOUND);
    },
  },
  {
    name: "credentials: added to each call",
    async run(env) {
      await using channel = env.connect({
        allowInsecureCredentials: true,
        credentials: ({ path }) => Promise.resolve({ "echo-token": `for ${path}` }),
      });
      let headers!: Metadata;
      await channel.call("/suite/metadata", EMPTY, {
        credentials: () => ({ "echo-more": "2" }),
        onHeaders: (received) => headers = received,
      });
      assert.equal(headers.get("h-echo-token"), "for /suite/metadata");
      assert.equal(headers.get("h-echo-more"), "2");
    },
  },
];

/** All cases. */
export const callCases: readonly CallCase[] = [
  ...kinds,
  ...metadata,
  ...errors,
  ...endings,
  ...flow,
  ...sessions,
  ...channels,
];
