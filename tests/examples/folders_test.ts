// Every folder of examples/ runs with one command, ends by itself and prints what it is there to show.

import assert from "node:assert/strict";
import { join } from "node:path";
import { runProgram } from "../fixtures/run_program.ts";
import { assertLines, EXPECTED } from "./expected.ts";

const EXAMPLES = join(import.meta.dirname!, "../../examples");

/** Folders whose output is checked by a test of their own. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  browser: "tests/compat/browser/suite.ts",
  opentelemetry: "below",
  vsock: "below",
};

async function run(name: string, args: readonly string[] = []): Promise<string[]> {
  const { stdout, stderr, code } = await runProgram(`examples/${name}/main.ts`, args);
  assert.equal(stderr, "");
  assert.equal(code, 0);
  return stdout.trimEnd().split("\n");
}

for (const [name, lines] of Object.entries(EXPECTED)) {
  Deno.test(`the example ${name} prints what it shows`, async () => {
    assertLines(await run(name), lines);
  });
}

Deno.test("the example opentelemetry prints the spans of both sides", async () => {
  const text = (await run("opentelemetry")).join("\n");
  // Client and server of each of two calls: 1 is SpanKind.SERVER, 2 is SpanKind.CLIENT.
  const kinds = [...text.matchAll(/^ {2}kind: (\d),$/gm)].map(([, kind]) => kind).sort();
  assert.deepEqual(kinds, ["1", "1", "2", "2"]);
  const traces = [...text.matchAll(/^ {2}traceId: "([0-9a-f]{32})",$/gm)].map(([, id]) => id);
  assert.equal(traces.length, 4);
  assert.equal(new Set(traces).size, 2);
  assert.equal(text.match(/^ {4}"rpc\.status_code": "INVALID_ARGUMENT",?$/gm)?.length, 2);
  assert.equal(
    text.match(/^example\.v1\.GreeterService\/Greet: same trace on both sides: true$/gm)?.length,
    2,
  );
});

Deno.test("the example vsock runs over a Unix socket", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const lines = await run("vsock", [`unix:${directory}/app.sock`]);
    assert.deepEqual(lines, ["called over unix, context id none"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test({
  name: Deno.env.get("VRPC_TEST_VSOCK") === "1"
    ? "the example vsock runs over the loopback of vsock"
    : "the example vsock runs over vsock (skipped: VRPC_TEST_VSOCK is not 1, no kernel with vsock loopback)",
  ignore: Deno.env.get("VRPC_TEST_VSOCK") !== "1",
  async fn() {
    const address = `vsock:local:${40_000 + Math.floor(Math.random() * 10_000)}`;
    assert.deepEqual(await run("vsock", [address]), ["called over vsock, context id 1"]);
  },
});

Deno.test("each folder of examples has its expected output and a line in the README", async () => {
  const folders: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(EXAMPLES)) {
    if (isDirectory) folders.push(name);
  }
  folders.sort();
  assert.deepEqual(folders, [...Object.keys(EXPECTED), ...Object.keys(ELSEWHERE)].sort());
  assert.ok(folders.length >= 25);
  const readme = await Deno.readTextFile(join(EXAMPLES, "README.md"));
  const linked = [...readme.matchAll(/\]\((\w+)\/(?:main\.ts|README\.md)\)/g)].map((m) => m[1]);
  assert.deepEqual(linked.sort(), folders);
});

Deno.test("links of the examples' README lead to files that exist", async () => {
  const readme = await Deno.readTextFile(join(EXAMPLES, "README.md"));
  for (const [, target] of readme.matchAll(/\]\(([^)\s:]+)\)/g)) {
    await Deno.stat(join(EXAMPLES, target));
  }
});
