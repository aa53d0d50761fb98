/**
 * xDS beside grpc-go: both clients get the same resources from one control plane on go-control-plane, and call the same
 * servers at the same time. Needs Go.
 *
 *     deno task test:xds [--skip-missing] [--short] [scenario …]
 *
 * `--short` leaves out those that take more than a minute; `--skip-missing` exits with 0 where there is no Go.
 *
 * @module
 */

import { buildGo, Plane } from "./plane.ts";
import { Backends } from "./run_clients.ts";
import { SCENARIOS } from "./scenarios.ts";

const wanted = Deno.args.filter((one) => !one.startsWith("--"));
const program = await buildGo();
if (program === undefined) {
  console.log("Go is missing");
  if (Deno.args.includes("--skip-missing")) console.log("0 passed, 0 failed, 1 skipped");
  Deno.exit(Deno.args.includes("--skip-missing") ? 0 : 1);
}

let passed = 0;
let failed = 0;
console.log("| scenario | expected | vrpc | grpc-go | |");
console.log("| --- | --- | --- | --- | --- |");
for (const scenario of SCENARIOS) {
  if (scenario.isLong && Deno.args.includes("--short")) continue;
  if (wanted.length > 0 && !wanted.some((word) => scenario.name.includes(word))) continue;
  await using backends = await Backends.start(scenario.servers);
  await using plane = await new Plane(program).start();
  try {
    const { vrpc, go, note = "" } = await scenario.run({ program, plane, backends });
    const ok = vrpc.ok;
    ok ? passed++ : failed++;
    console.log(
      `| ${scenario.name} | ${scenario.expected} | ${vrpc.text} | ${go.text} | ${
        ok ? "" : "FAILED "
      }${go.ok ? "" : "(grpc-go differs) "}${note} |`,
    );
  } catch (error) {
    failed++;
    console.log(`| ${scenario.name} | ${scenario.expected} | FAILED: ${error} | | |`);
  }
}
console.log(`${passed} passed, ${failed} failed`);
Deno.exit(failed === 0 ? 0 : 1);
