/**
 * Verifies the latencies of the benchmark: against a server of known latency, an open loop must measure the
 * computed values, while a closed loop shows what coordinated omission hides. Exits with 1 when a figure of the
 * open loop is off by more than 5 %.
 *
 *     deno run -A bench/programs/coordinated_omission.ts
 *
 * @module
 */

import type { RunResult } from "../../src/load/measure/result.ts";
import { BASE_MS, expectedLatencies, percentile } from "./known_latency.ts";

const RATE = 1000;
const DURATION_MS = 20_000;
const TOLERANCE = 0.05;
const FIGURES = [["p50", 50], ["p90", 90], ["p99", 99], ["p99.9", 99.9], ["max", 100]] as const;

async function measure(args: string[]): Promise<RunResult> {
  const worker = new Worker(new URL("./coordinated_omission_server.ts", import.meta.url), {
    type: "module",
  });
  try {
    const address = await new Promise<string>((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
    });
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", new URL("../../cmd/benchmark.ts", import.meta.url).pathname],
        ...["--server", address, "--duration", `${DURATION_MS}ms`, "--output", "json", ...args],
      ],
      stderr: "inherit",
    }).output();
    if (code !== 0) throw new Error(`The benchmark ended with code ${code}`);
    return JSON.parse(new TextDecoder().decode(stdout)).runs[0];
  } finally {
    worker.terminate();
  }
}

function figure(run: RunResult, name: string): number {
  const us = name === "max" ? run.latency.maxUs : run.latency.percentilesUs[name];
  if (us === null) throw new Error("Not one call succeeded");
  return us / 1000;
}

const open = await measure(["--rate", String(RATE), "--threads", "1"]);
const closed = await measure(["--connections", "10"]);
const expected = expectedLatencies(RATE, DURATION_MS);

console.log(
  `${RATE} calls/s for ${
    DURATION_MS / 1000
  } s: ${BASE_MS} ms each, 1 % take 50 ms, one freeze of 1 s\n`,
);
console.log("| ms | arithmetic | open loop | off by | closed loop |");
console.log("| --- | ---: | ---: | ---: | ---: |");
let wrong = 0;
for (const [name, percent] of FIGURES) {
  const wanted = percentile(expected, percent);
  const found = figure(open, name);
  const off = found / wanted - 1;
  if (Math.abs(off) > TOLERANCE) wrong++;
  const cells = [wanted, found].map((ms) => ms.toFixed(2));
  const closedCell = figure(closed, name).toFixed(2);
  console.log(`| ${name} | ${cells.join(" | ")} | ${(off * 100).toFixed(1)} % | ${closedCell} |`);
}
console.log(
  `\nOpen loop: ${open.totalRequests} calls, ${open.schedule?.missed} missed; ` +
    `closed loop: ${closed.totalRequests} calls.`,
);
for (const note of open.notes) console.log(`Open loop: ${note}`);
Deno.exit(wrong === 0 ? 0 : 1);
