// Deno.bench of dispatching calls to handlers and back, without a wire: `deno bench -A bench/micro/dispatch_bench.ts`.
import { Metadata } from "../../src/call/metadata.ts";
import { Status } from "../../src/call/status.ts";
import type { ServerCall, ServerCallSink } from "../../src/call/wire.ts";
import { protobufCodec } from "../../src/codec/protobuf.ts";
import { Echo, MsgSchema } from "../../proto/gen/bench/echo_pb.ts";
import { FakeHost } from "../../tests/fixtures/fake_call.ts";
import { expectCount } from "../engine_pair.ts";

const CALLS = 1000;
const METHODS = 200;
// Above the microtasks of any handler below.
const MICROTASKS = 100;
const NO_METADATA = new Metadata();
const NO_SINK = {} as ServerCallSink;

/** Call that counts its replies. */
class CountedCall implements ServerCall {
  readonly metadata = NO_METADATA;
  readonly timeoutMs = Infinity;
  readonly encoding = "identity";
  readonly acceptedEncodings = "";
  readonly authority = "bench";
  readonly writable = true;
  closed = false;
  sink = NO_SINK;

  constructor(readonly path: string, readonly replies: { bytes: number; done: number }) {}

  sendHeaders(): void {}
  sendMessage(message: Uint8Array): void {
    this.replies.bytes += message.length;
  }
  sendStatus(code: Status, message: string): void {
    if (code !== Status.OK) throw new Error(message);
    this.closed = true;
  }
  respond(message: Uint8Array): void {
    this.closed = true;
    this.replies.bytes += message.length;
  }
  setReadPaused(): void {}
  handlerDone(): void {
    this.replies.done++;
  }
}

const fake = new FakeHost((router) => {
  for (let i = 0; i < METHODS; i++) router.method(`/bench.Many/Method${i}`, {}, (bytes) => bytes);
  router.method("/bench.Bytes/Sync", {}, (bytes) => bytes);
  router.method("/bench.Bytes/Async", {}, async (bytes) => await Promise.resolve(bytes));
  router.service(Echo, { unary: (request) => request });
});
const intercepted = new FakeHost(
  (router) => router.method("/bench.Bytes/Sync", {}, (bytes) => bytes),
  { interceptors: [(next) => (call) => next(call)] },
);
const payload: Uint8Array = new Uint8Array(64).fill(7);
const encoded = protobufCodec(MsgSchema).encode({ payload });

const paths = Array.from({ length: CALLS }, (_, i) => `/bench.Many/Method${i % METHODS}`);
Deno.bench(`look up ${CALLS} of ${METHODS} methods`, { group: "dispatch" }, () => {
  let found = 0;
  for (const path of paths) if (fake.router.registry.find(path)?.path === path) found++;
  expectCount("methods", found, CALLS);
});

function benchCalls(name: string, path: string, host = fake, request = payload): void {
  const baseline = name === "a handler of bytes";
  Deno.bench(`${CALLS} calls of ${name}`, { group: "dispatch", baseline }, async () => {
    const replies = { bytes: 0, done: 0 };
    for (let i = 0; i < CALLS; i++) {
      const call = new CountedCall(path, replies);
      host.host.accept(call, host.connection);
      call.sink.onMessage(request, false);
      call.sink.onHalfClose();
    }
    // Asynchronous handlers reply in microtasks of this turn; a timer would take longer.
    for (let i = 0; i < MICROTASKS && replies.done < CALLS; i++) await undefined;
    expectCount("calls", replies.done, CALLS);
    expectCount("bytes", replies.bytes, CALLS * request.length);
  });
}

benchCalls("a handler of bytes", "/bench.Bytes/Sync");
benchCalls("an async handler of bytes", "/bench.Bytes/Async");
benchCalls("a handler of protobuf messages", "/bench.Echo/Unary", fake, encoded);
benchCalls("a handler of bytes behind an interceptor", "/bench.Bytes/Sync", intercepted);
