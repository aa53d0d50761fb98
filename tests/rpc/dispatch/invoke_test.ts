import assert from "node:assert/strict";
import { connect, serve } from "../../../mod.ts";
import type { DispatcherWrapper } from "../../../src/rpc/dispatch/mod.ts";
import { Echo } from "../../../proto/gen/bench/echo_pb.ts";

/** Creates a payload that differs from that of every other call. */
function payload(seed: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i * (seed * 2 + 1) + (i >> 8);
  return bytes;
}

const SIZES = [2_000, 5_000, 16_384, 40_000, 150_000, 1_100_000, 1_200_000];

for (const wire of ["grpc", "lean"] as const) {
  for (const compress of [false, true]) {
    const title = `${wire}${compress ? " with gzip" : ""}`;
    Deno.test(`concurrent large replies do not share a buffer (${title})`, async () => {
      await using server = await serve("127.0.0.1:0", (router) => {
        router.service(Echo, {
          unary: async (request) => {
            await Promise.resolve();
            return request;
          },
          bidi: (requests) => requests,
          async *chunks({ count, size }) {
            for (let i = 0; i < count; i++) yield { payload: payload(i, size) };
          },
        });
      }, { compress });
      await using channel = connect(server.addresses[0], { wire, compress });
      const client = channel.client(Echo);
      const calls = SIZES.flatMap((size) => [1, 2, 3].map((seed) => ({ seed, size })));
      await Promise.all([
        ...calls.map(async ({ seed, size }) => {
          const sent = payload(seed, size);
          assert.deepEqual((await client.unary({ payload: sent })).payload, sent);
        }),
        ...SIZES.map(async (size) => {
          let i = 0;
          for await (const reply of client.chunks({ count: 5, size })) {
            assert.deepEqual(reply.payload, payload(i++, size));
          }
          assert.equal(i, 5);
        }),
        ...SIZES.map(async (size) => {
          async function* requests() {
            for (let seed = 0; seed < 3; seed++) yield { payload: payload(seed, size) };
          }
          let seed = 0;
          for await (const reply of client.bidi(requests())) {
            assert.deepEqual(reply.payload, payload(seed++, size));
          }
        }),
      ]);
    });
  }
}

Deno.test("a dispatcher that does not pass `lend` on may return the same reply again", async () => {
  let kept: Uint8Array | undefined;
  const caching: DispatcherWrapper = (next) => ({
    find: (path) => next.find(path),
    async dispatch(method, request, context) {
      if (kept !== undefined) return kept;
      return kept = await next.dispatch(method, request, context) as Uint8Array;
    },
  });
  await using server = await serve("127.0.0.1:0", (router) => {
    router.service(Echo, { unary: (request) => request });
  }, { dispatcher: caching });
  await using other = await serve("127.0.0.1:0", (router) => {
    router.service(Echo, { unary: (request) => request });
  });
  await using channel = connect(server.addresses[0]);
  await using otherChannel = connect(other.addresses[0]);
  const first = payload(1, 40_000);
  for (let i = 0; i < 3; i++) {
    const { payload: reply } = await channel.client(Echo).unary({ payload: first });
    assert.deepEqual(reply, first);
    await otherChannel.client(Echo).unary({ payload: payload(i + 2, 40_000) });
  }
});
