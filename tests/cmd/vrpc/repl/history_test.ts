import assert from "node:assert/strict";
import { join } from "node:path";
import { History, MAX_ENTRIES } from "../../../../cmd/vrpc/repl/history.ts";

async function inFolder(body: (path: string) => Promise<void> | void): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(join(folder, "state", "history"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the history has the commands of earlier runs, the newest first, but for secrets", () =>
  inFolder(async (path) => {
    const history = new History(path);
    assert.deepEqual(history.entries, []);
    for (
      const command of [
        "list",
        " call Secret {}",
        "set header authorization: Bearer x",
        "set   header a: b",
        "set wire lean",
        "x".repeat(10_000),
      ]
    ) history.add(command);
    assert.deepEqual(new History(path).entries, ["set wire lean", "list"]);
    if (Deno.build.os === "windows") return;
    await Deno.chmod(path, 0o644);
    new History(path);
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
  }));

Deno.test("the history stays below its size, with the newest commands", () =>
  inFolder(async (path) => {
    const history = new History(path);
    const command = (i: number) => `call Method${i} ${"x".repeat(1_000)}`;
    for (let i = 0; i < 600; i++) history.add(command(i));
    const { size, mode } = await Deno.stat(path);
    assert.ok(size <= 262_144, String(size));
    if (Deno.build.os !== "windows") assert.equal(mode! & 0o777, 0o600);
    const { entries } = new History(path);
    assert.equal(entries[0], command(599));
    assert.ok(entries.length > 50);
    for (let i = 0; i < 2 * MAX_ENTRIES; i++) history.add(`list ${i}`);
    assert.equal(new History(path).entries.length, MAX_ENTRIES);
    const [only] = Array.from(Deno.readDirSync(join(path, "..")), ({ name }) => name);
    assert.equal(only, "history");
  }));

Deno.test("without a path there is no history", () => {
  const history = new History(undefined);
  history.add("list");
  assert.deepEqual(history.entries, []);
});
