/**
 * h2spec against this project's server, and h2specd, its counterpart, against the client.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { makeCertificates } from "./certificates.ts";
import { ourProgram } from "./our_program.ts";
import { capture, start } from "./process.ts";
import type { Counts, Stage } from "./stage.ts";
import { install, ROOT, TOOLS } from "./tools.ts";

const SERVER = "tests/compat/interop/server.ts";
const CLIENT = "tests/compat/conformance/http2_client.ts";

/** Number of cases in h2specd. */
const CLIENT_CASES = 57;

/** Reads `145 tests, 144 passed, 0 skipped, 1 failed`. */
function summary(output: string): Counts {
  const found = /(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed/.exec(output);
  if (!found) return { passed: 0, total: 0, report: output.slice(-4000) };
  const [total, passed] = [Number(found[1]), Number(found[2])];
  const failures = output.slice(output.indexOf("Failures:")).replaceAll(/^accept tcp .*\n/gm, "");
  return { total, passed, report: total === passed ? undefined : failures.slice(0, 8000) };
}

async function h2spec(limitMs: number, tls: boolean): Promise<Counts> {
  const program = await install(TOOLS.h2spec);
  const files = tls ? await makeCertificates() : undefined;
  await using server = await start(ourProgram(
    SERVER,
    "--addr",
    "127.0.0.1:0",
    ...(files ? ["--tls_cert", files.cert, "--tls_key", files.key] : []),
  ));
  const port = server.address.slice(server.address.lastIndexOf(":") + 1);
  const { output } = await capture(
    [program, "-h", "127.0.0.1", "-p", port, ...(tls ? ["-t", "-k"] : [])],
    { limitMs },
  );
  return summary(output);
}

async function h2specd(limitMs: number): Promise<Counts> {
  const program = await install(TOOLS.h2specd);
  const command = ourProgram(CLIENT).join(" ");
  // The first start compiles, which h2specd would take for a client that does not connect.
  await capture([...command.split(" "), "http://127.0.0.1:9"], { limitMs, cwd: ROOT });
  // h2specd aborts when a client is slow to start, which happens on a busy machine: retry.
  for (let attempt = 1;; attempt++) {
    const { output } = await capture([
      program,
      "-h",
      "127.0.0.1",
      "-f",
      String(freePorts(CLIENT_CASES)),
      "-e",
      command,
    ], { limitMs, cwd: dirname(join(ROOT, CLIENT)) });
    const counts = summary(output);
    if (counts.total > 0 || attempt === 3) return counts;
  }
}

/** Returns the first of `count` consecutive free ports, below the kernel's range of ephemeral ports. */
function freePorts(count: number): number {
  for (let first = 12_000 + Math.floor(Math.random() * 1_000); first < 32_000; first += count) {
    const held: Deno.Listener[] = [];
    try {
      for (let port = first; port < first + count; port++) {
        held.push(Deno.listen({ hostname: "127.0.0.1", port }));
      }
      return first;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    } finally {
      for (const listener of held) listener.close();
    }
  }
  throw new Error(`Cannot find ${count} consecutive free ports`);
}

/** Stages for HTTP/2. */
export const H2SPEC_STAGES: Stage[] = [
  {
    name: "h2spec, TCP",
    expected: 145,
    needs: ["go"],
    limitSeconds: 360,
    run: (limitMs) => h2spec(limitMs, false),
  },
  {
    name: "h2spec, TLS",
    expected: 145,
    needs: ["go"],
    limitSeconds: 360,
    run: (limitMs) => h2spec(limitMs, true),
  },
  {
    name: "h2specd, our client",
    expected: CLIENT_CASES,
    needs: ["go"],
    limitSeconds: 300,
    run: h2specd,
  },
];
