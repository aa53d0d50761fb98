/**
 * Signatures per second and CPU core over gRPC with both back ends, beside the figures of OpenSSL, and the turn
 * lengths of the server's event loop.
 *
 *     deno task bench:signing [SECONDS]
 *
 * @module
 */

import process from "node:process";
import { setImmediate } from "node:timers";
import { connect, serve } from "../../mod.ts";
import { Algorithm, CryptoService, KeyType } from "../../proto/gen/vrpc/crypto/v1/crypto_pb.ts";
import { addCrypto, type CryptoBackend } from "../../src/services/mod.ts";

const CONNECTIONS = 10;
const IN_FLIGHT = 100;

const CASES = [
  { name: "RSA-2048 PKCS#1", keyType: KeyType.RSA_2048, algorithm: Algorithm.RSA_PKCS1_SHA256 },
  { name: "RSA-2048 PSS", keyType: KeyType.RSA_2048, algorithm: Algorithm.RSA_PSS_SHA256 },
  { name: "ECDSA P-256", keyType: KeyType.ECDSA_P256, algorithm: Algorithm.ECDSA_SHA256 },
  { name: "ECDSA P-384", keyType: KeyType.ECDSA_P384, algorithm: Algorithm.ECDSA_SHA384 },
];

/**
 * Returns a clock of this thread's CPU time in ms (CLOCK_THREAD_CPUTIME_ID), which excludes V8's helper threads;
 * the wall clock on other systems than Linux.
 */
function threadClock(): () => number {
  if (Deno.build.os !== "linux") return () => performance.now();
  const { symbols } = Deno.dlopen("libc.so.6", {
    clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  });
  const time = new BigInt64Array(2);
  return () => {
    symbols.clock_gettime(3, time);
    return Number(time[0]) * 1000 + Number(time[1]) / 1e6;
  };
}

/** Figures of the server since the last request for them. */
interface Figures {
  cpuMs: number;
  /** Turn lengths of the event loop, in ms of the thread's CPU time. */
  turnP99Ms: number;
  turnMaxMs: number;
}

const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** Serves crypto and a method that returns {@link Figures}. */
async function serveSigning(backend: CryptoBackend): Promise<void> {
  const threadMs = threadClock();
  let turnsMs: number[] = [];
  let lastMs = threadMs();
  let sinceMs = cpuMs();
  const server = await serve("127.0.0.1:0", (router) => {
    addCrypto(router, { backend });
    router.method("/figures", {}, () => {
      const sorted = Float64Array.from(turnsMs).sort();
      const figures: Figures = {
        cpuMs: cpuMs() - sinceMs,
        turnP99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
        turnMaxMs: sorted.at(-1) ?? 0,
      };
      turnsMs = [];
      sinceMs = cpuMs();
      lastMs = threadMs();
      return new TextEncoder().encode(JSON.stringify(figures));
    });
  });
  const onTurn = () => {
    const nowMs = threadMs();
    turnsMs.push(nowMs - lastMs);
    lastMs = nowMs;
    setImmediate(onTurn);
  };
  onTurn();
  console.log(`listening ${server.addresses[0]}`);
}

/** Runs `openssl speed`; empty without openssl. */
async function opensslRates(): Promise<Map<string, number>> {
  const rates = new Map<string, number>();
  try {
    const { stdout } = await new Deno.Command("openssl", {
      args: ["speed", "-seconds", "2", "rsa2048", "ecdsap256", "ecdsap384"],
      stderr: "null",
    }).output();
    const text = new TextDecoder().decode(stdout);
    const rate = (pattern: RegExp) => Number(text.match(pattern)?.[1] ?? NaN);
    const rsa = rate(/^rsa 2048 bits\s+\S+\s+\S+\s+([\d.]+)/m);
    rates.set("RSA-2048 PKCS#1", rsa).set("RSA-2048 PSS", rsa);
    rates.set("ECDSA P-256", rate(/nistp256\)\s+\S+\s+\S+\s+([\d.]+)/));
    rates.set("ECDSA P-384", rate(/nistp384\)\s+\S+\s+\S+\s+([\d.]+)/));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return rates;
}

/** Loads one server and prints a row for each case. */
async function measure(
  backend: CryptoBackend,
  seconds: number,
  openssl: Map<string, number>,
): Promise<void> {
  const server = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", import.meta.filename!, "serve", backend],
    stdout: "piped",
  }).spawn();
  const [first, rest] = server.stdout.tee();
  rest.pipeTo(new WritableStream());
  let address = "";
  for await (const text of first.pipeThrough(new TextDecoderStream())) {
    address = text.match(/^listening (\S+)$/m)?.[1] ?? "";
    if (address !== "") break;
  }
  const channels = Array.from({ length: CONNECTIONS }, () => connect(address));
  const figures = async (): Promise<Figures> =>
    JSON.parse(new TextDecoder().decode(await channels[0].call("/figures", new Uint8Array())));
  for (const { name, keyType, algorithm } of CASES) {
    const request = { keyType, algorithm, data: new Uint8Array(32) };
    const load = async (ms: number) => {
      let calls = 0;
      const endMs = performance.now() + ms;
      await Promise.all(Array.from({ length: IN_FLIGHT }, async (_, i) => {
        const client = channels[i % CONNECTIONS].client(CryptoService);
        while (performance.now() < endMs) {
          await client.sign(request);
          calls++;
        }
      }));
      return calls;
    };
    await load(500);
    await figures();
    const calls = await load(seconds * 1000);
    const { cpuMs, turnP99Ms, turnMaxMs } = await figures();
    const perCore = calls * 1000 / cpuMs;
    const share = perCore / (openssl.get(name) ?? NaN);
    console.log([
      backend.padEnd(10),
      name.padEnd(16),
      perCore.toFixed(0).padStart(9),
      (Number.isNaN(share) ? "" : `${(share * 100).toFixed(0)} %`).padStart(12),
      turnP99Ms.toFixed(2).padStart(12),
      turnMaxMs.toFixed(2).padStart(12),
    ].join(" "));
  }
  await Promise.all(channels.map((channel) => channel.close()));
  server.kill("SIGTERM");
  await server.status;
}

if (Deno.args[0] === "serve") {
  await serveSigning(Deno.args[1] as CryptoBackend);
} else {
  const seconds = Number(Deno.args[0] ?? 5);
  console.log(
    `Deno ${Deno.version.deno}, ${CONNECTIONS} connections, ${IN_FLIGHT} calls in flight\n`,
  );
  console.log(
    "back end   signature        per core s  of openssl  turn p99 ms  turn max ms  (CPU time)",
  );
  const openssl = await opensslRates();
  for (const backend of ["libcrypto", "webcrypto"] as const) {
    await measure(backend, seconds, openssl);
  }
}
