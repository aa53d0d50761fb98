import assert from "node:assert/strict";
import { Releases } from "../../../src/rpc/core/releases.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";

Deno.test("Releases waits for all streams, whether their release succeeds or not", async () => {
  const clock = new FakeClock(1000.25);
  const releases = new Releases(clock);
  await releases.wait(1_000);
  const [one, other] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  releases.add(one.promise);
  releases.add(other.promise);
  releases.add(undefined);
  let done = 0;
  const waits = [1, 2].map(() => releases.wait(1_000).then(() => done++));
  one.resolve();
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(done, 0);
  other.reject(new Error("release"));
  await Promise.all(waits);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("Releases waits no longer than it is told to", async () => {
  const clock = new FakeClock(1000.25);
  const releases = new Releases(clock);
  releases.add(new Promise(() => {}));
  const wait = releases.wait(1_000);
  clock.tick(999);
  assert.equal(clock.pendingTimers, 1);
  clock.tick(1);
  await wait;
});
