import assert from "node:assert/strict";
import { RpcError } from "../../../src/errors.ts";
import { Status } from "../../../src/call/status.ts";
import { Histogram } from "../../../src/load/measure/histogram.ts";
import { startLoad } from "../../../src/load/generate/runner.ts";
import { knownLatency, plan, REPLY, simulate, simulatedTarget } from "../fixtures.ts";
import { parseStages } from "../../../src/load/generate/stages.ts";
import { VirtualTime } from "../virtual_time.ts";

const near = (found: number, expected: number, percent: number, what: string) =>
  assert.ok(
    Math.abs(found - expected) <= expected * percent / 100,
    `${what}: ${found}, expected ${expected} within ${percent} %`,
  );

Deno.test("startLoad() in an open loop measures a freeze as computed", async () => {
  const time = new VirtualTime();
  const target = simulatedTarget(time, 2000, knownLatency);
  const { run } = await simulate(
    time,
    target,
    plan({ mode: "open", ratePerSecond: 1000, durationMs: 30_000 }),
  );
  assert.equal(run.totalRequests, 30_000);
  assert.equal(run.schedule?.missed, 0);
  // 1,000 of 30,000 calls wait for the end of the freeze, 0 to 1,000 ms: the slowest 300 are above 700.
  near(run.latency.percentilesUs.p50!, 1_000, 1, "p50");
  near(run.latency.percentilesUs.p99!, 701_000, 1, "p99");
  near(run.latency.percentilesUs["p99.9"]!, 971_000, 1, "p99.9");
  near(run.latency.maxUs!, 1_001_000, 1, "max");
});

Deno.test("startLoad() in an open loop counts waiting for a free slot as latency", async () => {
  const time = new VirtualTime();
  const target = simulatedTarget(time, 20, knownLatency);
  const { run, result } = await simulate(
    time,
    target,
    plan({ mode: "open", ratePerSecond: 1000, durationMs: 30_000 }),
  );
  assert.equal(run.totalRequests, 30_000);
  // 20 calls freeze, 980 more are due meanwhile and go out after it.
  near(run.latency.percentilesUs.p99!, 701_000, 5, "p99");
  near(run.latency.maxUs!, 1_001_000, 5, "max");
  assert.ok(run.serviceTime!.percentilesUs.p99! <= 51_000, "service time hides the waiting");
  assert.ok(result.lateForStream >= 900, `${result.lateForStream} late`);
  assert.equal(result.lateForGenerator, 0);
  near(result.maxLatenessMs, 980, 2, "lateness");
});

Deno.test("startLoad() in a closed loop hides the freeze and notes it", async () => {
  const time = new VirtualTime();
  const target = simulatedTarget(time, 10, knownLatency);
  const { run } = await simulate(time, target, plan({ durationMs: 30_000 }));
  near(run.latency.percentilesUs.p50!, 1_000, 1, "p50");
  assert.ok(run.latency.percentilesUs["p99.9"]! <= 50_100, "ten calls saw the freeze, no more");
  near(run.latency.maxUs!, 1_000_000, 6, "max");
  assert.equal(run.serviceTime, null);
  assert.match(run.notes.join("\n"), /Closed loop.*coordinated omission/);
});

Deno.test("startLoad() counts calls due and never sent", async () => {
  const time = new VirtualTime();
  const target = simulatedTarget(time, 10, () => 100);
  const { run, result } = await simulate(
    time,
    target,
    plan({ mode: "open", ratePerSecond: 1000, durationMs: 5000 }),
  );
  // 10 slots of 100 ms make 100 calls a second out of 1,000.
  assert.equal(run.totalRequests, 500);
  assert.equal(result.missed, 4500);
  assert.equal(run.schedule?.due, 5000);
  assert.match(run.notes.join("\n"), /4,500 of 5,000 calls were due and never sent/);
  near(run.latency.maxUs!, 4_600_000, 5, "max");
});

Deno.test("startLoad() makes exactly the requested number of calls, in either loop", async () => {
  for (const changes of [{}, { mode: "open", ratePerSecond: 500 }] as const) {
    const time = new VirtualTime();
    const target = simulatedTarget(time, 7, () => 3);
    const { run } = await simulate(time, target, plan({ requests: 1000, ...changes }));
    assert.equal(run.totalRequests, 1000);
    assert.equal(target.started, 1000);
    assert.equal(time.pending, 0);
  }
});

Deno.test("startLoad() ends at whichever of duration and requests comes first", async () => {
  const of = async (requests: number) => {
    const time = new VirtualTime();
    const target = simulatedTarget(time, 1, () => 10);
    return (await simulate(time, target, plan({ requests, durationMs: 1000 }))).run;
  };
  assert.equal((await of(20)).totalRequests, 20);
  near((await of(20)).durationMs, 200, 1, "duration");
  assert.equal((await of(5000)).totalRequests, 100);
});

Deno.test("startLoad() excludes the warm-up", async () => {
  for (const changes of [{}, { mode: "open", ratePerSecond: 100 }] as const) {
    const time = new VirtualTime();
    const target = simulatedTarget(time, 1, (_, atMs) => atMs < 500 ? 9 : 1);
    const { run } = await simulate(
      time,
      target,
      plan({ warmupMs: 500, requests: 100, ...changes }),
    );
    assert.equal(run.totalRequests, 100);
    assert.ok(target.started > 140, `${target.started} calls with warm-up`);
    assert.ok(run.latency.maxUs! <= 5000, `${run.latency.maxUs} μs is from the warm-up`);
  }
});

Deno.test("startLoad() limits a closed loop's rate without making up for pauses", async () => {
  const time = new VirtualTime();
  const target = simulatedTarget(
    time,
    4,
    (_, atMs) => atMs >= 2000 && atMs < 4000 ? 4000 - atMs : 1,
  );
  const { run } = await simulate(time, target, plan({ ratePerSecond: 100, durationMs: 6000 }));
  // 2 s of the 6 s are lost, apart from the four calls that froze.
  near(run.totalRequests, 400, 3, "calls");
  assert.ok(run.timeline.every((point) => point.successful <= 105));
});

Deno.test("startLoad() counts the drain and abandons calls that do not end", async () => {
  const time = new VirtualTime();
  const target = simulatedTarget(time, 4, (sequence) => sequence === 5 ? 1e6 : 30);
  const { run, result } = await simulate(
    time,
    target,
    plan({ durationMs: 1000, drainMs: 500 }),
  );
  assert.equal(result.drained, 3);
  assert.equal(result.unfinished, 1);
  assert.equal(run.failures[0].code, "UNFINISHED");
  assert.equal(run.totalRequests, run.successfulRequests + 1);
  near(run.durationMs, 1500, 1, "duration");
  assert.equal(run.totalRequests, target.started);
});

Deno.test("startLoad() stopped early reports what was measured", async () => {
  const time = new VirtualTime();
  const target = simulatedTarget(time, 2, () => 10);
  const { run } = await simulate(
    time,
    target,
    plan({ mode: "open", ratePerSecond: 100, durationMs: 60_000 }),
    2005,
  );
  assert.equal(run.totalRequests, 201);
  assert.equal(run.schedule?.missed, 0);
});

Deno.test("startLoad() continues when the server dies, and counts failures by code with their times", async () => {
  const time = new VirtualTime();
  const target = simulatedTarget(time, 10, () => 1);
  const alive = target.call;
  target.call = function (slot, sequence) {
    if (time.now() >= 3000 && time.now() < 5000) {
      return Promise.reject(new RpcError(Status.UNAVAILABLE, "Connection refused"));
    }
    return alive.call(target, slot, sequence);
  };
  const { run } = await simulate(time, target, plan({ durationMs: 8000 }));
  const [failure] = run.failures;
  assert.equal(failure.code, "UNAVAILABLE");
  assert.equal(failure.message, "Connection refused");
  near(failure.firstAtMs, 3000, 1, "first failure");
  near(failure.lastAtMs, 5000, 2, "last failure");
  // A pause of 50 ms after each: 10 slots fail 200 times a second, not millions of times.
  near(failure.count, 400, 5, "failures");
  assert.match(run.notes[0], /could not be reached from 3\.0\d\ds on; the last such failure/);
  assert.equal(run.timeline[4].successful, 0);
  assert.ok(run.timeline[6].successful > 9000);
});

Deno.test("startLoad() counts errors other than RpcError separately", async () => {
  const time = new VirtualTime();
  const target = {
    slots: 1,
    sentBytes: () => 1,
    call: async (_slot: number, sequence: number) => {
      await time.sleep(1);
      if (sequence % 4 === 1) throw new RpcError(Status.NOT_FOUND, "No such thing");
      if (sequence % 4 === 2) throw new TypeError("A bug");
      return REPLY;
    },
  };
  const { run } = await simulate(time, target, plan({ requests: 100 }));
  assert.deepEqual(run.failures.map((f) => [f.code, f.count]), [["NOT_FOUND", 25], [
    "UNKNOWN",
    25,
  ]]);
  assert.equal(run.successRate, 0.5);
  assert.equal(run.failedLatency?.count, 50);
});

Deno.test("startLoad() lets slots take turns in an open loop", async () => {
  const time = new VirtualTime();
  const used = new Set<number>();
  const target = simulatedTarget(time, 10, () => 1);
  const call = target.call;
  target.call = function (slot, sequence) {
    used.add(slot);
    return call.call(target, slot, sequence);
  };
  await simulate(time, target, plan({ mode: "open", ratePerSecond: 10, requests: 20 }));
  assert.equal(used.size, 10);
});

Deno.test("startLoad() reports server time, bytes and messages", async () => {
  const time = new VirtualTime();
  const reply = { byteLength: 100, messages: 3 };
  const target = simulatedTarget(time, 1, () => 1, reply, 250);
  const { run } = await simulate(time, target, plan({ requests: 10 }));
  assert.equal(run.serverTime?.percentilesUs.p50, 250);
  assert.deepEqual(run.bytes, { sent: 320, received: 1000 });
  assert.equal(run.messagesReceived, 30);
});

Deno.test("startLoad() reports intervals in order that add up to the total", async () => {
  const time = new VirtualTime();
  const target = simulatedTarget(time, 3, (sequence) => sequence === 900 ? 2500 : 2);
  const { intervals, run } = await simulate(time, target, plan({ durationMs: 5000 }));
  assert.deepEqual(intervals.map((i) => i.index), [...intervals.keys()]);
  assert.equal(intervals.reduce((sum, i) => sum + i.latency.count, 0), run.totalRequests);
  // The last point holds the three calls that were under way at the end.
  assert.equal(run.timeline.length, 6);
  assert.equal(run.timeline[5].successful, 3);
});

Deno.test("startLoad() tolerates timers that fire early", async () => {
  const time = new VirtualTime();
  const setTimer = time.setTimer.bind(time);
  time.setTimer = (callback, delayMs) => setTimer(callback, delayMs > 1 ? delayMs - 0.7 : delayMs);
  const target = simulatedTarget(time, 3, () => 1);
  const load = startLoad(target, plan({ requests: 100 }), { clock: time, startAtMs: 30.5 });
  assert.equal((await time.run(load.done)).latency.count, 100);
  assert.equal(target.started, 100);
});

Deno.test("startLoad() refuses plans without an end or an open loop without a rate", () => {
  const target = simulatedTarget(new VirtualTime(), 1, () => 1);
  const clock = new VirtualTime();
  assert.throws(() => startLoad(target, plan(), { clock }), TypeError);
  const open = plan({ mode: "open", requests: 1 });
  assert.throws(() => startLoad(target, open, { clock }), /needs a rate/);
});

Deno.test("startLoad() gives up a run without a deadline when no call ends any more", async () => {
  const time = new VirtualTime();
  // The server answers 100 calls and then hangs.
  const target = simulatedTarget(time, 4, (sequence) => sequence < 100 ? 10 : 1e9);
  const { run } = await simulate(time, target, plan({ requests: 1000, stallMs: 60_000 }));
  assert.equal(run.successfulRequests, 100);
  assert.deepEqual(run.failures.map(({ code, count }) => [code, count]), [["UNFINISHED", 4]]);
  near(run.durationMs, 60_250, 2, "duration");
  // The calls of the target that never end; no timer of the run.
  assert.equal(time.pending, 4);
});

Deno.test("startLoad() keeps a run in which calls end now and then", async () => {
  const time = new VirtualTime();
  const target = simulatedTarget(time, 1, () => 50_000);
  const { run } = await simulate(time, target, plan({ requests: 5, stallMs: 60_000 }));
  assert.equal(run.successfulRequests, 5);
});

Deno.test("startLoad() pauses after a call without a connection, not after a handler's UNAVAILABLE", async () => {
  // Calls of 10 ms on 10 slots, with pauses of 50 ms or without.
  for (const [unreachable, calls] of [[true, 170], [false, 1_000]] as const) {
    const time = new VirtualTime();
    const target = simulatedTarget(time, 10, () => 10);
    const call = target.call;
    target.call = async (slot, sequence) => {
      await call.call(target, slot, sequence);
      throw new RpcError(Status.UNAVAILABLE, "no");
    };
    const { run } = await simulate(
      time,
      { ...target, unreachable: () => unreachable },
      plan({ durationMs: 1000 }),
    );
    near(run.totalRequests, calls, 5, `unreachable ${unreachable}`);
  }
});

for (const lateMs of [0.3, 3]) {
  Deno.test(`startLoad() leaves the wake-up of a sleeping generator out of latencies: ${lateMs} ms`, async () => {
    const time = new VirtualTime();
    const late = {
      now: () => time.now(),
      setTimer: (callback: () => void, delayMs: number) =>
        time.setTimer(callback, delayMs + lateMs),
      clearTimer: (timer: unknown) => time.clearTimer(timer),
    };
    const target = simulatedTarget(time, 100, () => 2);
    const load = startLoad(
      target,
      plan({ mode: "open", ratePerSecond: 100, durationMs: 1000, warmupMs: 0 }),
      { clock: time, pacer: late, wakeUpMs: 1 },
    );
    const { latency, maxLatenessMs, lateForGenerator } = await time.run(load.done);
    near(maxLatenessMs, lateMs, 1, "lateness");
    // Up to 1 ms it is left out; the first call is due at the start and waits for no timer.
    const meanMs = Histogram.fromData(latency).meanNs / 1e6;
    near(meanMs, lateMs <= 1 ? 2 : 2 + lateMs, 1.5, "latency");
    assert.equal(lateForGenerator > 0, lateMs > 1);
  });
}

Deno.test("startLoad() counts calls, failures and missed calls by stage and by method", async () => {
  const time = new VirtualTime();
  const stages = parseStages("calm=2s@100,peak=2s@1000,after=2s@0..100");
  // From 3 s on the server does not answer until 3.5 s, and 10 slots are not enough for 1,000 calls/s of 50 ms.
  const simple = simulatedTarget(time, 10, () => 50);
  const target = {
    ...simple,
    methods: 2,
    methodOf: (slot: number) => slot % 2,
    async call(slot: number, sequence: number) {
      const reply = await simple.call(slot, sequence);
      if (sequence < 5) throw new RpcError(Status.INTERNAL, "not yet");
      return reply;
    },
  };
  const staged = plan({ mode: "open", ratePerSecond: 1000, stages, durationMs: 6000, drainMs: 0 });
  const { run } = await simulate(time, target, staged);
  const [calm, peak, after] = run.stages;
  assert.deepEqual(run.stages.map(({ name }) => name), ["calm", "peak", "after"]);
  assert.deepEqual([calm.totalRequests, calm.failedRequests, calm.missed], [200, 5, 0]);
  assert.equal(calm.requestsPerSecond, 97.5);
  assert.equal(calm.latency.maxUs, 50_000);
  // 200 calls/s are answered: those of the peak wait until the end of the run.
  assert.ok(peak.missed > 1000, `${peak.missed}`);
  assert.ok(peak.latency.percentilesUs.p99! > 1e6);
  assert.equal(after.totalRequests + after.missed, 100);
  for (const parts of [run.stages, run.methods]) {
    const sum = (of: (part: (typeof parts)[number]) => number) =>
      parts.reduce((all, part) => all + of(part), 0);
    assert.equal(sum((part) => part.totalRequests), run.totalRequests);
    assert.equal(sum((part) => part.failedRequests), run.failedRequests);
  }
  assert.equal(run.stages.reduce((all, part) => all + part.missed, 0), run.schedule!.missed);
  assert.deepEqual(run.methods.map(({ name }) => name), ["shop.v1.Orders/M1", "shop.v1.Orders/M2"]);
});

Deno.test("startLoad() sends calls that are nearly due along with one that is, and counts all in their stages", async () => {
  const time = new VirtualTime();
  const sentAtMs: number[] = [];
  const target = simulatedTarget(time, 50, (_, atMs) => (sentAtMs.push(atMs), 1));
  const stages = parseStages("10ms@1000,10ms@1000");
  const open = { mode: "open", ratePerSecond: 1000, durationMs: 20, stages } as const;
  const pacer = {
    now: () => time.now(),
    setTimer: (callback: () => void, delayMs: number) => time.setTimer(callback, delayMs - 0.5),
    clearTimer: (timer: unknown) => time.clearTimer(timer),
  };
  const options = { clock: time, pacer, earlyMs: 0.5 };
  const load = startLoad(target, plan({ ...open, warmupMs: 10 }), options);
  const result = await time.run(load.done);
  assert.equal(sentAtMs.length, 30);
  assert.equal(sentAtMs[1], 0.5);
  assert.equal(result.latency.count, 20, "a call that is due at the start of measuring counts");
  assert.deepEqual(result.stages!.map(({ latency }) => latency.count), [10, 10]);
});
