import assert from "node:assert/strict";
import { join } from "node:path";
import { copySources } from "../../../bench/peers/sources.ts";

Deno.test("copySources() shares a folder among equal sources only, without files of other sources", async () => {
  const dir = await Deno.makeTempDir();
  const from = join(dir, "from");
  const cache = join(dir, "cache");
  const write = (name: string, text: string) => Deno.writeTextFile(join(from, name), text);
  const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  try {
    await Deno.mkdir(join(from, "go"), { recursive: true });
    await write("go/main.go", "package main");
    await write("go/old.go", "package main // old");
    const older = await copySources(from, cache, ["go/main.go", "go/old.go"]);
    assert.equal(await copySources(from, cache, ["go/main.go", "go/old.go"]), older);
    const fewer = await copySources(from, cache, ["go/main.go"]);
    assert.notEqual(fewer, older);
    await write("go/main.go", "package main // new");
    const newer = await copySources(from, cache, ["go/main.go", "go/old.go"]);
    assert.notEqual(newer, older);
    assert.deepEqual(names(older), ["main.go", "old.go"]);
    assert.deepEqual(names(fewer), ["main.go"]);
    assert.equal(await Deno.readTextFile(join(older, "main.go")), "package main");
    assert.equal(await Deno.readTextFile(join(newer, "main.go")), "package main // new");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
