import assert from "node:assert/strict";
import { serve } from "../../mod.ts";
import { EchoService } from "../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { runProgram } from "../fixtures/run_program.ts";

/** Calls per second of the server. */
const CAPACITY = 400;
/** How long the server may make up for a pause of its process. */
const BURST_MS = 20;

Deno.test("--find-limit of the benchmark finds the capacity of a server within 5 %", async () => {
  let freeMs = 0;
  await using server = await serve("127.0.0.1:0", (router) => {
    router.service(EchoService, {
      async echo({ payload }) {
        const now = performance.now();
        freeMs = Math.max(freeMs, now - BURST_MS) + 1000 / CAPACITY;
        const waitMs = freeMs - now;
        if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
        return { payload };
      },
    });
  });
  const { code, stderr, stdout } = await runProgram("cmd/benchmark.ts", [
    ...["-s", server.addresses[0], "-c", "4", "-o", "json", "-r", "300", "-d", "1s"],
    ...["--warmup", "200ms", "--find-limit", "p90<40ms,failed==0"],
  ]);
  assert.equal(code, 0, stderr);
  const [{ limit, settings, latency }] = JSON.parse(stdout).runs;
  assert.ok(
    Math.abs(limit.ratePerSecond / CAPACITY - 1) < 0.05,
    JSON.stringify(limit, undefined, 1),
  );
  assert.ok(limit.failedRate > limit.ratePerSecond);
  assert.equal(settings.ratePerSecond, limit.ratePerSecond, "the report is that of the limit");
  assert.ok(latency.percentilesUs.p90 < 40_000);
});
