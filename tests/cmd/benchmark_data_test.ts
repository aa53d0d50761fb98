import assert from "node:assert/strict";
import { serve } from "../../mod.ts";
import { EchoService } from "../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { addEcho, addReflection } from "../../src/services/mod.ts";
import { runProgram } from "../fixtures/run_program.ts";

const ECHO = "vrpc.echo.v1.EchoService/Echo";

/** Runs the benchmark against a server that keeps the payloads, and returns them as base64 without that of the probe. */
async function payloadsOf(...args: string[]): Promise<string[]> {
  const payloads: string[] = [];
  await using server = await serve("127.0.0.1:0", (router) => {
    router.service(EchoService, {
      echo({ payload }) {
        payloads.push(payload.toBase64());
        return { payload };
      },
    });
    addReflection(router);
  });
  const to = ["-s", server.addresses[0], "--method", ECHO, "-c", "2", "-t", "2"];
  const { code, stderr, stdout } = await runProgram("cmd/benchmark.ts", [...to, ...args]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^Failed requests: 0$/m);
  return payloads.slice(1);
}

async function withFile<T>(name: string, text: string, body: (path: string) => Promise<T>) {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/${name}`, text);
    return await body(`${folder}/${name}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("-d of the benchmark makes a request of its own for each call of each thread", async () => {
  // Base64 may lack its last sign where the length is no multiple of four: 36 of a UUID, which has "-" as base64url.
  const payloads = await payloadsOf("-n", "40", "-d", '{"payload":"{{uuid}}"}');
  assert.equal(payloads.length, 40);
  assert.equal(new Set(payloads).size, 40);
});

Deno.test("--data-file of the benchmark gives rows to a template, or whole requests", async () => {
  const counted = (all: string[]) =>
    ["AAAA", "BBBB"].map((text) => all.filter((one) => one === text).length);
  await withFile("rows.csv", "p,q\nAAAA,1\nBBBB,2\n", async (path) => {
    const all = await payloadsOf("-n", "20", "--data-file", path, "-d", '{"payload":"{{p}}"}');
    assert.deepEqual(counted(all), [10, 10]);
  });
  await withFile("rows.jsonl", '{"payload":"AAAA"}\n{"payload":"BBBB"}\n', async (path) => {
    const all = await payloadsOf("-n", "40", "--data-file", path, "--data-order", "random");
    const [some, others] = counted(all);
    assert.equal(some + others, 40);
    assert.ok(some > 5 && others > 5, `${some} and ${others}`);
  });
});

Deno.test("the benchmark names data that it cannot use", async () => {
  await using server = await serve("127.0.0.1:0", (router) => {
    router.service(EchoService, { echo: () => ({}) });
    addReflection(router);
  });
  const failure = async (...args: string[]) => {
    const to = ["-s", server.addresses[0], "--method", ECHO];
    const { code, stderr } = await runProgram("cmd/benchmark.ts", [...to, ...args]);
    assert.equal(code, 2);
    return stderr;
  };
  assert.match(await failure("-d", '{"payload":"{{p}}"}'), /--data: no variable \{\{p\}\}$/m);
  assert.match(await failure("--data-file", "a.txt"), /its name must end in \.csv, /);
  assert.match(await failure("--data-file", "/no/a.csv"), /\(--data-file\): no such file$/m);
  await withFile("a.csv", "payload\n?\n", async (path) => {
    assert.match(await failure("--data-file", path), /a\.csv: row 1: not a valid vrpc\.echo/);
  });
});

Deno.test("the benchmark calls several methods by weight, in stages, and fails by stage", async () => {
  await using server = await serve("127.0.0.1:0", (router) => {
    addEcho(router);
    addReflection(router);
  });
  const { code, stderr, stdout } = await runProgram("cmd/benchmark.ts", [
    ...["-s", server.addresses[0], "--method", `${ECHO}=3`, "--method", `/${ECHO}Stream=1`],
    ...["--stages", "low=1s@50,high=1s@50..350", "--tag", "build=7", "-o", "json"],
    ...["--fail-if", "low:total!=50,high:total!=200,Echo:failed>0,EchoStream:failed>=0"],
  ]);
  assert.equal(code, 3, stderr);
  assert.match(stderr, /EchoStream:failed>=0 holds: 0/);
  assert.doesNotMatch(stderr, /(low|high|Echo):/);
  const [run] = JSON.parse(stdout).runs;
  assert.deepEqual(run.methods.map((one: { name: string }) => one.name), [ECHO, `${ECHO}Stream`]);
  const [often, seldom] = run.methods.map((one: { totalRequests: number }) => one.totalRequests);
  assert.ok(Math.abs(often - 187.5) < 2 && Math.abs(seldom - 62.5) < 2, `${often}, ${seldom}`);
  assert.deepEqual(run.settings.tags, { build: "7" });
});
