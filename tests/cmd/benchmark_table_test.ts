// What docs/benchmark.md says beside other programs is so: the options of each row are run.

import assert from "node:assert/strict";
import { join } from "node:path";
import { serve } from "../../mod.ts";
import { addEcho, addReflection } from "../../src/services/mod.ts";

const ROOT = join(import.meta.dirname!, "../..");
/** Rows whose options take long or need a second program, and the tests that hold them. */
const HELD_ELSEWHERE: Record<string, string> = {
  "highest rate search": "tests/cmd/benchmark_limit_test.ts",
  "comparison with significance": "tests/cmd/benchmark_rounds_test.ts",
  "OTLP": "tests/cmd/benchmark_exports_test.ts",
};

/** Reads the features and the options of the table; undefined where the program lacks a feature. */
async function features(): Promise<[feature: string, args: string[] | undefined][]> {
  const page = await Deno.readTextFile(join(ROOT, "docs/benchmark.md"));
  const [, section] = page.split("## Beside ghz, k6 and oha\n");
  const rows = section.split("\n").filter((line) => line.startsWith("| ")).slice(2);
  return rows.map((row) => {
    const [, feature, ours] = row.split(/ *\| */);
    if (ours === "no") return [feature, undefined];
    const words = ours.replaceAll("`", "").matchAll(/'([^']*)'|([^\s']+)/g);
    return [feature, Array.from(words, ([, quoted, word]) => quoted ?? word)];
  });
}

const FLOW = `export default {
  users: 2,
  duration: "1s",
  failIf: ["checks<100%"],
  async flow(user) {
    const { payload } = await user.call("vrpc.echo.v1.EchoService/Echo", { payload: "AAAA" });
    user.check("the payload comes back", payload === "AAAA");
    await user.think("10ms", "20ms");
  },
};
`;
const SHORT = ["-n", "20"];

for (const [feature, args] of await features()) {
  if (args === undefined || feature in HELD_ELSEWHERE) continue;
  Deno.test(`the benchmark has: ${feature}`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(join(folder, "rows.csv"), "payload\nAAAA\nBBBB\n");
      await Deno.writeTextFile(
        join(folder, "scenario.ts"),
        'export default { stages: [{ duration: "1s", rate: [10, 50] }], tags: { build: "7" } };\n',
      );
      await Deno.writeTextFile(join(folder, "flow.ts"), FLOW);
      await using server = await serve("127.0.0.1:0", (router) => {
        addEcho(router);
        addReflection(router);
      }, { web: true });
      // A duration of its own ends the run; `-d` with JSON is the data.
      const isTimed = args.some((arg) => /^\d+s(@|$)/.test(arg) || /=1s@|\.ts$/.test(arg));
      const limit = isTimed ? [] : SHORT;
      const { code, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "--quiet", "-A", join(ROOT, "cmd/benchmark.ts")],
          ...["-s", server.addresses[0], "-c", "2", ...args, ...limit],
        ],
        cwd: folder,
        env: { NO_COLOR: "1" },
        stdin: "null",
      }).output();
      assert.equal(code, 0, new TextDecoder().decode(stderr));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("the features that other tests hold are in the table, and so are the tests", async () => {
  const names = (await features()).map(([feature]) => feature);
  for (const [feature, path] of Object.entries(HELD_ELSEWHERE)) {
    assert.ok(names.includes(feature), feature);
    assert.ok((await Deno.stat(join(ROOT, path))).isFile);
  }
});
