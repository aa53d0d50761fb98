import assert from "node:assert/strict";
import { join } from "node:path";
import { benchmarkCommand, type Flags } from "../../cmd/benchmark/options.ts";
import { applyScenario } from "../../cmd/benchmark/scenario.ts";
import { settingsOf } from "../../cmd/benchmark/settings.ts";
import { UsageError } from "../../cmd/shared/program.ts";

/** Applies a scenario file with this text to a command with `args`. */
async function applied(name: string, text: string, ...args: string[]) {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, name);
    await Deno.writeTextFile(path, text);
    const command = benchmarkCommand();
    command.parse(args, { from: "user" });
    await applyScenario(command, path);
    return command;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const SCENARIO = {
  methods: [
    { name: "shop.v1.Orders/Get", weight: 9, data: { id: "{{request}}" } },
    { name: "shop.v1.Orders/Create", dataFile: "orders.csv" },
  ],
  stages: [
    { duration: "30s", rate: [10, 500] },
    { name: "hold", duration: "2m", rate: 500, failIf: ["p99>5ms"] },
  ],
  failIf: ["failed>0.1%"],
  headers: { "x-id": "{{uuid}}" },
  tags: { build: "7" },
};

for (
  const [name, text] of [
    ["a.json", JSON.stringify(SCENARIO)],
    ["a.ts", `const a: unknown = ${JSON.stringify(SCENARIO)};\nexport default a;\n`],
    ["b.ts", `export default () => Promise.resolve(${JSON.stringify(SCENARIO)});\n`],
  ]
) {
  Deno.test(`a scenario gives methods, stages, conditions, metadata and tags: ${name}`, async () => {
    const command = await applied(name, text);
    const { plan, methods, tags, conditions } = await settingsOf(command);
    assert.deepEqual(methods, [
      { name: "shop.v1.Orders/Get", weight: 9, data: '{"id":"{{request}}"}', dataFile: undefined },
      { name: "shop.v1.Orders/Create", weight: 1, data: undefined, dataFile: "orders.csv" },
    ]);
    assert.deepEqual(plan.stages?.map((stage) => stage.name), ["stage1", "hold"]);
    assert.deepEqual([plan.ratePerSecond, plan.durationMs], [500, 150_000]);
    assert.deepEqual(conditions.map((one) => one.text), ["failed>0.1%", "hold:p99>5ms"]);
    assert.deepEqual(command.opts<Flags>().header, ["x-id: {{uuid}}"]);
    assert.deepEqual(tags, { build: "7" });
  });
}

Deno.test("flags take precedence over a scenario", async () => {
  const command = await applied(
    "a.json",
    JSON.stringify(SCENARIO),
    "--tag",
    "a=b",
    "--fail-if",
    "failed>5",
  );
  const { tags, conditions } = await settingsOf(command);
  assert.deepEqual(tags, { a: "b" });
  assert.deepEqual(conditions.map((one) => one.text), ["failed>5"]);
});

Deno.test("a scenario that cannot be used is named with the mistake", async () => {
  const cases: [name: string, text: string, message: RegExp][] = [
    ["a.json", "{", /^Cannot use scenario \S+a\.json: .*JSON/],
    ["a.json", "[]", /it is not an object$/],
    ["a.json", '{"stage":[]}', /unknown key "stage"; did you mean stages\?$/],
    ["a.json", '{"stages":[{"duration":"1s"}]}', /stage 1 needs a duration/],
    ["a.json", '{"stages":[{"duration":"1s","rate":0}]}', /every rate is 0$/],
    ["a.ts", "export const a = 1;", /it has no default export$/],
  ];
  for (const [name, text, message] of cases) {
    await assert.rejects(applied(name, text), (error: Error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, message);
      return true;
    });
  }
});
