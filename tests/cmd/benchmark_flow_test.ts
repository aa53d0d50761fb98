import assert from "node:assert/strict";
import { join } from "node:path";
import { serve } from "../../mod.ts";
import { addEcho, addReflection } from "../../src/services/mod.ts";
import { runProgram } from "../fixtures/run_program.ts";

const SCENARIO = new URL("../../src/load/generate/scenario.ts", import.meta.url).href;
const FLOW = `
import { scenario } from "${SCENARIO}";
export default scenario({
  stages: [
    { name: "rise", duration: "500ms", users: [0, 4] },
    { name: "hold", duration: "500ms", users: 4, failIf: ["success<100%"] },
  ],
  failIf: ["checks<100%", "flow:failed>0", "Echo:failed>0"],
  tags: { build: "7" },
  async flow(user) {
    const { payload } = await user.call("vrpc.echo.v1.EchoService/Echo", { payload: "AAAA" });
    user.check("the payload comes back", payload === EXPECTED);
    await user.think("10ms", "20ms");
  },
});
`;

/** Runs the benchmark with a scenario file. */
async function bench(name: string, text: string, ...args: string[]) {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, name);
    await Deno.writeTextFile(path, text);
    await using server = await serve("127.0.0.1:0", (router) => {
      addEcho(router);
      addReflection(router);
    });
    const to = ["-s", server.addresses[0], "-c", "2", "--scenario", path];
    return await runProgram("cmd/benchmark.ts", [...to, ...args]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a scenario's flow runs for users in stages, and its conditions hold for calls, checks and flows", async () => {
  const text = FLOW.replace("EXPECTED", '"AAAA"');
  const { code, stdout, stderr } = await bench("flow.ts", text, "-o", "json");
  assert.equal(code, 0, stderr);
  const [{ flow, stages, methods, settings, successfulRequests }] = JSON.parse(stdout).runs;
  assert.equal(settings.method, "flow of flow.ts");
  assert.deepEqual(settings.stages[0].users, [0, 4]);
  assert.equal(methods[0].name, "vrpc.echo.v1.EchoService/Echo");
  assert.equal(stages[0].totalRequests + stages[1].totalRequests, successfulRequests);
  assert.ok(flow.totalRequests > 4);
  assert.deepEqual(flow.checks, [
    { name: "the payload comes back", passed: successfulRequests, failed: 0 },
  ]);
  const failed = await bench("flow.ts", FLOW.replace("EXPECTED", '"BBBB"'));
  assert.equal(failed.code, 3);
  assert.match(failed.stderr, /flow\.ts: checks<100% holds: 0\.00/);
  assert.match(failed.stdout, /^Checks:\n {2}the payload comes back +0\.00 %/m);
});

Deno.test("a flow in JSON begins at a rate", async () => {
  const text = JSON.stringify({
    ...{ rate: 50, duration: "1s", failIf: ["flow:failed>0", "checks<100%"] },
    flow: [
      { call: "vrpc.echo.v1.EchoService/Echo", data: { payload: "AAAA" }, save: { p: "payload" } },
      { think: "5ms" },
      {
        ...{ call: "vrpc.echo.v1.EchoService/Echo", data: { payload: "{{p}}" } },
        check: { payload: "AAAA" },
      },
    ],
  });
  const { code, stdout, stderr } = await bench("flow.json", text, "-o", "json");
  assert.equal(code, 0, stderr);
  const [{ flow, schedule }] = JSON.parse(stdout).runs;
  assert.equal(schedule.due, 50);
  assert.equal(flow.totalRequests + flow.cutOff, 50);
});

Deno.test("mistakes in a flow show before the load, once", async () => {
  const cases: [text: string, message: RegExp][] = [
    ["{ flow() {} }", /The flow makes no call/],
    ["{ flow: 7 }", /its flow is neither a function nor a list of steps/],
    ["{ flow: () => { throw new TypeError('oops'); } }", /The flow failed: oops/],
    ["{ flow: (u) => u.call('vrpc.echo.v1.EchoService/Ecco', {}) }", /did you mean Echo\?/],
    ["{ flow: (u) => u.call('vrpc.echo.v1.EchoService/Echo', { x: 1 }) }", /"x"|x/],
    ["{ flow: (u) => u.think('soon') }", /Cannot think for soon/],
    ["{ flow: (u) => u.call('a.B/C'), methods: [] }", /it has methods and a flow/],
    ["{ stages: [{ duration: '1s', users: 5 }] }", /Stages with users need a flow/],
    ["{ users: 5 }", /--users needs a --scenario with a flow/],
  ];
  for (const [text, message] of cases) {
    const { code, stderr } = await bench(
      "flow.ts",
      `export default ${text.replace("(u)", "(u: any)")};`,
    );
    assert.equal(code, 2, `${text}: ${stderr}`);
    assert.match(stderr, message);
    assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
  }
});
