// The recipes for logs in docs/, together with logCalls, print lines of vrpc and no warning of LogTape.

import assert from "node:assert/strict";
import { join } from "node:path";
import { codeBlocks } from "./blocks.ts";
import { ROOT } from "./published.ts";

const PAGE = "docs/telemetry-and-logs.md";

/** A program that serves calls with `logCalls`, one of which fails; it follows the recipe in the same file. */
const CALLS = `
import { connect, logCalls, serve } from "@vrpc/vrpc";

await using server = await serve("127.0.0.1:0", (router) => {
  router.method("/buy", {}, (request) => request);
  router.method("/many", { kind: "server_streaming" }, function* (request) { yield request; });
  router.method("/fail", {}, () => { throw new Error("a fault"); });
}, { interceptors: [logCalls()] });
for (const wire of ["grpc", "lean"] as const) {
  await using channel = connect(server.addresses[0], { wire });
  await channel.call("/buy", new Uint8Array());
  for await (const _ of channel.stream("/many", new Uint8Array())) { /* one */ }
  await channel.call("/fail", new Uint8Array()).catch(() => {});
}
`;

Deno.test("the recipe for logs together with logCalls prints a line per call and no warning of LogTape", async () => {
  const page = await Deno.readTextFile(join(ROOT, PAGE));
  const recipes = codeBlocks(PAGE, page).filter(({ language, text }) =>
    language === "ts" && text.includes("getConsoleSink()")
  );
  assert.equal(recipes.length, 1);
  const directory = await Deno.makeTempDir();
  try {
    const file = join(directory, "recipe.ts");
    const config = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
    await Deno.writeTextFile(file, recipes[0].text + CALLS);
    await Deno.writeTextFile(
      join(directory, "deno.json"),
      JSON.stringify({
        imports: { ...config.imports, "@vrpc/vrpc": new URL("mod.ts", `file://${ROOT}/`).href },
        unstable: config.unstable,
        nodeModulesDir: "none",
      }),
    );
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-check", "--no-lock", "-A", file],
      cwd: directory,
      env: { NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assert.equal(code, 0, text);
    assert.equal(text.match(/"\/(buy|many)" from .*"OK" after/g)?.length, 4, text);
    assert.equal(text.match(/"\/fail" from .*"UNKNOWN" after/g)?.length, 2, text);
    assert.doesNotMatch(text, /logtape|meta|contextLocalStorage/i);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
