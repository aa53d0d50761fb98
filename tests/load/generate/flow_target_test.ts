import assert from "node:assert/strict";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Channel, connect, RpcError, serve, Status } from "../../../mod.ts";
import {
  EchoResponseSchema,
  EchoService,
  file_vrpc_echo_v1_echo,
} from "../../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { createFileRegistry } from "@bufbuild/protobuf";
import { FlowMethods } from "../../../src/load/generate/flow_methods.ts";
import { flowOfSteps } from "../../../src/load/generate/flow_steps.ts";
import { flowTarget } from "../../../src/load/generate/flow_target.ts";
import { coarseClock } from "../../../src/load/generate/pacer.ts";
import { startLoad } from "../../../src/load/generate/runner.ts";
import type { Flow } from "../../../src/load/generate/scenario.ts";
import type { WorkerPlan } from "../../../src/load/generate/plan.ts";
import { plan } from "../fixtures.ts";

const ECHO = "vrpc.echo.v1.EchoService/Echo";
const STREAM = "vrpc.echo.v1.EchoService/EchoStream";
const types = {
  registry: createFileRegistry(
    file_vrpc_echo_v1_echo.proto,
    (name) => file_vrpc_echo_v1_echo.dependencies.find((one) => one.proto.name === name)?.proto,
  ),
  faults: new Map<string, string>(),
};

/** Runs a flow against an echo server, which fails for an empty payload. */
async function run(flow: Flow, changes: Partial<WorkerPlan>, users = 2) {
  await using server = await serve("127.0.0.1:0", (router) => {
    router.service(EchoService, {
      echo({ payload }) {
        if (payload.length === 0) throw new RpcError(Status.NOT_FOUND, "no payload");
        return { payload };
      },
      async *echoStream(requests) {
        for await (const { payload } of requests) yield { payload };
      },
    });
  });
  await using channel: Channel = connect(server.addresses[0]);
  const methods = new FlowMethods(() => Promise.resolve(types));
  const shared = { seed: 1, worker: 0, workers: 1 };
  const target = flowTarget({ channels: [channel], users, flow, methods, ...shared });
  return await startLoad(target, plan(changes), { clock: coarseClock }).done;
}

Deno.test("a flow's calls are recorded by method, the flows as a whole, and the checks by name", async () => {
  const result = await run(async (user) => {
    const reply = await user.call(ECHO, { payload: "aGk=" });
    user.check("comes back", reply.payload === "aGk=");
    const typed = await user.call(EchoService.method.echo, {
      payload: new Uint8Array([user.id + 1]),
    });
    user.check("typed", typed.payload[0] === user.id + 1);
    await user.think("5ms");
    const all = await user.call(STREAM, [{ payload: "AA==" }, { payload: "" }]);
    user.check("two", all.length === 2 && all[1].payload === "");
    user.check("even", user.iteration % 2 === 0);
  }, { requests: 8 });
  assert.equal(result.latency.count, 24);
  const { flows, methods, checks, cutOff } = result.flow!;
  assert.deepEqual([flows.latency.count, flows.failed, cutOff], [8, 0, 0]);
  assert.ok(flows.latency.minNs >= 5e6, "the time to think is part of a flow");
  assert.deepEqual(methods.map(([name, { latency }]) => [name, latency.count]), [[ECHO, 16], [
    STREAM,
    8,
  ]]);
  assert.deepEqual(checks.slice(0, 3).map(({ passed, failed }) => [passed, failed]), [[8, 0], [
    8,
    0,
  ], [8, 0]]);
  assert.ok(checks[3].passed > 0 && checks[3].failed > 0);
});

Deno.test("a call that fails, and is not caught, ends its flow as failed", async () => {
  const result = await run(async (user) => {
    await user.call(ECHO, {}).catch(() => {});
    await user.call(ECHO, {});
    user.check("never", true);
  }, { requests: 4 });
  assert.equal(result.failedLatency.count, 8);
  assert.deepEqual(result.failures.map(({ code }) => code), ["NOT_FOUND"]);
  const { flows, failure, checks } = result.flow!;
  assert.deepEqual([flows.latency.count, flows.failed, checks], [0, 4, []]);
  assert.match(failure!, /no payload/);
});

Deno.test("the end of a run cuts off users who think, and flows that never call do not stop the thread", async () => {
  const began = performance.now();
  const result = await run(async (user) => {
    if (user.id === 1) return;
    await user.call(ECHO, { payload: "AA==" });
    await user.think("1h");
  }, { durationMs: 200 });
  assert.ok(performance.now() - began < 30_000);
  const { flows, cutOff } = result.flow!;
  assert.ok(cutOff >= 1 && flows.latency.count > 1);
  assert.equal(result.unfinished, 0);
});

Deno.test("flows in JSON have variables, check members of replies and save them", async () => {
  const flow = flowOfSteps([
    { call: ECHO, data: { payload: "AAA{{user}}" }, save: { text: "payload" } },
    { think: ["1ms", "2ms"] },
    { call: ECHO, data: '{"payload": "{{text}}"}', check: { payload: "AAA0", "a.b": 1 } },
  ]);
  const result = await run(flow, { requests: 3 }, 1);
  assert.equal(result.latency.count, 6);
  assert.deepEqual(result.flow!.checks, [
    { name: 'Echo: payload is "AAA0"', passed: 3, failed: 0 },
    { name: "Echo: a.b is 1", passed: 0, failed: 3 },
  ]);
});

Deno.test("mistakes in the steps of a flow are named", () => {
  const cases: [steps: unknown[], message: RegExp][] = [
    [[], /no steps/],
    [[{}], /step 1: it needs either call or think/],
    [[{ call: ECHO, think: "1s" }], /step 1: it needs either/],
    [[{ think: "soon" }], /step 1: cannot think for soon/],
    [[{ call: ECHO, daat: {} }], /step 1: unknown key "daat"/],
    [[{ call: ECHO, data: { id: "{{x}}" } }], /step 1: no variable \{\{x\}\}/],
  ];
  for (const [steps, message] of cases) {
    assert.throws(() => flowOfSteps(steps as never), message);
  }
});

Deno.test("a reply of generated code is a message", async () => {
  const method = await new FlowMethods(() => Promise.reject(new Error("not needed")))
    .find(EchoService.method.echo);
  const [encoded] = method.encode({ payload: new Uint8Array([7]) });
  const reply = toBinary(EchoResponseSchema, fromBinary(EchoResponseSchema, encoded));
  assert.equal(
    (method.decode([reply]) as { $typeName: string }).$typeName,
    EchoResponseSchema.typeName,
  );
});
