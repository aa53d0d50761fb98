import assert from "node:assert/strict";
import { join } from "node:path";

const ROOT = join(import.meta.dirname!, "..");

Deno.test("the examples in README.md compile, run and hold what they assert", async () => {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--doc", "-A", "README.md"],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.ok(success, text);
  assert.doesNotMatch(text, /Assertion failed/);
});

Deno.test("README.md, CONTRIBUTING.md and SECURITY.md name files and tasks that exist", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  for (const file of ["README.md", "CONTRIBUTING.md", "SECURITY.md"]) {
    const text = await Deno.readTextFile(join(ROOT, file));
    for (const [, task] of text.matchAll(/deno task ([\w:]+)/g)) {
      assert.ok(task in tasks, `${file}: deno task ${task}`);
    }
    for (const [, path] of text.matchAll(/`((?:src|tests|cmd|proto|scripts)\/[\w/.]+)`/g)) {
      await assert.doesNotReject(Deno.stat(join(ROOT, path)), `${file}: ${path}`);
    }
  }
});

Deno.test("README.md has every package of deno.json", async () => {
  const { imports } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const text = await Deno.readTextFile(join(ROOT, "README.md"));
  for (const name of Object.keys(imports)) assert.ok(text.includes(`\`${name}\``), name);
});
