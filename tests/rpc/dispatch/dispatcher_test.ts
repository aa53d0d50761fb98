import assert from "node:assert/strict";
import { connect, serve } from "../../../mod.ts";
import { addBatch } from "../../../src/rpc/batch/mod.ts";
import { Echo } from "../../../proto/gen/bench/echo_pb.ts";
import { lendBuffer, releaseMessage } from "../../../src/bytes/pool.ts";
import { Status } from "../../../src/call/status.ts";
import { textCodec } from "../../../src/codec/text.ts";
import type { DispatcherWrapper } from "../../../src/rpc/dispatch/dispatcher.ts";
import {
  composeDispatchers,
  concurrencyLimit,
  methodTimeouts,
  panicBarrier,
} from "../../../src/rpc/dispatch/layers.ts";
import { FakeCall, FakeHost } from "../../fixtures/fake_call.ts";
import { wrapContexts, type WrappedContext } from "../../fixtures/wrapped_context.ts";

const REPLY_BYTES = 40_000;

/** Whether the reply of a call through `dispatcher` is in a buffer that the next message of its size gets. */
async function isLent(dispatcher: DispatcherWrapper | undefined): Promise<boolean> {
  const host = new FakeHost(
    (router) => router.service(Echo, { unary: () => ({ payload: new Uint8Array(REPLY_BYTES) }) }),
    {
      dispatcher,
    },
  );
  const call = await host.unary(`/${Echo.typeName}/Unary`, new Uint8Array());
  assert.equal(call.status, Status.OK);
  const [reply] = call.messages;
  releaseMessage(reply);
  return lendBuffer(REPLY_BYTES).buffer === reply.buffer;
}

Deno.test("replies are lent through layers, and through a user's own dispatcher that passes `lend` on", async () => {
  assert.equal(await isLent(undefined), true);
  const layers = [
    concurrencyLimit({ limit: 1 }),
    methodTimeouts({ defaultMs: 10 }),
    panicBarrier(),
  ];
  for (const layer of [...layers, composeDispatchers(...layers), wrapContexts()]) {
    assert.equal(await isLent(layer), true);
  }
});

Deno.test("a dispatcher that does not know of `lend` keeps its replies", async () => {
  const unaware: DispatcherWrapper = (next) => ({
    find: (path) => next.find(path),
    dispatch: (method, request, context) => next.dispatch(method, request, context),
  });
  assert.equal(await isLent(unaware), false);
  assert.equal(await isLent(composeDispatchers(panicBarrier(), unaware)), false);
});

Deno.test("methodTimeouts() works behind a user's own context", () => {
  const contexts: WrappedContext[] = [];
  const host = new FakeHost(
    (router) => router.method("/hold", {}, () => new Promise<Uint8Array>(() => {})),
    {
      dispatcher: composeDispatchers(
        wrapContexts(contexts),
        methodTimeouts({ methods: { "/hold": 50 } }),
      ),
    },
  );
  const call = host.accept(new FakeCall("/hold")).request();
  assert.equal(contexts[0].timeRemainingMs(), 50);
  host.clock.tick(60);
  assert.equal(call.status, Status.DEADLINE_EXCEEDED);
  assert.equal(contexts[0].signal.aborted, true);
});

Deno.test("replies written through a user's own stream are sent, and exceptions end the call", async () => {
  const contexts: WrappedContext[] = [];
  const host = new FakeHost((router) => {
    router.method(
      "/write",
      { kind: "server_streaming", responseCodec: textCodec },
      async (_, { stream }) => {
        await stream.write("a");
        await stream.write("b");
      },
    );
    router.method("/last", { kind: "server_streaming", responseCodec: textCodec }, (_, context) => {
      context.stream.write("a", { last: true });
    });
    router.method(
      "/fail",
      { kind: "server_streaming", responseCodec: textCodec },
      async (_, { stream }) => {
        await stream.write("a");
        throw new Error("secret");
      },
    );
  }, { dispatcher: wrapContexts(contexts) });
  const written = await host.unary("/write", new Uint8Array());
  assert.deepEqual(written.messages.map((message) => textCodec.decode(message)), ["a", "b"]);
  assert.equal(written.status, Status.OK);
  assert.deepEqual(contexts[0].written, ["a", "b"]);
  assert.equal((await host.unary("/last", new Uint8Array())).status, Status.OK);
  const failed = await host.unary("/fail", new Uint8Array());
  assert.equal(failed.messages.length, 1);
  assert.equal(failed.status, Status.UNKNOWN);
});

Deno.test("addBatch() works behind a user's own context; its calls see the peer of that context", async () => {
  const peers: string[] = [];
  await using server = await serve("127.0.0.1:0", (router) => {
    addBatch(router);
    router.service(Echo, {
      unary(request, context) {
        peers.push(`${context.wire} ${context.peer.address}`);
        return request;
      },
    });
  }, { dispatcher: wrapContexts() });
  await using channel = connect(server.addresses[0], { batch: {} });
  const client = channel.client(Echo);
  const payload = new Uint8Array([1, 2, 3]);
  const replies = await Promise.all([1, 2, 3].map(() => client.unary({ payload })));
  assert.deepEqual(replies.map((reply) => reply.payload), [payload, payload, payload]);
  assert.equal(peers.length, 3);
  for (const peer of peers) assert.match(peer, /^batch proxied proxied 127\.0\.0\.1:\d+$/);
});
