/**
 * Signatures per second of server CPU time, through gRPC, with each crypto back end, beside what
 * `openssl speed` makes on the same core. CPU time, because it does not depend on what else runs.
 *
 *     deno run -A bench/signing.ts [SECONDS [REPEATS]]
 *
 * Needs openssl and taskset. The runs take turns; of each the best counts.
 *
 * @module
 */

import { run, startServer } from "./peers/tools.ts";

const SECONDS = Number(Deno.args[0] ?? 5);
const REPEATS = Number(Deno.args[1] ?? 3);
const CORE = { server: 0, generator: 1 };
const ROOT = new URL("..", import.meta.url).pathname;
const KEYS = [
  { key: "rsa-2048", openssl: "rsa2048", row: /^rsa\s+2048 bits/ },
  { key: "ecdsa-p256", openssl: "ecdsap256", row: /nistp256/ },
  { key: "ecdsa-p384", openssl: "ecdsap384", row: /nistp384/ },
];

/** Signatures per second of CPU time by `openssl speed`, which counts user time. */
async function openssl(name: string, row: RegExp): Promise<number> {
  const command = ["openssl", "speed", "-seconds", String(SECONDS), name];
  const out = await run(["taskset", "-c", String(CORE.server), ...command]);
  const line = out.split("\n").find((text) => row.test(text.trim()));
  // … bits …  seconds a signature, seconds a verification, signatures/s, verifications/s
  return Number(line?.trim().split(/\s+/).at(-2));
}

/** Signatures per second of CPU time of the server. */
async function served(address: string, key: string): Promise<number> {
  const out = await run([
    ...["taskset", "-c", String(CORE.generator), Deno.execPath(), "run", "-A"],
    ...[`${ROOT}cmd/benchmark.ts`, "--server", address, "--service", "crypto"],
    ...["--crypto-key", key, "--connections", "10", "--streams", "4", "--threads", "1"],
    ...["--warmup", "1s", "--duration", `${SECONDS}s`, "--output", "json"],
  ]);
  const { runs: [result] } = JSON.parse(out);
  if (result.failedRequests > 0) throw new Error(`${result.failedRequests} calls failed`);
  return result.totalRequests / (result.cpu.serverMs / 1000);
}

async function withBackend(backend: string): Promise<Map<string, number>> {
  const command = [Deno.execPath(), "run", "-A", `${ROOT}cmd/server.ts`, "--addr", "127.0.0.1:0"];
  const env = { WORKER_THREADS: "1", LOG_LEVEL: "error", CRYPTO_BACKEND: backend };
  await using server = await startServer(command, CORE.server, env);
  const rates = new Map<string, number>();
  for (const { key } of KEYS) rates.set(key, await served(server.address, key));
  return rates;
}

const best = new Map<string, { openssl: number; libcrypto: number; webcrypto: number }>();
for (let i = 0; i < REPEATS; i++) {
  const libcrypto = await withBackend("libcrypto");
  const webcrypto = await withBackend("webcrypto");
  for (const { key, openssl: name, row } of KEYS) {
    const before = best.get(key) ?? { openssl: 0, libcrypto: 0, webcrypto: 0 };
    best.set(key, {
      openssl: Math.max(before.openssl, await openssl(name, row)),
      libcrypto: Math.max(before.libcrypto, libcrypto.get(key)!),
      webcrypto: Math.max(before.webcrypto, webcrypto.get(key)!),
    });
  }
}

console.log(
  "| key | openssl speed | libcrypto through gRPC | of openssl | WebCrypto through gRPC |",
);
console.log("| --- | ---: | ---: | ---: | ---: |");
for (const [key, rates] of best) {
  const share = `${(rates.libcrypto / rates.openssl * 100).toFixed(0)} %`;
  const [first, second, third] = [rates.openssl, rates.libcrypto, rates.webcrypto].map(Math.round);
  console.log(`| ${key} | ${first} | ${second} | ${share} | ${third} |`);
}
