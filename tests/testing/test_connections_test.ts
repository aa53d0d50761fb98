import assert from "node:assert/strict";
import { Status } from "../../mod.ts";
import { FakeClock, testServer } from "../../src/testing/mod.ts";
import { EMPTY, text, untext } from "../fixtures/bytes.ts";
import { failure } from "../../src/testing/failure.ts";

const waiting = (onStart: () => void) => (_request: unknown, { signal }: { signal: AbortSignal }) =>
  new Promise<never>((_, reject) => {
    onStart();
    signal.addEventListener("abort", () => reject(signal.reason));
  });

Deno.test("a cut connection ends its calls with UNAVAILABLE; the next call connects again", async () => {
  const started = Promise.withResolvers<void>();
  await using test = await testServer((router) => {
    router.method("/wait", {}, waiting(started.resolve));
    router.method("/x", {}, () => text("here"));
  });
  const call = failure(test.channel.call("/wait", EMPTY));
  await started.promise;
  assert.equal(test.connections.open, 1);
  assert.equal(test.connections.cut(), 1);
  const error = await call;
  assert.equal(error.code, Status.UNAVAILABLE);
  assert.match(error.message, /the test cut it/);
  assert.equal(test.connections.open, 0);
  assert.equal(untext(await test.channel.call("/x", EMPTY, { waitForReady: true })), "here");
  assert.equal(test.connections.made, 2);
});

Deno.test("offline connections fail until they are online again", async () => {
  const clock = new FakeClock();
  await using test = await testServer((router) => router.method("/x", {}, () => EMPTY), { clock });
  test.connections.goOffline();
  const error = await clock.run(failure(test.channel.call("/x", EMPTY)));
  assert.equal(error.code, Status.UNAVAILABLE);
  assert.match(error.message, /the test took it offline/);
  const call = test.channel.call("/x", EMPTY, { waitForReady: true });
  test.connections.goOnline();
  assert.deepEqual(await clock.run(call), EMPTY);
});

Deno.test("a connection can be cut in the middle of a message", async () => {
  await using test = await testServer((router) => {
    router.method("/big", {}, () => new Uint8Array(100_000));
  });
  test.connections.cutAfter(50_000);
  const error = await failure(test.channel.call("/big", EMPTY));
  assert.equal(error.code, Status.UNAVAILABLE);
  test.connections.cutAfter(Infinity);
  assert.equal((await test.channel.call("/big", EMPTY, { waitForReady: true })).length, 100_000);
  assert.throws(() => test.connections.cutAfter(-1), RangeError);
});
