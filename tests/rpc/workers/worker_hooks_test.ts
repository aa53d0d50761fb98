import assert from "node:assert/strict";
import { Status } from "../../../src/call/status.ts";
import { textCodec } from "../../../src/codec/text.ts";
import { WorkerPool, type WorkerPoolOptions } from "../../../src/rpc/workers/pool.ts";
import { FakeCall, FakeHost } from "../../fixtures/fake_call.ts";
import { RETURNED, THROWN } from "../../fixtures/misbehaviour.ts";
import { until } from "../../fixtures/waiting.ts";

// A worker, or what `create` returns in place of one, must not end the process or keep a call from its end.

function poolOf(options: Partial<WorkerPoolOptions>) {
  const pool = new WorkerPool({
    create: () => new Worker(new URL("./odd_worker.ts", import.meta.url), { type: "module" }),
    methods: ["/echo"],
    workers: 1,
    ...options,
  });
  const host = new FakeHost((router) => {
    router.method(
      "/echo",
      { requestCodec: textCodec, responseCodec: textCodec },
      (request) => request,
    );
  }, { dispatcher: pool.dispatcher });
  return {
    pool,
    async call(request: string) {
      const call = host.accept(new FakeCall("/echo")).request(textCodec.encode(request));
      await call.ended;
      return call;
    },
    async [Symbol.asyncDispose]() {
      await pool.close();
      host.deadlines.close();
    },
  };
}

for (const posts of ["null", "undefined", "text", "number", "empty", "kind", "failed", "reply"]) {
  Deno.test(`messages of a worker that are none of serveWorker are ignored: ${posts}`, async () => {
    await using one = poolOf({ init: posts });
    const call = await one.call("hello");
    assert.equal(textCodec.decode(call.messages[0]), "hello");
    assert.equal(one.pool.stats().replaced, 0);
  });
}

Deno.test("a create that throws or returns no worker is repeated, and the process goes on", async () => {
  const bad: [string, () => unknown][] = Object.entries(THROWN).map(([name, make]) => [name, () => {
    throw make();
  }]);
  for (const [name, create] of [...bad, ...Object.entries(RETURNED)]) {
    const made: unknown[] = [];
    await using one = poolOf({
      create: () => {
        const worker = create();
        if (worker instanceof Promise) worker.catch(() => {});
        made.push(worker);
        return worker as Worker;
      },
    });
    await until(() => one.pool.stats().replaced === 1).catch((error) => {
      throw new Error(`${name}: ${error}`);
    });
  }
});

Deno.test("a pool checks create and init when it is made", () => {
  for (const create of [undefined, null, 5, {}]) {
    assert.throws(() => poolOf({ create: create as never }), TypeError);
  }
  assert.throws(() => poolOf({ init: () => {} }), /Cannot use init/);
});

Deno.test("a worker that cannot be posted to fails the call alone", async () => {
  let post = (_message: { kind: string; id: number }) => {};
  const fake = {
    postMessage(message: { kind: string; id: number }) {
      post(message);
    },
    terminate() {
      throw new Error("not now");
    },
  } as unknown as Worker;
  await using one = poolOf({ create: () => fake });
  post = () => {
    throw new DOMException("cannot be cloned", "DataCloneError");
  };
  assert.equal((await one.call("a")).status, Status.INTERNAL);
  post = ({ kind, id }) => {
    const data = { kind: "reply", id, code: 5, message: "none", headers: [], trailers: [] };
    if (kind === "call") queueMicrotask(() => fake.onmessage!({ data } as MessageEvent));
  };
  assert.equal((await one.call("b")).status, Status.NOT_FOUND);
});
