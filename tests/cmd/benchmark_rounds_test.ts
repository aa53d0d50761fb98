import assert from "node:assert/strict";
import { serve } from "../../mod.ts";
import { EchoService } from "../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { runProgram } from "../fixtures/run_program.ts";

/** Echo whose calls take `ms`. */
const delayed = (ms: number) =>
  serve("127.0.0.1:0", (router) => {
    router.service(EchoService, {
      async echo({ payload }) {
        await new Promise((resolve) => setTimeout(resolve, ms));
        return { payload };
      },
    });
  });

Deno.test("--against of the benchmark says which of two servers is slower", async () => {
  await using fast = await delayed(2);
  await using slow = await delayed(150);
  const folder = await Deno.makeTempDir();
  try {
    const out = `${folder}/rounds.json`;
    const { code, stderr, stdout } = await runProgram("cmd/benchmark.ts", [
      ...["-s", fast.addresses[0], "--against", slow.addresses[0], "-c", "2", "-n", "10"],
      ...["--rounds", "5", "--out", out],
    ]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^=== Comparison over 5 rounds ===$/m);
    assert.match(stdout, /^ {2}p50 .* worse$/m);
    const { runs, rounds } = JSON.parse(await Deno.readTextFile(out));
    assert.equal(runs.length, 10);
    assert.equal(rounds.figures[0].verdict, "different");
    const again = await runProgram("cmd/benchmark.ts", [
      ...["-s", slow.addresses[0], "-c", "2", "-n", "10", "--rounds", "5", "--compare", out],
    ]);
    assert.equal(again.code, 0, again.stderr);
    assert.match(again.stdout, /^ {2}p50 .* worse$/m);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
