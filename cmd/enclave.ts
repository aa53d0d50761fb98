/**
 * The RPC server for an enclave or microVM: text reversal, crypto, health, reflection, and the batch stream.
 *
 *     deno task enclave --addr vsock:any:5000
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { logCalls, serve } from "../mod.ts";
import { addBatch } from "../src/rpc/batch/mod.ts";
import {
  addCrypto,
  addEcho,
  addEnclave,
  addHealth,
  addReflection,
  chooseCryptoBackend,
  generateCryptoKeys,
} from "../src/services/mod.ts";
import { watchTls } from "../src/transport/mod.ts";
import { checkAddress, checkAddressList } from "./shared/addresses.ts";
import { type Level, logLevelOption, logToStderr } from "./shared/logging.ts";
import { addMetricsOption, type MetricsFlags } from "./shared/http_options.ts";
import { serveMetrics, threadMetrics } from "./shared/lazy_metrics.ts";
import {
  graceOption,
  list,
  option,
  program,
  readOptions,
  runProgram,
  unixModeOption,
  UsageError,
} from "./shared/program.ts";
import { firstSignal } from "./shared/signals.ts";
import { addServerTlsOptions, serverTlsFiles, type ServerTlsFlags } from "./shared/tls.ts";

interface Flags extends ServerTlsFlags, MetricsFlags {
  addr: string[];
  logLevel: Level;
  graceMs: number;
  unixMode: number;
  allowCid?: string[];
  attest?: "tls" | "vsock";
}

const logger = getLogger(["vrpc", "cmd", "enclave"]);

function readFlags(): Flags {
  const command = program("enclave", "Serves text reversal, crypto and health in an enclave.");
  command
    .addOption(
      option(
        "-a, --addr <address>",
        "ENCLAVE_ADDR",
        "address to listen on; several by commas or repeated flags",
        {
          default: ["127.0.0.1:50001"],
          defaultText: "127.0.0.1:50001",
          parse: list(),
          accepts: checkAddressList,
        },
      ),
    )
    .addOption(logLevelOption())
    .addOption(graceOption("open calls"))
    .addOption(unixModeOption())
    .addOption(
      option("--allow-cid <cid>", "VRPC_ALLOW_CID", "vsock CIDs allowed to connect; default: all", {
        parse: list(),
      }),
    )
    .addOption(
      option(
        "--attest <channel>",
        "VRPC_ATTEST",
        "prove what runs here by documents of /dev/nsm: tls with a key made at start, or vsock without TLS",
      ).choices(["tls", "vsock"]),
    );
  addMetricsOption(addServerTlsOptions(command)).addHelpText(
    "after",
    `
In an enclave, listen on vsock:any:PORT; the parent connects to vsock:CID:PORT.
Prints "listening ADDRESS" for each address once it accepts connections, and "metrics URL" with --metrics-addr.
With --attest, clients verify documents that are bound to each connection; docs/attestation.md says how.
With --log-level debug each call is logged when it ends. VRPC_LOG_FORMAT=json writes log lines as JSON.
SIGTERM and SIGINT drain and exit with code 0; a second signal exits immediately.
Exit code 1 when it cannot serve (for example, an address in use), 2 for invalid options.`,
  );
  return readOptions<Flags>(command);
}

function cids(flags: Flags): number[] | undefined {
  return flags.allowCid?.map((text) => {
    const cid = Number(text);
    if (/^\d+$/.test(text) && cid < 2 ** 32 - 1) return cid;
    throw new UsageError(`Cannot use CID ${text} (--allow-cid): must be from 0 to 4294967294`);
  });
}

async function main(): Promise<number> {
  const flags = readFlags();
  const allowVsockCids = cids(flags);
  const signal = firstSignal();
  flags.addr.forEach(checkAddress);
  await logToStderr(flags.logLevel);
  const keys = generateCryptoKeys();
  const figures = flags.metricsAddr === undefined
    ? undefined
    : (await threadMetrics()).addProcess();
  const meterProvider = figures?.provider;
  const verbose = flags.logLevel === "debug" || flags.logLevel === "trace";
  const tlsFiles = await serverTlsFiles(flags);
  const attestation = flags.attest === undefined
    ? undefined
    : (await import("../src/attestation/mod.ts")).nitro({ channel: flags.attest });
  const telemetry = figures && await import("../src/telemetry/mod.ts");
  const metrics = figures &&
    await serveMetrics(flags.metricsAddr!, {
      threads: async () => [await figures.collect()],
      allowHost: flags.metricsAllowHost,
    });
  const server = await serve(flags.addr, (router) => {
    addEnclave(router);
    addEcho(router);
    addCrypto(router, { backend: chooseCryptoBackend("auto"), keys });
    addBatch(router);
    addHealth(router);
    addReflection(router);
  }, {
    ...{ tls: tlsFiles && watchTls(tlsFiles), attestation, allowVsockCids },
    unixMode: flags.unixMode,
    observer: telemetry?.serverMetrics({ meterProvider }),
    interceptors: verbose ? [logCalls({ level: "debug" })] : [],
  });
  telemetry?.observeServer(server, { meterProvider });
  for (const address of server.addresses) console.log(`listening ${address}`);
  if (metrics) console.log(`metrics ${metrics.url}`);
  logger.info("{signal}: finishing open calls", { signal: await signal });
  await server.shutdown({ graceMs: flags.graceMs });
  await metrics?.close();
  return 0;
}

await runProgram("enclave", main);
