import assert from "node:assert/strict";
import { type RpcError, Status } from "../../mod.ts";
import { flaky, type FlakyOptions, testServer } from "../../src/testing/mod.ts";
import { EMPTY } from "../fixtures/bytes.ts";

/** Codes of six calls through `flaky`. */
async function codes(options: FlakyOptions, path = "/x"): Promise<number[]> {
  await using test = await testServer((router) => {
    router.use(flaky(options));
    router.method("/x", {}, (request) => request);
    router.method("/y", {}, (request) => request);
  });
  const found: number[] = [];
  for (let i = 0; i < 6; i++) {
    found.push(
      await test.channel.call(path, EMPTY).then(() => 0, (error: RpcError) => error.code),
    );
  }
  return found;
}

Deno.test("every n-th call, the first n, or a part of them fails", async () => {
  assert.deepEqual(await codes({ every: 3 }), [0, 0, 14, 0, 0, 14]);
  assert.deepEqual(await codes({ first: 2, code: Status.ABORTED }), [10, 10, 0, 0, 0, 0]);
  let at = 0;
  const random = () => [0.1, 0.9][at++ % 2];
  assert.deepEqual(await codes({ chance: 0.5, random }), [14, 0, 14, 0, 14, 0]);
});

Deno.test("calls of other methods neither fail nor count", async () => {
  assert.deepEqual(await codes({ first: 9, methods: ["/y"] }), [0, 0, 0, 0, 0, 0]);
  assert.deepEqual(await codes({ first: 1, methods: ["/y"] }, "/y"), [14, 0, 0, 0, 0, 0]);
});

Deno.test("a server's failures pass through the client's retries", async () => {
  await using test = await testServer((router) => {
    router.use(flaky({ first: 2, message: "not yet" }));
    router.method("/x", {}, (request) => request);
  }, {
    connect: {
      serviceConfig: {
        methodConfig: [{
          name: [{}],
          retryPolicy: {
            maxAttempts: 3,
            initialBackoff: "0.001s",
            maxBackoff: "0.001s",
            backoffMultiplier: 1,
            retryableStatusCodes: ["UNAVAILABLE"],
          },
        }],
      },
    },
  });
  await test.channel.call("/x", EMPTY);
  assert.equal(test.channel.stats().retries, 2);
});

Deno.test("flaky takes one way of choosing, in its range", () => {
  assert.throws(() => flaky({}), TypeError);
  assert.throws(() => flaky({ every: 1, first: 1 }), TypeError);
  assert.throws(() => flaky({ every: 0 }), RangeError);
  assert.throws(() => flaky({ chance: 2 }), RangeError);
});
