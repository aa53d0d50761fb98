import assert from "node:assert/strict";
import { TemporaryFolder } from "../../cmd/shared/temporary_folder.ts";

const MODULE = new URL("../../cmd/shared/temporary_folder.ts", import.meta.url).href;

Deno.test("TemporaryFolder is this user's alone and removed on disposal", async () => {
  let path: string;
  {
    using folder = new TemporaryFolder("vrpc-test-");
    path = folder.path;
    assert.match(path, /\/vrpc-test-[^/]+$/);
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o700);
    await Deno.writeTextFile(`${path}/file`, "x");
  }
  await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
});

Deno.test("TemporaryFolder is removed by Deno.exit()", async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["eval", "--quiet"],
      `import { TemporaryFolder } from ${JSON.stringify(MODULE)};
      console.log(new TemporaryFolder("vrpc-test-").path);
      Deno.exit(0);`,
    ],
  }).output();
  const path = new TextDecoder().decode(stdout).trim();
  assert.match(path, /\/vrpc-test-/);
  await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
});
