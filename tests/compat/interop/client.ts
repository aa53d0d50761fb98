/**
 * Client of gRPC's interoperability cases, for servers of any implementation:
 *
 *     deno run -A tests/compat/interop/client.ts --addr 127.0.0.1:10000 --test_case large_unary
 *
 * `--test_case` takes names, separated by commas, `all` (the 14 cases), `compression` (the 4 cases of compression),
 * `rpc_soak` or `channel_soak`. Prints a line per case. Exits with 1 when one fails.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { connect } from "../../../mod.ts";
import { CASES } from "./cases.ts";
import { COMPRESSION_CASES } from "./compression_cases.ts";
import { soak } from "./soak.ts";

const { values } = parseArgs({
  options: {
    addr: { type: "string", default: "127.0.0.1:10000" },
    test_case: { type: "string", default: "all" },
    tls_ca: { type: "string" },
    tls_cert: { type: "string" },
    tls_key: { type: "string" },
    server_host_override: { type: "string" },
    soak_iterations: { type: "string", default: "1000" },
    soak_num_threads: { type: "string", default: "10" },
    soak_per_iteration_max_acceptable_latency_ms: { type: "string", default: "1000" },
    soak_overall_timeout_seconds: { type: "string", default: "120" },
  },
});

const read = async (file?: string) => file && await Deno.readTextFile(file);
const tls = values.tls_ca
  ? {
    ca: await read(values.tls_ca),
    cert: await read(values.tls_cert),
    key: await read(values.tls_key),
    serverName: values.server_host_override,
  }
  : undefined;
const open = () => connect(values.addr, { tls });

const all = { ...CASES, ...COMPRESSION_CASES };
const names = values.test_case.split(",").flatMap((name) =>
  name === "all"
    ? Object.keys(CASES)
    : name === "compression"
    ? Object.keys(COMPRESSION_CASES)
    : [name]
);

let failed = 0;
for (const name of names) {
  try {
    let figures = "";
    if (name === "rpc_soak" || name === "channel_soak") {
      figures = await soak(open, name === "channel_soak", {
        iterations: Number(values.soak_iterations),
        threads: Number(values.soak_num_threads),
        maxLatencyMs: Number(values.soak_per_iteration_max_acceptable_latency_ms),
        overallTimeoutMs: Number(values.soak_overall_timeout_seconds) * 1000,
      });
    } else if (Object.hasOwn(all, name)) {
      const channel = open();
      try {
        await all[name](channel);
      } finally {
        await channel.close();
      }
    } else {
      throw new TypeError(`Cannot run case ${name}: there are ${Object.keys(all).join(", ")}`);
    }
    console.log(`PASS ${name} ${figures}`.trimEnd());
  } catch (error) {
    failed++;
    console.log(`FAIL ${name}: ${error instanceof Error ? error.stack : error}`);
  }
}
Deno.exit(failed > 0 ? 1 : 0);
