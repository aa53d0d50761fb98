import assert from "node:assert/strict";
import process from "node:process";
import { authorize, bearerToken, connect, serve } from "../../../mod.ts";
import { composeDispatchers, type DispatcherWrapper } from "../../../src/rpc/dispatch/mod.ts";
import { Status } from "../../../src/call/status.ts";
import { textCodec } from "../../../src/codec/text.ts";
import { decodeStatusDetails, DETAILS_KEY } from "../../../src/codec/status_details.ts";
import { WorkerPool, type WorkerPoolOptions } from "../../../src/rpc/workers/pool.ts";
import { tryEdges } from "../../fixtures/option_edges.ts";
import { runProgram } from "../../fixtures/run_program.ts";
import { FakeCall, FakeHost } from "../../fixtures/fake_call.ts";
import { configure } from "./pool_worker.ts";

const METHODS = [
  "/echo",
  "/fail",
  "/throw",
  "/crash",
  "/exit",
  "/close",
  "/count",
  "/spin",
  "/wait",
];

class Pool implements Disposable {
  readonly pool: WorkerPool;
  readonly host: FakeHost;

  constructor(options: Partial<WorkerPoolOptions> = {}) {
    this.pool = new WorkerPool({
      create: () => new Worker(new URL("./pool_worker.ts", import.meta.url), { type: "module" }),
      methods: METHODS,
      workers: 1,
      init: "i",
      // A busy machine may stop a worker for seconds.
      stuckMs: 60_000,
      ...options,
    });
    this.host = new FakeHost((router) => configure(router, "main"), {
      dispatcher: this.pool.dispatcher,
    });
  }

  start(path: string, request = "", init: Partial<FakeCall> = {}): FakeCall {
    return this.host.accept(new FakeCall(path, init)).request(textCodec.encode(request));
  }

  async call(path: string, request = ""): Promise<FakeCall> {
    const call = this.start(path, request);
    await call.ended;
    return call;
  }

  [Symbol.dispose](): void {
    this.pool.close();
    this.host.deadlines.close();
  }
}

const textOf = (call: FakeCall) => textCodec.decode(call.messages[0] ?? new Uint8Array());

Deno.test("WorkerPool runs methods in workers, with metadata, details and init", async () => {
  using pool = new Pool();
  const call = pool.host.accept(new FakeCall("/echo"));
  call.metadata.set("in", "x");
  call.request(textCodec.encode("hello"));
  await call.ended;
  assert.equal(textOf(call), "hello i");
  assert.equal(call.headers?.get("h"), "x");
  assert.equal(call.trailers.get("t"), "1");
  assert.equal(call.trailers.get("authority"), call.authority);
  const failed = await pool.call("/fail");
  assert.equal(failed.status, Status.NOT_FOUND);
  assert.equal(failed.statusMessage, "nothing");
  assert.deepEqual(decodeStatusDetails(failed.trailers.get(DETAILS_KEY) as Uint8Array), [
    { typeUrl: "x/y", value: new Uint8Array([1]) },
  ]);
  const thrown = await pool.call("/throw");
  assert.equal(thrown.status, Status.UNKNOWN);
  assert.ok(!thrown.statusMessage.includes("secret"));
  assert.deepEqual(pool.pool.stats(), {
    workers: 1,
    busy: 0,
    queued: 0,
    maxQueued: 0,
    answered: 3,
    refused: 0,
    replaced: 0,
  });
});

// Deno prints what a worker has thrown, on the standard error of the process.
const prints = process.versions.deno !== undefined;

for (const path of prints ? ["/exit", "/close"] : ["/crash", "/exit", "/close"]) {
  Deno.test(`WorkerPool: a worker that ends by ${path} fails its own call and is replaced`, async () => {
    using pool = new Pool({ workers: 2 });
    await pool.call("/echo");
    const other = pool.start("/spin", "300");
    const lost = pool.start(path);
    const next = pool.start("/echo", "next");
    await Promise.all([lost.ended, other.ended, next.ended]);
    assert.equal(lost.status, Status.INTERNAL);
    assert.equal(textOf(other), "spun");
    assert.equal(textOf(next), "next i");
    assert.equal(pool.pool.stats().replaced, 1);
    assert.equal(pool.pool.stats().workers, 2);
  });
}

Deno.test({
  name: "WorkerPool: a worker that throws fails its call and is replaced, and its error is printed",
  ignore: !prints,
  async fn() {
    const program = "tests/rpc/workers/crash_program.ts";
    const { code, stdout, stderr } = await runProgram(program, []);
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), [Status.INTERNAL, "next i", 1, 2]);
    assert.match(stderr, /Uncaught .*crashed/);
  },
});

Deno.test("WorkerPool refuses calls at once when its queue is full", async () => {
  using pool = new Pool({ maxQueue: 1 });
  const running = pool.start("/spin", "100");
  const waiting = pool.start("/echo", "a");
  const refused = pool.start("/echo", "b");
  assert.equal(refused.status, Status.RESOURCE_EXHAUSTED);
  await Promise.all([running.ended, waiting.ended]);
  assert.equal(textOf(waiting), "a i");
  assert.equal(pool.pool.stats().refused, 1);
  assert.equal(pool.pool.stats().maxQueued, 1);
});

Deno.test("WorkerPool: a cancelled call leaves the queue or fires the signal in its worker", async () => {
  using pool = new Pool();
  const running = pool.start("/wait");
  const waiting = pool.start("/echo", "never");
  waiting.cancel();
  await waiting.ended;
  assert.equal(pool.pool.stats().queued, 0);
  running.cancel();
  await running.ended;
  assert.equal(textOf(await pool.call("/echo", "next")), "next i");
  assert.equal(pool.pool.stats().replaced, 0);
});

Deno.test("WorkerPool: a call whose deadline passed in the queue does not reach a worker", async () => {
  using pool = new Pool();
  const running = pool.start("/spin", "50");
  const waiting = pool.start("/spin", "60000", { timeoutMs: 10 });
  pool.host.clock.block(10);
  await running.ended;
  await waiting.ended;
  assert.equal(waiting.status, Status.DEADLINE_EXCEEDED);
  assert.equal(textOf(await pool.call("/echo", "next")), "next i");
  assert.equal(pool.pool.stats().replaced, 0);
});

Deno.test("WorkerPool: a call whose deadline passed while its worker started does not run there", async () => {
  // The worker gets the call and its cancellation together, once it has started.
  using pool = new Pool({ stuckMs: 5_000, init: "slow" });
  const late = pool.start("/spin", "60000", { timeoutMs: 10 });
  pool.host.clock.tick(11);
  await late.ended;
  assert.equal(late.status, Status.DEADLINE_EXCEEDED);
  assert.equal(textOf(await pool.call("/echo", "next")), "next slow");
  assert.equal(pool.pool.stats().replaced, 0);
});

Deno.test("WorkerPool replaces a worker that does not finish a cancelled call", async () => {
  using pool = new Pool({ stuckMs: 50 });
  await pool.call("/echo");
  const stuck = pool.start("/spin", "60000", { timeoutMs: 10 });
  pool.host.clock.tick(20);
  await stuck.ended;
  assert.equal(stuck.status, Status.DEADLINE_EXCEEDED);
  assert.equal(textOf(await pool.call("/echo", "next")), "next i");
  assert.equal(pool.pool.stats().replaced, 1);
});

Deno.test("WorkerPool retries when a worker cannot be created, and close() ends waiting calls", async () => {
  let tries = 0;
  const pool = new Pool({
    create: () => {
      tries++;
      throw new Error("no more threads");
    },
  });
  const waiting = pool.start("/echo");
  while (tries < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(waiting.status, undefined);
  pool[Symbol.dispose]();
  await waiting.ended;
  assert.equal(waiting.status, Status.UNAVAILABLE);
});

Deno.test("WorkerPool.close() resolves when no code of its workers runs any more", async () => {
  const init = new SharedArrayBuffer(4);
  const count = () => Atomics.load(new Int32Array(init), 0);
  using pool = new Pool({ init });
  const counting = pool.start("/count", "300");
  while (count() === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  await Promise.all([pool.pool.close(), pool.pool.close()]);
  const atEnd = count();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(count(), atEnd);
  await counting.ended;
  assert.equal(counting.status, Status.UNAVAILABLE);
});

Deno.test("WorkerPool.close() does not wait for the end of a computation", async () => {
  using pool = new Pool();
  await pool.call("/echo");
  const spinning = pool.start("/spin", "Infinity");
  await pool.pool.close();
  await spinning.ended;
  assert.equal(spinning.status, Status.UNAVAILABLE);
});

Deno.test("WorkerPool accepts only registered unary methods", () => {
  const create = () => {
    throw new Error("none");
  };
  const pool = new WorkerPool({ create, methods: ["/nothing"], workers: 1 });
  assert.throws(() => new FakeHost(() => {}, { dispatcher: pool.dispatcher }), TypeError);
  pool.close();
});

Deno.test("WorkerPool refuses options out of range", () => {
  const create = () => {
    throw new Error("none");
  };
  for (const workers of [0, 1_025, 1.5, NaN]) {
    assert.throws(() => new WorkerPool({ create, methods: [], workers }), RangeError);
  }
  tryEdges([
    ["maxQueue", 0, Infinity, true],
    ["stuckMs", 0, Infinity, false],
  ], (option) => new WorkerPool({ create, methods: [], workers: 1, ...option }).close());
});

Deno.test("the server's interceptors run around calls in workers", async () => {
  const pool = new WorkerPool({
    create: () => new Worker(new URL("./pool_worker.ts", import.meta.url), { type: "module" }),
    methods: METHODS,
    workers: 1,
    init: "i",
  });
  const seen: unknown[] = [];
  await using server = await serve("memory:worker-pool-interceptors", (router) => {
    configure(router, "main");
  }, {
    dispatcher: pool.dispatcher,
    interceptors: [
      authorize({ "/echo": bearerToken({ web: "a-token-for-the-pool" }) }),
      (next) => async (call) => {
        const reply = await next(call);
        seen.push(call.message, reply.message, reply.headers.get("h"));
        return reply;
      },
    ],
  });
  await using channel = connect(server.addresses[0]);
  const request = textCodec.encode("hello");
  await assert.rejects(channel.call("/echo", request), { code: Status.UNAUTHENTICATED });
  await assert.rejects(channel.call("/spin", request), { code: Status.PERMISSION_DENIED });
  const metadata = { authorization: "Bearer a-token-for-the-pool", in: "x" };
  assert.equal(textCodec.decode(await channel.call("/echo", request, { metadata })), "hello i");
  assert.deepEqual(seen, ["hello", "hello i", "x"]);
  assert.equal(pool.stats().answered, 1);
});
Deno.test("WorkerPool refuses a dispatcher that hides the registered methods and so their interceptors", () => {
  const own: DispatcherWrapper = (next) => ({
    find(path) {
      const method = next.find(path);
      return method && { ...method, description: "described again" };
    },
    dispatch: (method, request, context, lend) => next.dispatch(method, request, context, lend),
  });
  using pool = new Pool();
  assert.throws(
    () =>
      new FakeHost((router) => configure(router, "main"), {
        dispatcher: composeDispatchers(pool.pool.dispatcher, own),
      }),
    /^TypeError: Cannot run \/echo in workers: the dispatcher below the pool/,
  );
});
