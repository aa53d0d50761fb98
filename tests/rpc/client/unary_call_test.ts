import assert from "node:assert/strict";
import {
  connect,
  type HandlerContext,
  type Interceptor,
  type Metadata,
  RpcError,
  serve,
  Status,
} from "../../../mod.ts";
import { Metadata as Pairs } from "../../../src/call/metadata.ts";
import type {
  CallRequest,
  ClientCall,
  ClientCallSink,
  ClientConnection,
} from "../../../src/call/wire.ts";
import type { CallCore, ClientMethod } from "../../../src/rpc/client/call_core.ts";
import { callUnary } from "../../../src/rpc/client/unary_call.ts";
import type { Connection } from "../../../src/rpc/pool/connection.ts";
import { DeadlineQueue } from "../../../src/rpc/core/deadline_queue.ts";
import { bytesCodec } from "../../../src/codec/bytes.ts";
import { text, untext } from "../../calls/methods.ts";
import { VirtualClock } from "../../fixtures/virtual_clock.ts";

const EMPTY = new Uint8Array();
const none = () => new Pairs();
let names = 0;
const address = () => `memory:client-${++names}`;

async function failure(promise: Promise<unknown>): Promise<RpcError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof RpcError, String(error));
    return error;
  }
  throw new Error("it succeeded");
}

/** An engine in the test's hands: what was started, and whether it was cancelled. */
class FakeWire {
  readonly started: { request: CallRequest; sink: ClientCallSink; cancelled: boolean }[] = [];
  readonly clock = new VirtualClock();
  readonly deadlines = new DeadlineQueue(this.clock);

  readonly connection = {
    free: true,
    startCall: (request: CallRequest, sink: ClientCallSink): ClientCall => {
      const entry = { request, sink, cancelled: false };
      this.started.push(entry);
      return {
        sendMessage() {},
        sendLastMessage() {},
        halfClose() {},
        cancel: () => void (entry.cancelled = true),
        writable: true,
        setReadPaused() {},
        encoding: "identity",
      } as unknown as ClientCall;
    },
  } as unknown as Connection & ClientConnection;

  readonly core = {
    pool: { tryPick: () => this.connection, enqueue() {}, dequeue() {} },
    clock: this.clock,
    deadlines: this.deadlines,
    random: () => 0.5,
    compress: false,
    authority: undefined,
    batcher: undefined,
  } as unknown as CallCore;

  readonly method: ClientMethod = {
    path: "/a.B/C",
    kind: "unary",
    requestCodec: bytesCodec,
    responseCodec: bytesCodec,
    config: undefined,
    maxReceiveBytes: 1_000,
    maxSendBytes: Infinity,
    waitForReady: false,
    timeoutMs: Infinity,
    hasPolicy: false,
  } as ClientMethod;

  call(options = {}) {
    return callUnary<Uint8Array>(this.core, this.method, text("x"), options);
  }
}

Deno.test("a unary call without a reply, or with two, is UNIMPLEMENTED", async () => {
  const wire = new FakeWire();
  const without = failure(wire.call());
  wire.started[0].sink.onStatus(Status.OK, "", none, "processed");
  assert.equal((await without).code, Status.UNIMPLEMENTED);

  const two = failure(wire.call());
  wire.started[1].sink.onMessage(EMPTY, false);
  wire.started[1].sink.onMessage(EMPTY, false);
  assert.equal((await two).code, Status.UNIMPLEMENTED);
  assert.ok(wire.started[1].cancelled);
});

Deno.test("a failure after a reply is the failure", async () => {
  const wire = new FakeWire();
  const call = failure(wire.call());
  wire.started[0].sink.onMessage(text("reply"), false);
  wire.started[0].sink.onStatus(Status.ABORTED, "no", none, "processed");
  assert.equal((await call).code, Status.ABORTED);
});

Deno.test("a call that no server saw starts anew; a refused one once; a processed one never", async () => {
  const wire = new FakeWire();
  const turn = () => new Promise((resolve) => setTimeout(resolve, 0));
  const call = wire.call();
  wire.started[0].sink.onStatus(Status.UNAVAILABLE, "", none, "unprocessed");
  await turn();
  wire.started[1].sink.onStatus(Status.UNAVAILABLE, "", none, "refused");
  await turn();
  wire.started[2].sink.onMessage(text("third time"), false);
  wire.started[2].sink.onStatus(Status.OK, "", none, "processed");
  assert.equal(untext(await call), "third time");

  const refused = failure(wire.call());
  wire.started[3].sink.onStatus(Status.UNAVAILABLE, "", none, "refused");
  await turn();
  wire.started[4].sink.onStatus(Status.UNAVAILABLE, "again", none, "refused");
  assert.equal((await refused).message, "again");

  const processed = failure(wire.call());
  wire.started[5].sink.onStatus(Status.UNAVAILABLE, "lost", none, "processed");
  assert.equal((await processed).message, "lost");
  assert.equal(wire.started.length, 6);
});

Deno.test("the deadline is told to the server, and enforced here", async () => {
  const wire = new FakeWire();
  const call = failure(wire.call({ timeoutMs: 250 }));
  assert.equal(wire.started[0].request.timeoutMs, 250);
  wire.clock.advance(251);
  assert.equal((await call).code, Status.DEADLINE_EXCEEDED);
  assert.ok(wire.started[0].cancelled);
  wire.deadlines.close();
});

Deno.test("what arrives after the end is nothing", async () => {
  const wire = new FakeWire();
  const call = wire.call();
  const { sink } = wire.started[0];
  sink.onMessage(text("one"), false);
  sink.onStatus(Status.OK, "", none, "processed");
  assert.equal(untext(await call), "one");
  sink.onMessage(text("two"), false);
  sink.onStatus(Status.INTERNAL, "", none, "processed");
});

Deno.test("calls inside of a handler inherit its deadline, unless told otherwise", async () => {
  const remaining = (_: Uint8Array, ctx: HandlerContext) => text(String(ctx.timeRemainingMs()));
  await using back = await serve(address(), (router) => {
    router.method("/back", {}, remaining);
  });
  await using inner = connect(back.addresses[0]);
  await using front = await serve(address(), (router) => {
    router.method("/front", {}, async (request, ctx) => {
      const options = {
        inherit: {},
        less: { timeoutMs: 100 },
        more: { timeoutMs: 100_000 },
        none: { parent: null },
        named: { parent: ctx },
      }[untext(request)];
      await new Promise((resolve) => setTimeout(resolve, 1));
      return await inner.call("/back", EMPTY, options);
    });
  });
  await using outer = connect(front.addresses[0]);
  const left = async (how: string, timeoutMs?: number) =>
    Number(untext(await outer.call("/front", text(how), { timeoutMs })));
  for (const how of ["inherit", "more", "named"]) {
    const ms = await left(how, 5_000);
    assert.ok(ms > 0 && ms <= 5_000, `${how}: ${ms}`);
  }
  assert.ok(await left("less", 5_000) <= 100);
  assert.equal(await left("none", 5_000), Infinity);
  assert.equal(await left("inherit"), Infinity);
});

Deno.test("interceptors: the first is the outermost, and each may answer, change or fail a call", async () => {
  await using server = await serve(address(), (router) => {
    router.method("/echo", {}, (request) => request);
  });
  const order: string[] = [];
  const log = (name: string): Interceptor => (next) => async (call) => {
    order.push(`> ${name}`);
    const reply = await next(call);
    order.push(`< ${name}`);
    return reply;
  };
  const answer: Interceptor = (next) => (call) => {
    const message = untext(call.message as Uint8Array);
    if (message === "cached") {
      const empty = new Pairs();
      const reply = text("from the cache");
      return Promise.resolve({ stream: false, message: reply, headers: empty, trailers: empty });
    }
    if (message === "forbidden") throw new RpcError(Status.PERMISSION_DENIED, "not you");
    if (message === "broken") throw new Error("a bug");
    call.message = text(`${message}!`);
    return next(call);
  };
  await using channel = connect(server.addresses[0], {
    interceptors: [log("a"), log("b"), answer],
  });
  assert.equal(untext(await channel.call("/echo", text("hi"))), "hi!");
  assert.deepEqual(order, ["> a", "> b", "< b", "< a"]);
  assert.equal(untext(await channel.call("/echo", text("cached"))), "from the cache");
  const forbidden = await failure(channel.call("/echo", text("forbidden")));
  assert.equal(forbidden.code, Status.PERMISSION_DENIED);
  const broken = await failure(channel.call("/echo", text("broken")));
  assert.equal(broken.code, Status.UNKNOWN);
  assert.equal((broken.cause as Error).message, "a bug");
});

Deno.test("an interceptor may try again, and its waiting is cut short by the deadline", async () => {
  let calls = 0;
  await using server = await serve(address(), (router) => {
    router.method("/flaky", {}, (request) => {
      if (++calls < 3) throw new RpcError(Status.UNAVAILABLE, "not yet");
      return request;
    });
  });
  const again: Interceptor = (next) => async (call) => {
    for (;;) {
      try {
        return await next(call);
      } catch (error) {
        if ((error as RpcError).code !== Status.UNAVAILABLE) throw error;
      }
    }
  };
  await using channel = connect(server.addresses[0], { interceptors: [again] });
  assert.equal(untext(await channel.call("/flaky", text("x"))), "x");
  assert.equal(calls, 3);

  const stuck: Interceptor = () => (call) =>
    new Promise((_, reject) => {
      call.signal.addEventListener("abort", () => reject(call.signal.reason));
    });
  await using slow = connect(server.addresses[0], { interceptors: [stuck] });
  // A connection of the channel keeps the process alive meanwhile.
  await slow.ready();
  const late = await failure(slow.call("/flaky", EMPTY, { timeoutMs: 20 }));
  assert.equal(late.code, Status.DEADLINE_EXCEEDED);
  const controller = new AbortController();
  const given = failure(slow.call("/flaky", EMPTY, { signal: controller.signal }));
  controller.abort();
  assert.equal((await given).code, Status.CANCELLED);
});

Deno.test("credentials are refused without TLS, and their failures are UNAUTHENTICATED", async () => {
  await using server = await serve(address(), (router) => {
    router.method("/echo", {}, (request) => request);
  });
  const credentials = () => ({ authorization: "Bearer x" });
  await using plain = connect(server.addresses[0]);
  const refused = await failure(plain.call("/echo", EMPTY, { credentials }));
  assert.equal(refused.code, Status.UNAUTHENTICATED);
  assert.match(refused.message, /doesn't use TLS/);
  await using allowed = connect(server.addresses[0], { allowInsecureCredentials: true });
  await allowed.call("/echo", EMPTY, { credentials });
  const broken = () => Promise.reject(new Error("the token server is down"));
  const failed = await failure(allowed.call("/echo", EMPTY, { credentials: broken }));
  assert.equal(failed.code, Status.UNAUTHENTICATED);
  assert.match(failed.message, /the token server is down/);
});

Deno.test("a call's callbacks get headers and trailers, also when it fails", async () => {
  await using server = await serve(address(), (router) => {
    router.method("/fail", {}, (_, ctx) => {
      ctx.responseTrailers.set("t", "2");
      throw new RpcError(Status.NOT_FOUND, "gone");
    });
  });
  await using channel = connect(server.addresses[0]);
  let trailers: Metadata | undefined;
  await failure(channel.call("/fail", EMPTY, { onTrailers: (metadata) => trailers = metadata }));
  assert.equal(trailers?.get("t"), "2");
});

Deno.test("a gRPC path begins with a slash", async () => {
  await using channel = connect("127.0.0.1:1");
  assert.throws(() => channel.session("chat"), TypeError);
  await assert.rejects(channel.call("chat", EMPTY), TypeError);
  await assert.rejects(channel.capabilities(), { code: Status.UNIMPLEMENTED });
});

for (const intercepted of [false, true]) {
  const way = intercepted ? "through interceptors" : "straight";
  Deno.test(`a session's sends reject once the server has failed it, ${way}`, async () => {
    await using server = await serve("127.0.0.1:0", (router) => {
      router.method("/refuse", { kind: "bidi_streaming" }, async function* (requests) {
        for await (const _ of requests) throw new RpcError(Status.PERMISSION_DENIED, "no");
        yield new Uint8Array(0);
      });
    });
    await using channel = connect(
      server.addresses[0],
      intercepted ? { interceptors: [(next) => (call) => next(call)] } : {},
    );
    const session = channel.session("/refuse");
    await session.send(new Uint8Array(1)).catch(() => {});
    await assert.rejects(session.receive(), { code: Status.PERMISSION_DENIED });
    await assert.rejects(session.send(new Uint8Array(1)), RpcError);
    await assert.rejects(session.send(new Uint8Array(1)), RpcError);
  });
}
