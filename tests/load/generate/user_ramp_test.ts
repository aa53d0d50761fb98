import assert from "node:assert/strict";
import { mostUsers, UserRamp } from "../../../src/load/generate/user_ramp.ts";
import { parseStages } from "../../../src/load/generate/stages.ts";
import { plan, simulate, simulatedTarget } from "../fixtures.ts";
import { VirtualTime } from "../virtual_time.ts";

const stages = [
  { name: "rise", durationMs: 1000, fromRate: 0, toRate: 0, users: [0, 10] },
  { name: "hold", durationMs: 1000, fromRate: 0, toRate: 0, users: [10, 10] },
  { name: "fall", durationMs: 1000, fromRate: 0, toRate: 0, users: [10, 0] },
] as const;

Deno.test("UserRamp gives each worker its share of the users at a time", () => {
  assert.equal(mostUsers(stages), 10);
  assert.equal(mostUsers(parseStages("1s@5")), undefined);
  const [first, second] = [0, 1].map((worker) =>
    UserRamp.of(plan({ stages, worker, workers: 2 }), 100)!
  );
  const all = (atMs: number) => [first.active(atMs), second.active(atMs)];
  assert.deepEqual(all(0), [0, 0]);
  assert.deepEqual(all(600), [3, 2]);
  assert.deepEqual(all(1500), [5, 5]);
  assert.deepEqual(all(2600), [3, 2]);
  assert.deepEqual(all(4000), [0, 0]);
});

Deno.test("startLoad() starts and stops users as the stages say", async () => {
  const time = new VirtualTime();
  let atOnce = 0;
  const most: number[] = [];
  const target = simulatedTarget(time, 10, () => 10);
  const call = target.call;
  target.call = async (slot, sequence) => {
    atOnce++;
    const second = Math.floor(time.now() / 500);
    most[second] = Math.max(most[second] ?? 0, atOnce);
    const reply = await call.call(target, slot, sequence);
    atOnce--;
    return reply;
  };
  const { run } = await simulate(time, target, plan({ durationMs: 3000, stages: [...stages] }));
  assert.deepEqual(most, [5, 10, 10, 10, 10, 5]);
  assert.ok(run.stages.every(({ totalRequests }) => totalRequests > 0));
  assert.ok(run.stages[0].totalRequests < run.stages[1].totalRequests * 0.6);
});
