/**
 * The RPC server for an enclave or microVM: text reversal, crypto, health, reflection, and the batch stream.
 *
 *     deno task enclave --addr vsock:any:5000
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import type { Command } from "commander";
import { logCalls, serve, type ServeOptions } from "../mod.ts";
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
import { addClock, forwardEgress, shipLogs } from "../src/guest/mod.ts";
import { checkAddress, checkAddressList, checkTarget } from "./shared/addresses.ts";
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
  wholeNumber,
} from "./shared/program.ts";
import { addExamples } from "./shared/examples.ts";
import { enclaveStartup, waitForStartup } from "./shared/startup.ts";
import { firstSignal } from "./shared/signals.ts";
import { addServerTlsOptions, serverTlsFiles, type ServerTlsFlags } from "./shared/tls.ts";

interface Flags extends ServerTlsFlags, MetricsFlags {
  addr: string[];
  logLevel: Level;
  graceMs: number;
  unixMode: number;
  allowCid?: string[];
  attest?: "tls" | "vsock";
  startup?: string;
  startupTimeoutMs: number;
  logsTo?: string;
  egress?: string;
  egressAddr: string;
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
  addExamples(
    addMetricsOption(addServerTlsOptions(addGuestOptions(command))).addHelpText(
      "after",
      `
In an enclave, listen on vsock:any:PORT; the parent connects to vsock:CID:PORT.
Prints "listening ADDRESS" for each address once it accepts connections, and "metrics URL" with --metrics-addr.
With --attest, clients verify documents that are bound to each connection; docs/attestation.md says how.
With --startup it serves after that call, whose configuration has logLevel and whose secrets tls.cert and tls.key.
With --log-level debug each call is logged when it ends. VRPC_LOG_FORMAT=json writes log lines as JSON.
SIGTERM and SIGINT drain and exit with code 0; a second signal exits immediately.
Exit code 1 when it cannot serve (for example, an address in use), 2 for invalid options.`,
    ),
    [
      ["", "on this machine, to try it"],
      ["--addr vsock:any:5000 --attest vsock", "in an enclave, with documents for its callers"],
      [
        "--addr vsock:any:5000 --startup vsock:any:5001 --logs-to vsock:parent:5002",
        "take configuration and secrets from the parent, and send it the log",
      ],
    ],
  );
  return readOptions<Flags>(command);
}

function addGuestOptions(command: Command): Command {
  return command
    .addOption(
      option(
        "--startup <address>",
        "VRPC_STARTUP",
        "wait there for a start-up call of the parent, then serve; default: off",
        { accepts: checkAddress },
      ),
    )
    .addOption(
      option(
        "--startup-timeout-ms <ms>",
        "VRPC_STARTUP_TIMEOUT_MS",
        "time to wait for that call; 0 for ever",
        { default: 60_000, parse: wholeNumber(0, 2 ** 31 - 1) },
      ),
    )
    .addOption(
      option("--logs-to <address>", "VRPC_LOGS_TO", "ship log records there; default: off", {
        accepts: checkTarget,
      }),
    )
    .addOption(
      option(
        "--egress <address>",
        "VRPC_EGRESS",
        "forward --egress-addr to the egress proxy there, such as vsock:parent:8000; default: off",
        { accepts: checkTarget },
      ),
    )
    .addOption(
      option(
        "--egress-addr <address>",
        "VRPC_EGRESS_ADDR",
        "local address of the egress proxy, for HTTPS_PROXY",
        { default: "127.0.0.1:3128", accepts: checkAddress },
      ),
    );
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
  const shipper = flags.logsTo === undefined ? undefined : shipLogs(flags.logsTo);
  await logToStderr(flags.logLevel, shipper?.sink);
  const attestation = flags.attest === undefined
    ? undefined
    : (await import("../src/attestation/mod.ts")).nitro({ channel: flags.attest });
  const startup = await started(flags, signal, { allowVsockCids, attestation });
  const logLevel = startup.logLevel ?? flags.logLevel;
  if (logLevel !== flags.logLevel) await logToStderr(logLevel, shipper?.sink);
  const forwarder = flags.egress && await forwardEgress(flags.egressAddr, flags.egress);
  if (forwarder) console.log(`egress ${forwarder.address}`);
  const files = await serverTlsFiles(flags);
  await serveUntil(signal, flags, {
    tls: startup.tls ?? (files && watchTls(files)),
    attestation,
    allowVsockCids,
    interceptors: /debug|trace/.test(logLevel) ? [logCalls({ level: "debug" })] : [],
  });
  if (forwarder) await forwarder.close();
  await shipper?.close();
  return 0;
}

/** Waits for the start-up call, if there is to be one. Rejects when a signal comes first. */
async function started(
  flags: Flags,
  signal: Promise<Deno.Signal>,
  options: Pick<ServeOptions, "allowVsockCids" | "attestation">,
) {
  if (flags.startup === undefined) return {};
  const { startup, startupTimeoutMs: timeoutMs, unixMode } = flags;
  const abort = new AbortController();
  signal.then((name) => abort.abort(new Error(`${name} came before the start-up call`)));
  using data = await waitForStartup(startup, {
    ...options,
    ...{ timeoutMs, unixMode, signal: abort.signal },
  });
  return enclaveStartup(data);
}

/** Serves until a signal, and drains. */
async function serveUntil(
  signal: Promise<Deno.Signal>,
  flags: Flags,
  options: ServeOptions,
): Promise<void> {
  const keys = generateCryptoKeys();
  const figures = flags.metricsAddr === undefined
    ? undefined
    : (await threadMetrics()).addProcess();
  const meterProvider = figures?.provider;
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
    addClock(router);
    addHealth(router);
    addReflection(router);
  }, {
    ...options,
    unixMode: flags.unixMode,
    observer: telemetry?.serverMetrics({ meterProvider }),
  });
  telemetry?.observeServer(server, { meterProvider });
  for (const address of server.addresses) console.log(`listening ${address}`);
  if (metrics) console.log(`metrics ${metrics.url}`);
  logger.info("{signal}: finishing open calls", { signal: await signal });
  await server.shutdown({ graceMs: flags.graceMs });
  await metrics?.close();
}

await runProgram("enclave", main);
