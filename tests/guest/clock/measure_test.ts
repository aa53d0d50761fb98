import assert from "node:assert/strict";
import { connect, serve } from "../../../mod.ts";
import { addClockOf } from "../../../src/guest/clock/serve.ts";
import { addClock, measureClock, watchClock } from "../../../src/guest/mod.ts";
import { until } from "../../fixtures/waiting.ts";
import { captureLog } from "../../../src/testing/captured_log.ts";

/** Serves a clock that is ahead by what `ahead` returns. */
async function guest(ahead: () => number) {
  const server = await serve("127.0.0.1:0", (router) => {
    addClockOf(router, () => Date.now() + ahead());
  });
  const channel = connect(server.addresses[0]);
  return {
    channel,
    async [Symbol.asyncDispose]() {
      await channel.close();
      await server.close();
    },
  };
}

Deno.test("the offset of a guest's clock is measured", async () => {
  for (const aheadMs of [0, 90_000, -3_600_000]) {
    await using clock = await guest(() => aheadMs);
    const { offsetMs, delayMs } = await measureClock(clock.channel);
    // Both clocks have a resolution of 1 ms.
    assert.ok(Math.abs(offsetMs - aheadMs) <= delayMs / 2 + 2, `${offsetMs}, ${delayMs}`);
  }
});

Deno.test("a guest that goes past the skew is warned of once, and once it is back", async () => {
  await using log = await captureLog({ category: ["vrpc", "guest", "clock"] });
  let aheadMs = 0;
  await using clock = await guest(() => aheadMs);
  let measured = 0;
  const onOffset = () => void measured++;
  const options = { target: "g1", intervalMs: 100, maxSkewMs: 10_000, samples: 1, onOffset };
  using watch = watchClock(clock.channel, options);
  const more = async (count: number) => {
    const to = measured + count;
    await until(() => measured >= to);
  };
  await more(1);
  assert.equal(watch.skewed, false);
  aheadMs = 60_000;
  await more(3);
  assert.equal(watch.skewed, true);
  assert.ok(watch.latest!.offsetMs > 50_000);
  aheadMs = 0;
  await more(2);
  assert.equal(watch.skewed, false);
  assert.deepEqual(log.records.map(({ level }) => level), ["warning", "info"]);
  assert.equal(log.records[0].properties.target, "g1");
});

Deno.test("a guest without a clock ends the watch; options are checked", async () => {
  await using server = await serve("127.0.0.1:0", (router) => {
    router.method("/x", {}, () => new Uint8Array(0));
  });
  await using channel = connect(server.addresses[0]);
  using watch = watchClock(channel, { target: "g1" });
  await assert.rejects(measureClock(channel), /UNIMPLEMENTED/);
  assert.equal(watch.latest, undefined);
  assert.throws(() => watchClock(channel, { target: "g1", intervalMs: 0 }), RangeError);
  await assert.rejects(measureClock(channel, { samples: 0 }), RangeError);
});

Deno.test("addClock tells this machine's time", async () => {
  await using server = await serve("127.0.0.1:0", addClock);
  await using channel = connect(server.addresses[0]);
  const { offsetMs, delayMs } = await measureClock(channel);
  assert.ok(Math.abs(offsetMs) <= delayMs / 2 + 2);
});
