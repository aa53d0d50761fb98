import assert from "node:assert/strict";
import { authorize, bearerToken, serve } from "../../mod.ts";
import { metadataEntries } from "../../cmd/benchmark/headers.ts";
import { UsageError } from "../../cmd/shared/program.ts";
import { addEcho, addReflection } from "../../src/services/mod.ts";
import { runProgram } from "../fixtures/run_program.ts";

const TOKEN = "a-long-secret-token";
const ECHO = "vrpc.echo.v1.EchoService/Echo";

Deno.test("-H of the benchmark reaches every call, reflection and the first one included", async () => {
  const ids: string[] = [];
  const bytes: Uint8Array[] = [];
  await using running = await serve("127.0.0.1:0", (router) => {
    addEcho(router);
    addReflection(router);
  }, {
    interceptors: [authorize({ "*": bearerToken({ me: TOKEN }) }), (next) => (call) => {
      if (call.method.path === `/${ECHO}`) {
        ids.push(call.metadata.get("x-id")!);
        bytes.push(call.metadata.get("x-bin")!);
      }
      return next(call);
    }],
  });
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, `# secret\n\nauthorization: Bearer ${TOKEN}\n`);
    const common = ["-s", running.addresses[0], "-n", "40", "-c", "2", "-t", "2"];
    const headers = ["-H", `@${file}`, "-H", "x-id: {{request}}", "-H", "x-bin: AQI="];
    const run = await runProgram("cmd/benchmark.ts", [
      ...[...common, ...headers, "--method", ECHO, "-o", "json"],
    ]);
    assert.equal(run.code, 0, run.stderr);
    assert.equal(JSON.parse(run.stdout).runs[0].successfulRequests, 40);
    // One more is the probe.
    assert.equal(ids.length, 41);
    assert.equal(new Set(ids.slice(1)).size, 40);
    assert.deepEqual(bytes[7], new Uint8Array([1, 2]));
    const refused = await runProgram("cmd/benchmark.ts", [...common, "--method", ECHO]);
    assert.equal(refused.code, 2);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("-H of the benchmark names what cannot be sent", async () => {
  const cases: [string, RegExp][] = [
    ["nothing", /use the form key:value$/],
    ["a: {{user}}", /no variable \{\{user\}\}; use \{\{request\}\}, /],
    ["a-bin: {{uuid}}", /-bin key takes no variables$/],
    ["a-bin: !", /^Cannot use metadata a-bin: !: /],
    ["a b: c", /^Cannot use metadata a b: c: /],
    ["@/not/there", /^Cannot read \/not\/there \(--header\): no such file$/],
  ];
  for (const [text, message] of cases) {
    await assert.rejects(metadataEntries([text]), (error: Error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, message);
      return true;
    });
  }
});
