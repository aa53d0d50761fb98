import assert from "node:assert/strict";
import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import { Status } from "../../../src/call/status.ts";
import { gzip } from "../../../src/codec/gzip.ts";
import { jsonCodec } from "../../../src/codec/json.ts";
import { decodeStatusDetails, DETAILS_KEY } from "../../../src/codec/status_details.ts";
import { textCodec } from "../../../src/codec/text.ts";
import { deadlineExceeded, RpcError } from "../../../src/errors.ts";
import { addByteStream } from "../../../src/rpc/byte_stream/byte_stream.ts";
import { MemoryPool } from "../../../src/limits/memory_pool.ts";
import { currentContext, trackContexts } from "../../../src/rpc/core/current_context.ts";
import { findDetails, packDetail } from "../../../src/rpc/core/error_details.ts";
import type { HandlerContext } from "../../../src/rpc/core/types.ts";
import { FakeCall, FakeHost } from "../../fixtures/fake_call.ts";

trackContexts();

const bytes = (...values: number[]) => new Uint8Array(values);

Deno.test("a unary call with a sync handler ends in the same turn, on the fast path", () => {
  const host = new FakeHost((router) => router.method("/echo", {}, (request) => request));
  const call = host.accept(new FakeCall("/echo"));
  call.sink.onMessage(bytes(1, 2), false);
  assert.equal(call.messages.length, 0, "runs at the half-close");
  call.sink.onHalfClose();
  assert.deepEqual(call.messages, [bytes(1, 2)]);
  assert.equal(call.responded, true);
  assert.equal(call.status, Status.OK);
  assert.equal(call.done, 1);
  assert.deepEqual(host.host.stats(), { started: 1, succeeded: 1, failed: {} });
});

Deno.test("a unary call with an async handler ends when it resolves", async () => {
  const host = new FakeHost((router) =>
    router.method("/echo", { requestCodec: textCodec, responseCodec: textCodec }, async (text) => {
      await Promise.resolve();
      return text.toUpperCase();
    })
  );
  const call = await host.unary("/echo", textCodec.encode("ab"));
  assert.equal(textCodec.decode(call.messages[0]), "AB");
  assert.equal(call.status, Status.OK);
  assert.equal(call.done, 1);
});

Deno.test("headers, trailers and an early sendHeaders() reach the caller", async () => {
  const host = new FakeHost((router) =>
    router.method("/m", {}, (request, context) => {
      context.responseHeaders.set("a", "1");
      context.sendHeaders();
      context.responseTrailers.set("b-bin", bytes(7));
      return request;
    })
  );
  const call = await host.unary("/m", bytes(1));
  assert.equal(call.headers?.get("a"), "1");
  assert.deepEqual(call.trailers.get("b-bin"), bytes(7));
  assert.equal(call.status, Status.OK);
});

Deno.test("an unknown method ends with UNIMPLEMENTED and a suggestion", () => {
  const host = new FakeHost((router) => router.method("/pkg.Echo/Unary", {}, (r) => r));
  const call = host.accept(new FakeCall("/pkg.Echo/Unari"));
  assert.equal(call.status, Status.UNIMPLEMENTED);
  assert.match(call.statusMessage, /did you mean \/pkg\.Echo\/Unary\?$/);
  assert.equal(call.done, 1);
  call.sink.onMessage(bytes(1), false);
  call.sink.onHalfClose();
});

Deno.test("behind interceptors an unknown method gets no suggestion", () => {
  const host = new FakeHost(
    (router) => router.method("/pkg.Echo/Unary", {}, (r) => r),
    { interceptors: [(next) => (call) => next(call)] },
  );
  const call = host.accept(new FakeCall("/pkg.Echo/Unari"));
  assert.equal(call.statusMessage, "Unknown method /pkg.Echo/Unari");
});

Deno.test("a wrong number of requests ends with UNIMPLEMENTED", () => {
  const host = new FakeHost((router) => {
    router.method("/one", {}, () => assert.fail("must not run"));
    router.method("/many", { kind: "server_streaming" }, () => assert.fail("must not run"));
  });
  for (const path of ["/one", "/many"]) {
    const none = host.accept(new FakeCall(path));
    none.sink.onHalfClose();
    assert.equal(none.status, Status.UNIMPLEMENTED);
    assert.equal(none.done, 1);
    const two = host.accept(new FakeCall(path));
    two.sink.onMessage(bytes(1), false);
    two.sink.onMessage(bytes(1), false);
    assert.equal(two.status, Status.UNIMPLEMENTED);
    assert.equal(two.done, 1);
    two.sink.onHalfClose();
  }
});

Deno.test("an RpcError becomes the status, with metadata and details", async () => {
  const host = new FakeHost((router) =>
    router.method("/m", {}, (_, context) => {
      context.responseTrailers.set("x", "1");
      throw new RpcError(Status.NOT_FOUND, "no such thing", {
        metadata: new FakeCall("").metadata.set("y", "2"),
        details: [packDetail(StringValueSchema, { value: "why" })],
      });
    })
  );
  const call = await host.unary("/m", bytes());
  assert.equal(call.status, Status.NOT_FOUND);
  assert.equal(call.statusMessage, "no such thing");
  assert.equal(call.trailers.get("x"), "1");
  assert.equal(call.trailers.get("y"), "2");
  const details = decodeStatusDetails(call.trailers.get(DETAILS_KEY) as Uint8Array);
  const received = new RpcError(Status.NOT_FOUND, "", { details });
  assert.deepEqual(findDetails(received, StringValueSchema).map((d) => d.value), ["why"]);
});

Deno.test("any other exception of a handler becomes UNKNOWN without its text", async () => {
  const secret = "password=1234";
  const host = new FakeHost((router) => {
    router.method("/sync", {}, () => {
      throw new Error(secret);
    });
    router.method("/async", {}, () => Promise.reject(new DOMException(secret, "AbortError")));
    router.method("/string", {}, () => {
      throw secret;
    });
    router.method("/stream", { kind: "server_streaming" }, async function* () {
      yield bytes(1);
      await Promise.reject(new Error(secret));
    });
  });
  for (const path of ["/sync", "/async", "/string", "/stream"]) {
    const call = await host.unary(path, bytes());
    assert.equal(call.status, Status.UNKNOWN, path);
    assert.ok(!call.statusMessage.includes(secret));
    assert.equal(call.done, 1);
  }
});

Deno.test("messages that cannot be decoded or encoded end the call with INTERNAL", async () => {
  const host = new FakeHost((router) => {
    router.method("/in", { requestCodec: jsonCodec() }, () => bytes());
    router.method("/out", { responseCodec: jsonCodec() }, () => undefined);
    router.method(
      "/streamed",
      { kind: "client_streaming", requestCodec: jsonCodec() },
      async (all) => {
        for await (const _ of all);
        return bytes();
      },
    );
    router.method(
      "/bidi",
      { kind: "bidi_streaming", responseCodec: jsonCodec() },
      async function* (all) {
        for await (const _ of all) yield undefined;
      },
    );
  });
  for (const path of ["/in", "/out", "/streamed", "/bidi"]) {
    const call = await host.unary(path, textCodec.encode("{"));
    assert.equal(call.status, Status.INTERNAL, path);
    assert.equal(call.done, 1);
  }
});

Deno.test("the deadline ends the call and fires the signal; its slot is freed when the handler has ended", async () => {
  let context: HandlerContext | undefined;
  const release = Promise.withResolvers<Uint8Array>();
  const host = new FakeHost((router) =>
    router.method("/slow", {}, (_, c) => {
      context = c;
      assert.equal(currentContext(), c);
      return release.promise;
    })
  );
  const call = host.accept(new FakeCall("/slow", { timeoutMs: 50 })).request();
  assert.ok(context);
  assert.equal(context.timeRemainingMs(), 50);
  host.clock.tick(49);
  assert.equal(call.status, undefined);
  assert.equal(context.signal.aborted, false);
  host.clock.tick(2);
  assert.equal(call.status, Status.DEADLINE_EXCEEDED);
  assert.equal((context.signal.reason as RpcError).code, Status.DEADLINE_EXCEEDED);
  assert.equal(context.timeRemainingMs(), 0);
  assert.equal(call.done, 0, "the handler still runs");
  release.resolve(bytes(1));
  await call.ended;
  assert.equal(call.messages.length, 0);
  assert.equal(call.done, 1);
});

Deno.test("the deadline ends a call whose request never arrives", () => {
  const host = new FakeHost((router) => router.method("/m", {}, (r) => r));
  const call = host.accept(new FakeCall("/m", { timeoutMs: 50 }));
  host.clock.tick(60);
  assert.equal(call.status, Status.DEADLINE_EXCEEDED);
  assert.equal(call.done, 1);
  call.sink.onMessage(bytes(1), false);
  call.sink.onHalfClose();
  assert.equal(call.done, 1);
  assert.equal(host.deadlines.size, 0);
});

Deno.test("a call that arrives without time left, or whose time passes before the dispatch, runs no handler", async () => {
  let ran = 0;
  const host = new FakeHost((router) => {
    router.method("/one", {}, (r) => (ran++, r));
    router.method("/many", { kind: "bidi_streaming" }, async function* (requests) {
      ran++;
      yield* requests;
    });
    addByteStream(router, "/bytes", {}, async (stream) => {
      ran++;
      await stream.writeNothing();
    });
  });
  for (const path of ["/one", "/many", "/bytes"]) {
    const call = await host.unary(path, bytes(1), { timeoutMs: 0 });
    assert.equal(call.status, Status.DEADLINE_EXCEEDED, path);
    assert.equal(call.statusMessage, deadlineExceeded().message);
    assert.equal(call.done, 1);
  }
  const late = host.accept(new FakeCall("/one", { timeoutMs: 50 }));
  host.clock.block(50);
  late.request(bytes(1));
  assert.equal(late.status, Status.DEADLINE_EXCEEDED);
  assert.equal(ran, 0);
  assert.equal(host.deadlines.size, 0);
});

Deno.test("an interceptor that takes all the time left runs no handler", async () => {
  let ran = 0;
  const host = new FakeHost((router) => router.method("/m", {}, (r) => (ran++, r)), {
    interceptors: [(next) => async (call) => {
      host.clock.block(50);
      return await next(call);
    }],
  });
  const call = await host.unary("/m", bytes(1), { timeoutMs: 50 });
  assert.equal(call.status, Status.DEADLINE_EXCEEDED);
  assert.equal(ran, 0);
});

Deno.test("the deadline timer is cancelled when the call ends; calls without a deadline pass none on", async () => {
  let seen: HandlerContext | undefined;
  const host = new FakeHost((router) =>
    router.method("/m", {}, async (r) => {
      await Promise.resolve();
      seen = currentContext();
      return r;
    })
  );
  await host.unary("/m", bytes(1), { timeoutMs: 50 });
  assert.ok(seen);
  assert.equal(host.deadlines.size, 0);
  await host.unary("/m", bytes(1));
  assert.equal(seen, undefined);
});

Deno.test("generators run in the async context of their call", async () => {
  const seen: unknown[] = [];
  const host = new FakeHost((router) =>
    router.method("/m", { kind: "server_streaming" }, async function* () {
      seen.push(currentContext() !== undefined);
      yield bytes(1);
      seen.push(currentContext() !== undefined);
    })
  );
  await host.unary("/m", bytes(1), { timeoutMs: 50 });
  assert.deepEqual(seen, [true, true]);
});

Deno.test("a cancelled call fires the signal; its slot is freed when the handler has ended", async () => {
  const release = Promise.withResolvers<Uint8Array>();
  let reason: unknown;
  const host = new FakeHost((router) =>
    router.method("/slow", {}, (_, context) => {
      context.signal.addEventListener("abort", () => reason = context.signal.reason);
      return release.promise;
    })
  );
  const call = host.accept(new FakeCall("/slow")).request();
  call.cancel();
  assert.equal((reason as RpcError).code, Status.CANCELLED);
  assert.equal(call.done, 0);
  release.reject(new Error("too late"));
  await call.ended;
  assert.equal(call.status, undefined);
  assert.deepEqual(host.host.stats().failed, { CANCELLED: 1 });
});

Deno.test("calls of a connection that are cancelled for the same reason share the error", async () => {
  const reasons: RpcError[] = [];
  const host = new FakeHost((router) =>
    router.method(
      "wait",
      { requestType: "bytes", responseType: "bytes" },
      async (_request, context) => {
        await new Promise<void>((resolve) =>
          context.signal.addEventListener("abort", () => resolve())
        );
        reasons.push(context.signal.reason as RpcError);
        return new Uint8Array(0);
      },
    )
  );
  const ends: [Status, string][] = [
    [Status.UNAVAILABLE, "gone"],
    [Status.UNAVAILABLE, "gone"],
    [Status.CANCELLED, "gone"],
    [Status.UNAVAILABLE, "away"],
  ];
  for (const [code, reason] of ends) {
    const call = host.accept(new FakeCall("wait")).request();
    call.cancel(code, reason);
    await call.ended;
  }
  assert.deepEqual(reasons.map(({ code, message }) => [code, message]), ends);
  assert.equal(reasons[0], reasons[1]);
  assert.equal(new Set(reasons).size, 3);
});

Deno.test("a call that is cancelled before its request frees its slot at once", () => {
  const host = new FakeHost((router) => router.method("/m", {}, (r) => r));
  const call = host.accept(new FakeCall("/m"));
  call.cancel();
  assert.equal(call.done, 1);
});

Deno.test("a signal that is first used after the cancellation has already fired", async () => {
  const release = Promise.withResolvers<void>();
  const host = new FakeHost((router) =>
    router.method("/m", {}, async (r, context) => {
      await release.promise;
      assert.equal(context.signal.aborted, true);
      return r;
    })
  );
  const call = host.accept(new FakeCall("/m")).request();
  call.cancel();
  release.resolve();
  await call.ended;
});

Deno.test("client streaming: the handler reads requests as they arrive", async () => {
  const host = new FakeHost((router) =>
    router.method("/sum", { kind: "client_streaming" }, async (requests) => {
      let sum = 0;
      for await (const request of requests) sum += request[0];
      return bytes(sum);
    })
  );
  const call = host.accept(new FakeCall("/sum"));
  for (const n of [1, 2, 3]) {
    call.sink.onMessage(bytes(n), false);
    await Promise.resolve();
  }
  call.sink.onHalfClose();
  await call.ended;
  assert.deepEqual(call.messages, [bytes(6)]);
  assert.equal(call.status, Status.OK);
});

Deno.test("unread requests pause the wire, reading them resumes it", async () => {
  const start = Promise.withResolvers<void>();
  const host = new FakeHost((router) =>
    router.method("/m", { kind: "client_streaming" }, async (requests) => {
      await start.promise;
      let count = 0;
      for await (const _ of requests) count++;
      return bytes(count);
    })
  );
  const call = host.accept(new FakeCall("/m"));
  for (let i = 0; i < 8; i++) call.sink.onMessage(new Uint8Array(10_000), false);
  assert.deepEqual(call.pauses, [true]);
  start.resolve();
  call.sink.onHalfClose();
  await call.ended;
  assert.deepEqual(call.pauses, [true, false]);
  assert.deepEqual(call.messages, [bytes(8)]);
});

Deno.test("requests that arrive after the handler has stopped reading are dropped", async () => {
  const host = new FakeHost((router) =>
    router.method("/first", { kind: "client_streaming" }, async (requests) => {
      for await (const request of requests) return request;
      return bytes();
    })
  );
  const call = host.accept(new FakeCall("/first"));
  call.sink.onMessage(bytes(1), false);
  await call.ended;
  assert.deepEqual(call.messages, [bytes(1)]);
  for (let i = 0; i < 100; i++) call.sink.onMessage(new Uint8Array(10_000), false);
  assert.deepEqual(call.pauses, []);
});

Deno.test("server streaming sends replies of generators, arrays and context.stream", async () => {
  const host = new FakeHost((router) => {
    router.method("/generator", { kind: "server_streaming" }, async function* (request) {
      for (let i = 0; i < request[0]; i++) yield bytes(i);
    });
    router.method("/array", { kind: "server_streaming" }, () => [bytes(0), bytes(1), bytes(2)]);
    router.method("/promise", { kind: "server_streaming" }, async (_, context) => {
      for (let i = 0; i < 3; i++) await context.stream.write(bytes(i));
    });
    router.method("/last", { kind: "server_streaming" }, (_, context) => {
      for (let i = 0; i < 3; i++) context.stream.write(bytes(i), { last: i === 2 });
    });
  });
  for (const path of ["/generator", "/array", "/promise", "/last"]) {
    const call = await host.unary(path, bytes(3));
    assert.deepEqual(call.messages, [bytes(0), bytes(1), bytes(2)], path);
    assert.equal(call.status, Status.OK);
    assert.equal(call.done, 1);
  }
});

Deno.test("a generator that never awaits ends with its call, also without onCancel", async () => {
  let produced = 0;
  let aborted = false;
  const host = new FakeHost((router) =>
    router.method("/m", { kind: "server_streaming" }, function* (_, context) {
      context.signal.addEventListener("abort", () => aborted = true);
      for (; produced < 10; produced++) yield bytes(produced);
    })
  );
  /** Closes itself at its second message, as an engine does whose memory is used up. */
  class ClosingCall extends FakeCall {
    override sendMessage(message: Uint8Array, compressed: boolean): void {
      if (this.closed) return;
      super.sendMessage(message, compressed);
      this.closed = this.messages.length === 2;
    }
    override sendStatus(): void {
      assert.equal(this.closed, true);
    }
  }
  const call = host.accept(new ClosingCall("/m")).request();
  await call.ended;
  assert.equal(produced, 1);
  assert.equal(aborted, true);
  assert.equal(call.done, 1);
  assert.deepEqual(host.host.stats().failed, { INTERNAL: 1 });
});

Deno.test("a slow reader suspends the handler", async () => {
  let produced = 0;
  const host = new FakeHost((router) =>
    router.method("/m", { kind: "server_streaming" }, function* () {
      for (; produced < 10; produced++) yield bytes(produced);
    })
  );
  const call = new FakeCall("/m");
  call.writable = false;
  host.accept(call).request();
  await Promise.resolve();
  assert.equal(produced, 0);
  call.writable = true;
  call.sink.onWritable();
  await call.ended;
  assert.equal(call.messages.length, 10);
});

Deno.test("cancelling ends a generator that is suspended by back-pressure and runs its finally block", async () => {
  let finished = false;
  const host = new FakeHost((router) =>
    router.method("/m", { kind: "server_streaming" }, async function* () {
      try {
        for (;;) yield bytes(1);
      } finally {
        await Promise.resolve();
        finished = true;
      }
    })
  );
  const call = host.accept(new FakeCall("/m")).request();
  await call.sent(3);
  call.writable = false;
  await new Promise((resolve) => setTimeout(resolve));
  call.cancel();
  assert.equal(call.done, 0);
  await call.ended;
  assert.equal(finished, true);
  assert.equal(call.done, 1);
});

Deno.test("bidi: a handler may return its requests as replies, also when cancelled", async () => {
  const host = new FakeHost((router) =>
    router.method("/echo", { kind: "bidi_streaming" }, (requests) => requests)
  );
  const call = host.accept(new FakeCall("/echo"));
  call.sink.onMessage(bytes(1), false);
  await call.sent(1);
  call.sink.onMessage(bytes(2), false);
  call.sink.onHalfClose();
  await call.ended;
  assert.deepEqual(call.messages, [bytes(1), bytes(2)]);
  assert.equal(call.status, Status.OK);
  const other = host.accept(new FakeCall("/echo"));
  other.cancel();
  await other.ended;
  assert.equal(other.done, 1);
});

Deno.test("cancelling rejects the handler's pending read with the reason", async () => {
  let reason: unknown;
  const host = new FakeHost((router) =>
    router.method("/m", { kind: "bidi_streaming" }, async function* (requests) {
      try {
        for await (const request of requests) yield request;
      } catch (error) {
        reason = error;
      }
    })
  );
  const call = host.accept(new FakeCall("/m"));
  call.cancel();
  await call.ended;
  assert.equal((reason as RpcError).code, Status.CANCELLED);
});

Deno.test("un-awaited reads and writes of a cancelled call cause no unhandled rejection", async () => {
  const host = new FakeHost((router) =>
    router.method("/m", { kind: "bidi_streaming" }, (requests, context) => {
      requests[Symbol.asyncIterator]().next();
      for (let i = 0; i < 10; i++) context.stream.write(bytes(i));
      context.signal.addEventListener("abort", () => context.stream.write(bytes(99)));
    })
  );
  const call = new FakeCall("/m");
  call.writable = false;
  host.accept(call);
  call.cancel();
  await call.ended;
  // An unhandled rejection would fail the test run.
  await new Promise((resolve) => setTimeout(resolve));
});

Deno.test("compressed requests are decompressed up to the limit", async () => {
  const host = new FakeHost((router) => {
    router.method("/one", {}, (r) => r);
    router.method("/many", { kind: "bidi_streaming" }, (r) => r);
  }, { maxReceiveMessageBytes: 1000 });
  for (const path of ["/one", "/many"]) {
    const good = host.accept(new FakeCall(path, { encoding: "gzip" }));
    good.sink.onMessage(gzip(new Uint8Array(1000)), true);
    good.sink.onHalfClose();
    await good.ended;
    assert.equal(good.messages[0]?.length, 1000);
    assert.equal(good.faults, 0);
    const bomb = host.accept(new FakeCall(path, { encoding: "gzip" }));
    bomb.sink.onMessage(gzip(new Uint8Array(100_000)), true);
    bomb.sink.onHalfClose();
    await bomb.ended;
    assert.equal(bomb.status, Status.RESOURCE_EXHAUSTED);
    assert.equal(bomb.faults, 1);
    const broken = host.accept(new FakeCall(path, { encoding: "gzip" }));
    broken.sink.onMessage(bytes(1, 2, 3), true);
    broken.sink.onHalfClose();
    await broken.ended;
    assert.equal(broken.status, Status.INTERNAL);
    assert.equal(broken.faults, 1);
  }
});

Deno.test("requestCompressed tells whether the last request taken was compressed", async () => {
  const seen: boolean[] = [];
  const host = new FakeHost((router) => {
    router.method("/one", {}, (request, context) => {
      seen.push(context.requestCompressed);
      return request;
    });
    router.method("/many", { kind: "client_streaming" }, async (requests, context) => {
      for await (const _ of requests) seen.push(context.requestCompressed);
      return bytes();
    });
  });
  for (const compressed of [true, false]) {
    const call = host.accept(new FakeCall("/one", { encoding: "gzip" }));
    call.sink.onMessage(compressed ? gzip(bytes(1)) : bytes(1), compressed);
    call.sink.onHalfClose();
  }
  const call = host.accept(new FakeCall("/many", { encoding: "gzip" }));
  for (const compressed of [true, false, true]) {
    call.sink.onMessage(compressed ? gzip(bytes(1)) : bytes(1), compressed);
  }
  call.sink.onHalfClose();
  await call.ended;
  assert.deepEqual(seen, [true, false, true, false, true]);
});

Deno.test("a content-subtype that the method does not take ends with UNIMPLEMENTED", async () => {
  const host = new FakeHost((router) => {
    router.method("/text", { requestCodec: textCodec }, () => bytes());
    router.method("/bytes", {}, (request) => request);
  });
  const refused = host.accept(new FakeCall("/text", { contentSubtype: "foo" }));
  assert.equal(refused.status, Status.UNIMPLEMENTED);
  assert.match(refused.statusMessage, /takes text messages, not foo/);
  assert.equal(refused.done, 1);
  for (const [path, contentSubtype] of [["/text", "text"], ["/text", ""], ["/bytes", "foo"]]) {
    const call = await host.unary(path, bytes(), { contentSubtype });
    assert.equal(call.status, Status.OK, `${path} ${contentSubtype}`);
  }
});

Deno.test("replies are compressed if enabled, accepted by the caller, and smaller", async () => {
  const host = new FakeHost((router) => {
    router.method("/big", {}, () => new Uint8Array(5000));
    router.method("/small", {}, () => new Uint8Array(5));
    router.method("/not", {}, (_, context) => {
      context.compress = false;
      return new Uint8Array(5000);
    });
  }, { compress: true });
  const big = await host.unary("/big", bytes(), { acceptedEncodings: "identity,gzip" });
  assert.equal(big.announced, "gzip");
  assert.deepEqual(big.flags, [true]);
  const small = await host.unary("/small", bytes(), { acceptedEncodings: "identity,gzip" });
  assert.equal(small.announced, "gzip");
  assert.deepEqual(small.flags, [false]);
  for (const [path, acceptedEncodings] of [["/big", "lz4"], ["/not", "gzip"]] as const) {
    const call = await host.unary(path, bytes(), { acceptedEncodings });
    assert.equal(call.announced, undefined);
    assert.deepEqual(call.flags, [false]);
  }
});

Deno.test("interceptors run around handlers of all kinds, the first outermost", async () => {
  const log: string[] = [];
  const host = new FakeHost((router) => {
    router.use((next) => async (call) => {
      log.push(`inner ${call.method.path} ${call.stream}`);
      call.context?.values.set("user", "me");
      return await next(call);
    });
    router.method("/one", {}, (request, context) => {
      assert.equal(context.values.get("user"), "me");
      return request;
    });
    router.method("/bidi", { kind: "bidi_streaming" }, async function* (requests) {
      for await (const request of requests) yield request;
    });
    router.method("/refused", {}, () => assert.fail("must not run"));
  }, {
    interceptors: [(next) => async (call) => {
      log.push("outer");
      if (call.method.path === "/refused") {
        throw new RpcError(Status.UNAUTHENTICATED, "who are you");
      }
      const reply = await next(call);
      reply.headers.set("seen", "yes");
      if (!reply.stream) reply.message = bytes(...(reply.message as Uint8Array), 9);
      return reply;
    }],
  });
  const one = await host.unary("/one", bytes(1));
  assert.deepEqual(one.messages, [bytes(1, 9)]);
  assert.equal(one.headers?.get("seen"), "yes");
  const bidi = await host.unary("/bidi", bytes(2));
  assert.deepEqual(bidi.messages, [bytes(2)]);
  assert.equal(bidi.headers?.get("seen"), "yes");
  const refused = await host.unary("/refused", bytes());
  assert.equal(refused.status, Status.UNAUTHENTICATED);
  assert.deepEqual(log, [
    "outer",
    "inner /one false",
    "outer",
    "inner /bidi true",
    "outer",
  ]);
});

Deno.test("the bytes of a compressed request count until its handler has ended", async () => {
  const memory = new MemoryPool(1_000_000);
  const { promise, resolve } = Promise.withResolvers<void>();
  const host = new FakeHost((router) =>
    router.method("/hold", {}, async (request) => {
      await promise;
      return request;
    }), { memory, maxReceiveMessageBytes: 500_000 });
  const bomb = gzip(new Uint8Array(400_000));
  const accept = () => {
    const call = host.accept(new FakeCall("/hold", { encoding: "gzip" }));
    call.sink.onMessage(bomb, true);
    call.sink.onHalfClose();
    return call;
  };
  const first = accept();
  assert.equal(memory.used, 400_000);
  const second = accept();
  assert.equal(second.status, Status.RESOURCE_EXHAUSTED);
  assert.equal(memory.used, 400_000);
  first.sink.onCancel(Status.CANCELLED, "test");
  assert.equal(memory.used, 400_000, "its handler still runs");
  resolve();
  await new Promise((done) => setTimeout(done));
  assert.equal(memory.used, 0);
});

Deno.test("a request that waits for its half-close counts against the memory", () => {
  const memory = new MemoryPool(100_000);
  const host = new FakeHost((router) => router.method("/echo", {}, (r) => r), { memory });
  const call = host.accept(new FakeCall("/echo"));
  call.sink.onMessage(new Uint8Array(40_000), false);
  assert.equal(memory.used, 40_000);
  const other = host.accept(new FakeCall("/echo"));
  other.sink.onMessage(new Uint8Array(40_000), false);
  assert.equal(other.status, Status.RESOURCE_EXHAUSTED);
  call.sink.onHalfClose();
  assert.equal(call.status, Status.OK);
  assert.equal(memory.used, 0);
});
