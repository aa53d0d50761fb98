import assert from "node:assert/strict";
import {
  type Channel,
  type HandlerContext,
  type Metadata,
  RpcError,
  serve,
  type ServiceConfig,
  Status,
} from "../../../mod.ts";
import { memoryPair } from "../../../src/transport/memory.ts";
import { text, untext } from "../../calls/methods.ts";
import { Network } from "../../fixtures/network.ts";

const EMPTY = new Uint8Array();

async function failure(promise: Promise<unknown>): Promise<RpcError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof RpcError, String(error));
    return error;
  }
  throw new Error("it succeeded");
}

type Handler = (attempt: number, ctx: HandlerContext, request: Uint8Array) => unknown;

let names = 0;

/** A server with one method of each kind that counts attempts, and a channel with a config. */
async function setUp(network: Network, config: ServiceConfig, handler: Handler) {
  const attempts: (string | undefined)[] = [];
  const next = (ctx: HandlerContext) => {
    attempts.push(ctx.metadata.get("grpc-previous-rpc-attempts"));
    return attempts.length;
  };
  const server = await serve(`memory:retry-${++names}`, (router) => {
    router.method("/t.S/Unary", {}, async (request, ctx) => {
      return await handler(next(ctx), ctx, request) as Uint8Array ?? request;
    });
    router.method("/t.S/Sum", { kind: "client_streaming" }, async (requests, ctx) => {
      const attempt = next(ctx);
      let sum = 0;
      for await (const request of requests) sum += request.length;
      await handler(attempt, ctx, EMPTY);
      return text(`${sum}`);
    });
    router.method("/t.S/Count", { kind: "server_streaming" }, async function* (request, ctx) {
      const attempt = next(ctx);
      if (untext(request) === "late") yield text("0");
      await handler(attempt, ctx, request);
      yield text("1");
    });
  });
  const channel = network.connect("x", {
    serviceConfig: config,
    dial: () => {
      const [here, there] = memoryPair();
      server.serveConnection(there);
      return Promise.resolve(here);
    },
  });
  await channel.ready();
  return { server, channel, attempts };
}

const retryPolicy = {
  maxAttempts: 4,
  initialBackoff: "0.1s",
  maxBackoff: "1s",
  backoffMultiplier: 2,
  retryableStatusCodes: ["UNAVAILABLE", 10],
};
const retrying: ServiceConfig = { methodConfig: [{ name: [{ service: "t.S" }], retryPolicy }] };

function failUntil(good: number, code: Status = Status.UNAVAILABLE): Handler {
  return (attempt) => {
    if (attempt < good) throw new RpcError(code, `attempt ${attempt}`);
  };
}

Deno.test("a call is tried again after the back-off, and says how often it was", async () => {
  await using network = new Network();
  const { server, channel, attempts } = await setUp(network, retrying, failUntil(3));
  const call = channel.call("/t.S/Unary", text("hi"));
  await network.until(() => attempts.length === 1);
  // random() is a half: exactly the nominal back-off.
  await network.pass(99);
  assert.equal(attempts.length, 1);
  await network.pass(1);
  await network.until(() => attempts.length === 2);
  await network.pass(199);
  assert.equal(attempts.length, 2);
  await network.pass(1);
  assert.equal(untext(await call), "hi");
  assert.deepEqual(attempts, [undefined, "1", "2"]);
  assert.equal(channel.stats().retries, 2);
  await server.close();
});

async function passUntil(network: Network, call: Promise<unknown>): Promise<void> {
  let done = false;
  call.catch(() => {}).finally(() => done = true);
  for (let i = 0; i < 200 && !done; i++) await network.pass(50);
}

Deno.test("after maxAttempts the last failure is the call's", async () => {
  await using network = new Network();
  const { server, channel, attempts } = await setUp(network, retrying, failUntil(9));
  const call = failure(channel.call("/t.S/Unary", EMPTY));
  await passUntil(network, call);
  assert.equal((await call).message, "attempt 4");
  assert.equal(attempts.length, 4);
  await server.close();
});

Deno.test("other codes, and other methods, are not tried again", async () => {
  await using network = new Network();
  const { server, channel, attempts } = await setUp(
    network,
    retrying,
    failUntil(9, Status.INTERNAL),
  );
  assert.equal((await failure(channel.call("/t.S/Unary", EMPTY))).code, Status.INTERNAL);
  assert.equal(attempts.length, 1);
  await server.close();
});

Deno.test("a stream of requests is sent again", async () => {
  await using network = new Network();
  const { server, channel, attempts } = await setUp(network, retrying, failUntil(3));
  const bytes = { name: "bytes", encode: (m: Uint8Array) => m, decode: (m: Uint8Array) => m };
  const sum = channel.method<Uint8Array, Uint8Array>({
    path: "/t.S/Sum",
    kind: "client_streaming",
    requestCodec: bytes,
    responseCodec: bytes,
  });
  const call = sum.clientStreaming([text("ab"), text("cde")]);
  await passUntil(network, call);
  assert.equal(untext(await call), "5");
  assert.equal(attempts.length, 3);

  // More than is kept for another attempt.
  attempts.length = 0;
  const big = failure(
    sum.clientStreaming(Array.from({ length: 20 }, () => new Uint8Array(20_000))),
  );
  await passUntil(network, big);
  assert.equal((await big).message, "attempt 1");
  await server.close();
});

Deno.test("after the first reply there is no second attempt", async () => {
  await using network = new Network();
  const { server, channel, attempts } = await setUp(network, retrying, failUntil(2));
  const collect = async (request: string) => {
    const got: string[] = [];
    for await (const m of channel.stream("/t.S/Count", text(request))) got.push(untext(m));
    return got;
  };
  const late = failure(collect("late"));
  await passUntil(network, late);
  assert.equal((await late).message, "attempt 1");
  attempts.length = 0;
  const early = collect("early");
  await passUntil(network, early);
  assert.deepEqual(await early, ["1"]);
  assert.equal(attempts.length, 2);
  await server.close();
});

Deno.test("the server's pushback sets the delay, or forbids", async () => {
  await using network = new Network();
  let said = "3000";
  const { server, channel, attempts } = await setUp(network, retrying, (attempt, ctx) => {
    if (attempt > 1) return;
    ctx.responseTrailers.set("grpc-retry-pushback-ms", said);
    throw new RpcError(Status.UNAVAILABLE, "busy");
  });
  const call = channel.call("/t.S/Unary", text("x"));
  await network.until(() => attempts.length === 1);
  await network.pass(2_999);
  assert.equal(attempts.length, 1);
  await network.pass(1);
  assert.equal(untext(await call), "x");
  for (said of ["-1", "soon"]) {
    attempts.length = 0;
    assert.equal((await failure(channel.call("/t.S/Unary", EMPTY))).message, "busy");
    assert.equal(attempts.length, 1);
  }
  await server.close();
});

Deno.test("throttling stops retries while calls fail, and lets them again when they succeed", async () => {
  await using network = new Network();
  let good = false;
  const { server, channel, attempts } = await setUp(
    network,
    { ...retrying, retryThrottling: { maxTokens: 4, tokenRatio: 0.5 } },
    () => {
      if (!good) throw new RpcError(Status.UNAVAILABLE, "down");
    },
  );
  // 4 tokens: the second failure leaves 2, which is not more than half.
  const first = failure(channel.call("/t.S/Unary", EMPTY));
  await passUntil(network, first);
  assert.equal(attempts.length, 2);
  await failure(channel.call("/t.S/Unary", EMPTY));
  assert.equal(attempts.length, 3);
  good = true;
  for (let i = 0; i < 6; i++) await channel.call("/t.S/Unary", EMPTY);
  good = false;
  attempts.length = 0;
  const again = failure(channel.call("/t.S/Unary", EMPTY));
  await passUntil(network, again);
  assert.equal(attempts.length, 2);
  await server.close();
});

Deno.test("cancelling and the deadline end a call between its attempts", async () => {
  await using network = new Network();
  const { server, channel, attempts } = await setUp(network, retrying, failUntil(9));
  const controller = new AbortController();
  const cancelled = failure(channel.call("/t.S/Unary", EMPTY, { signal: controller.signal }));
  await network.until(() => attempts.length === 1);
  await network.settle();
  controller.abort();
  assert.equal((await cancelled).code, Status.CANCELLED);
  const late = failure(channel.call("/t.S/Unary", EMPTY, { timeoutMs: 150 }));
  await network.until(() => attempts.length === 2);
  await passUntil(network, late);
  assert.equal((await late).code, Status.DEADLINE_EXCEEDED);
  assert.equal(attempts.length, 3);
  await server.close();
});

Deno.test("a call that no server saw goes to another connection, without any policy", async () => {
  await using network = new Network();
  const { server, channel } = await setUp(network, {}, () => {});
  // The drain's GOAWAY crosses with calls that are on their way.
  const calls = Array.from({ length: 20 }, (_, i) => channel.call("/t.S/Unary", text(`${i}`)));
  const replies = await Promise.all(calls);
  assert.equal(replies.length, 20);
  await server.close();
});

const hedging: ServiceConfig = {
  methodConfig: [{
    name: [{}],
    hedgingPolicy: {
      maxAttempts: 3,
      hedgingDelay: "0.5s",
      nonFatalStatusCodes: ["UNAVAILABLE"],
    },
  }],
};

Deno.test("hedging: the second copy answers while the first hangs, which is then cancelled", async () => {
  await using network = new Network();
  const ended: number[] = [];
  const { server, channel, attempts } = await setUp(network, hedging, async (attempt, ctx) => {
    if (attempt !== 1) return;
    await new Promise<void>((resolve) => ctx.signal.addEventListener("abort", () => resolve()));
    ended.push(attempt);
  });
  const call = channel.call("/t.S/Unary", text("x"));
  await network.until(() => attempts.length === 1);
  await network.pass(499);
  assert.equal(attempts.length, 1);
  await network.pass(1);
  assert.equal(untext(await call), "x");
  await network.until(() => ended.length === 1);
  assert.deepEqual(attempts, [undefined, "1"]);
  await network.pass(5_000);
  assert.equal(attempts.length, 2);
  await server.close();
});

Deno.test("hedging: a failure that isn't fatal brings the next copy at once; a fatal one ends the call", async () => {
  await using network = new Network();
  let code: Status = Status.UNAVAILABLE;
  const { server, channel, attempts } = await setUp(network, hedging, (attempt) => {
    throw new RpcError(code, `attempt ${attempt}`);
  });
  assert.equal((await failure(channel.call("/t.S/Unary", EMPTY))).message, "attempt 3");
  attempts.length = 0;
  code = Status.NOT_FOUND;
  assert.equal((await failure(channel.call("/t.S/Unary", EMPTY))).message, "attempt 1");
  assert.equal(attempts.length, 1);
  await server.close();
});

Deno.test("the service config sets timeout, size limits and waitForReady per method", async () => {
  await using network = new Network();
  const { server, channel } = await setUp(network, {
    methodConfig: [{
      name: [{ service: "t.S", method: "Unary" }],
      timeout: "0.25s",
      maxRequestMessageBytes: 10,
      maxResponseMessageBytes: "5",
    }],
  }, (_, ctx) => text(ctx.timeRemainingMs() <= 250 ? "ok" : "no"));
  assert.equal(untext(await channel.call("/t.S/Unary", EMPTY)), "ok");
  assert.equal(
    (await failure(channel.call("/t.S/Unary", new Uint8Array(11)))).code,
    Status.RESOURCE_EXHAUSTED,
  );
  await server.close();
});

async function trailersOf(channel: Channel): Promise<Metadata | undefined> {
  let trailers: Metadata | undefined;
  await channel.call("/t.S/Unary", EMPTY, { onTrailers: (metadata) => trailers = metadata });
  return trailers;
}

Deno.test("callbacks hear of the attempt that counts only", async () => {
  await using network = new Network();
  const { server, channel } = await setUp(network, retrying, (attempt, ctx) => {
    ctx.responseTrailers.set("attempt", `${attempt}`);
    if (attempt < 2) throw new RpcError(Status.UNAVAILABLE, "not yet");
  });
  const trailers = trailersOf(channel);
  await passUntil(network, trailers);
  assert.deepEqual((await trailers)!.getAll("attempt"), ["2"]);
  await server.close();
});
