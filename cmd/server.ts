/**
 * The server program: serves echo, crypto, health and reflection on any transport and all cores.
 *
 *     deno task server --addr 127.0.0.1:50051 --addr unix:/tmp/vrpc.sock
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import type { Command } from "commander";
import {
  chooseCryptoBackend,
  type CryptoBackend,
  type CryptoKeys,
  generateCryptoKeys,
} from "../src/services/mod.ts";
import { listen, parseAddress } from "../src/transport/mod.ts";
import { checkAddress, checkAddressList } from "./shared/addresses.ts";
import { type Level, logLevelOption, logToStderr } from "./shared/logging.ts";
import { addMetricsOption, allowHostOption, type MetricsFlags } from "./shared/http_options.ts";
import { serveMetrics, threadMetrics } from "./shared/lazy_metrics.ts";
import type { Measured, MetricsEndpoint } from "./shared/metrics.ts";
import {
  errorLine,
  graceOption,
  list,
  oneOf,
  onOff,
  option,
  program,
  readOptions,
  runProgram,
  unixModeOption,
  UsageError,
  wholeNumber,
} from "./shared/program.ts";
import { addExamples } from "./shared/examples.ts";
import { PidFile } from "./shared/pid_file.ts";
import type { ServingSettings } from "./shared/serving.ts";
import { sharesPorts } from "./shared/runtime.ts";
import { firstSignal } from "./shared/signals.ts";
import { addServerTlsOptions, serverTlsFiles, type ServerTlsFlags } from "./shared/tls.ts";
import { WorkerGroup } from "./shared/worker_group.ts";

interface Flags extends ServerTlsFlags, MetricsFlags {
  addr: string[];
  workers: number;
  logLevel: Level;
  graceMs: number;
  cryptoBackend: CryptoBackend | "auto";
  reflection: boolean;
  compress: boolean;
  web: boolean;
  webOrigin: string[];
  webAllowHost?: string[];
  maxMessageBytes: number;
  maxStreams: number;
  unixMode: number;
  pidFile?: string;
}

const logger = getLogger(["vrpc", "cmd", "server"]);

function readFlags(): Flags {
  const command = program("server", "Serves echo, crypto, health and reflection.");
  command
    .addOption(
      option(
        "-a, --addr <address>",
        "SERVER_ADDR",
        "address to listen on; several by commas or repeated flags",
        {
          default: ["127.0.0.1:50051"],
          defaultText: "127.0.0.1:50051",
          parse: list(),
          accepts: checkAddressList,
        },
      ),
    )
    .addOption(
      option(
        "-w, --workers <count>",
        "WORKER_THREADS",
        "number of threads that share the TCP ports",
        {
          default: sharesPorts() ? navigator.hardwareConcurrency : 1,
          defaultText: sharesPorts()
            ? "number of cores"
            : "1: threads cannot share ports on this runtime",
          parse: wholeNumber(1, 256),
        },
      ),
    )
    .addOption(logLevelOption())
    .addOption(graceOption("open calls"));
  addServiceOptions(command);
  addWebOptions(command);
  addExamples(
    addMetricsOption(addServerTlsOptions(command)).addHelpText(
      "after",
      `
Addresses: host:port, [::1]:port, unix:path, unix-abstract:name, vsock:cid:port (cid may be "any").
With port 0 the system chooses a free port. TLS applies to all addresses.
Prints "listening ADDRESS" for each address once it accepts connections, and "metrics URL" with --metrics-addr.
With --log-level debug each call is logged when it ends. VRPC_LOG_FORMAT=json writes log lines as JSON.
SIGTERM and SIGINT drain and exit with code 0; a second signal exits immediately.
Exit code 1 when it cannot serve (for example, an address in use), 2 for invalid options.`,
    ),
    [
      ["", "on 127.0.0.1:50051"],
      ["--addr 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem", "for other machines, with TLS"],
      [
        "--addr 127.0.0.1:50051,unix:/run/vrpc.sock --unix-mode 660",
        "on a port and for a group of this machine's users",
      ],
      [
        "--metrics-addr 127.0.0.1:9464 --log-level debug",
        "with metrics for Prometheus, and a log line for each call",
      ],
    ],
  );
  return readOptions<Flags>(command);
}

/** Adds the options of what is served, and how. */
function addServiceOptions(command: Command): void {
  command
    .addOption(
      option("--crypto-backend <name>", "VRPC_CRYPTO_BACKEND", "auto, libcrypto or webcrypto", {
        default: "auto",
        parse: oneOf("auto", "libcrypto", "webcrypto"),
      }),
    )
    .addOption(
      option(
        "--reflection <on|off>",
        "VRPC_REFLECTION",
        "serve reflection, for grpcurl and similar tools",
        {
          default: true,
          defaultText: "on",
          parse: onOff,
        },
      ),
    )
    .addOption(
      option("--compress <on|off>", "VRPC_COMPRESS", "gzip responses to clients that accept it", {
        default: false,
        defaultText: "off",
        parse: onOff,
      }),
    )
    .addOption(
      option(
        "--max-message-bytes <bytes>",
        "VRPC_MAX_MESSAGE_BYTES",
        "largest request message accepted",
        {
          default: 4 * 1024 * 1024,
          parse: wholeNumber(1, 2 ** 31 - 1),
        },
      ),
    )
    .addOption(
      option(
        "--max-streams <count>",
        "VRPC_MAX_STREAMS",
        "maximum number of open calls per connection",
        {
          default: 128,
          parse: wholeNumber(1, 1_000_000),
        },
      ),
    )
    .addOption(unixModeOption())
    .addOption(
      option(
        "--pid-file <file>",
        "VRPC_PID_FILE",
        "write the process id to this file while running",
      ),
    );
}

/** Adds the options of gRPC-Web and Connect. */
function addWebOptions(command: Command): void {
  command
    .addOption(
      option("--web <on|off>", "VRPC_WEB", "also speak gRPC-Web and Connect, over HTTP/1.1 too", {
        default: true,
        defaultText: "on",
        parse: onOff,
      }),
    )
    .addOption(
      option(
        "--web-origin <origin>",
        "VRPC_WEB_ORIGIN",
        'web pages that may call, such as https://app.example; "*" for all; several by commas',
        { default: [], defaultText: "none", parse: list(), accepts: checkOrigins },
      ),
    )
    .addOption(allowHostOption("--web-allow-host", "VRPC_WEB_ALLOW_HOST"));
}

/** Throws {@link UsageError} unless `text` is a list of origins, separated by commas. */
function checkOrigins(text: string): void {
  for (const origin of text.split(",").map((part) => part.trim()).filter((part) => part !== "")) {
    if (origin === "*" || URL.canParse(origin) && new URL(origin).origin === origin) continue;
    throw new UsageError(
      `Cannot use the origin ${JSON.stringify(origin)}: use the form https://app.example, or "*"`,
    );
  }
}

function isTcp(address: string): boolean {
  const { kind } = parseAddress(address);
  return kind === "tcp" || kind === "dns";
}

/**
 * Resolves port 0 to a free port, and checks that every port is free by listening on it exclusively. Shared
 * ports (SO_REUSEPORT) can't be checked: another process of the same user could share them unnoticed.
 */
async function claimPorts(addresses: string[]): Promise<string[]> {
  const listeners = [];
  try {
    for (const address of addresses) listeners.push(await listen(address));
    return listeners.map((listener) => listener.address);
  } finally {
    await Promise.all(listeners.map((listener) => listener.close()));
  }
}

interface Serving {
  readonly addresses: string[];
  measure(): Promise<Measured[]>;
  shutdown(graceMs: number): Promise<void>;
}

async function serveAlone(settings: ServingSettings, keys: Promise<CryptoKeys>): Promise<Serving> {
  const metrics = settings.metrics ? await threadMetrics() : undefined;
  // With several threads this one serves nothing, and starts in less time without the server.
  const { startServing } = await import("./shared/serving.ts");
  const server = await startServing(settings, keys, metrics);
  return {
    addresses: [...server.addresses],
    measure: async () => metrics ? [await metrics.collect()] : [],
    shutdown: (graceMs) => server.shutdown({ graceMs }),
  };
}

async function serveOnThreads(
  settings: ServingSettings,
  flags: Flags,
  keys: Promise<CryptoKeys>,
): Promise<Serving> {
  const tcp = await claimPorts(settings.addresses.filter(isTcp));
  const others = settings.addresses.filter((address) => !isTcp(address));
  for (const address of others) {
    logger.info(
      "{address} is served by the main thread alone: only TCP ports can be shared",
      {
        address,
      },
    );
  }
  const group = new WorkerGroup(keys, flags.logLevel);
  const alone = others.length > 0
    ? await serveAlone({ ...settings, addresses: others }, keys)
    : undefined;
  const shared = { ...settings, addresses: tcp, reusePort: true };
  await Promise.all(Array.from({ length: flags.workers }, () => group.add(shared)));
  const inOrder = settings.addresses.map((address) =>
    (isTcp(address) ? tcp : alone!.addresses)[
      settings.addresses.filter((one) => isTcp(one) === isTcp(address)).indexOf(address)
    ]
  );
  return {
    addresses: inOrder,
    measure: async () => [...await group.measure(), ...await alone?.measure() ?? []],
    async shutdown(graceMs) {
      await Promise.all([group.shutdown(graceMs), alone?.shutdown(graceMs)]);
    },
  };
}

async function main(): Promise<number> {
  const flags = readFlags();
  const signal = firstSignal();
  flags.addr.forEach(checkAddress);
  await logToStderr(flags.logLevel);
  const tls = await serverTlsFiles(flags);
  await using _pidFile = flags.pidFile === undefined ? null : await PidFile.write(flags.pidFile);
  const settings: ServingSettings = {
    addresses: flags.addr,
    reusePort: false,
    unixMode: flags.unixMode,
    tls,
    cryptoBackend: chosenBackend(flags.cryptoBackend),
    reflection: flags.reflection,
    maxReceiveMessageBytes: flags.maxMessageBytes,
    maxConcurrentStreams: flags.maxStreams,
    compress: flags.compress,
    web: flags.web,
    webOrigins: flags.webOrigin,
    webHosts: flags.webAllowHost ?? [],
    metrics: flags.metricsAddr !== undefined,
    logCalls: flags.logLevel === "debug" || flags.logLevel === "trace",
  };
  let serving: Serving | undefined = undefined;
  // Before the threads, to report a port in use immediately.
  const metrics = await startMetrics(flags, async () => await serving?.measure() ?? []);
  const keys = generateCryptoKeys();
  const threads = flags.addr.some(isTcp) && flags.workers > 1;
  if (!threads && flags.workers > 1) {
    logger.info("Serving on one thread: --workers applies to TCP only, whose ports can be shared");
  }
  serving = threads
    ? await serveOnThreads(settings, flags, keys)
    : await serveAlone(settings, keys);
  logger.info("{threads} thread(s), signing with {backend}, pid {pid}", {
    threads: threads ? flags.workers : 1,
    backend: settings.cryptoBackend,
    pid: Deno.pid,
  });
  for (const address of serving.addresses) console.log(`listening ${address}`);
  if (metrics) console.log(`metrics ${metrics.url}`);
  logger.info("{signal}: finishing open calls", { signal: await signal });
  await serving.shutdown(flags.graceMs);
  await metrics?.close();
  return 0;
}

async function startMetrics(
  { metricsAddr, metricsAllowHost }: Flags,
  measure: () => Promise<Measured[]>,
): Promise<MetricsEndpoint | undefined> {
  if (metricsAddr === undefined) return undefined;
  const own = (await threadMetrics()).addProcess();
  return await serveMetrics(metricsAddr, {
    threads: measure,
    process: () => own.collect(),
    allowHost: metricsAllowHost,
  });
}

function chosenBackend(wanted: CryptoBackend | "auto"): CryptoBackend {
  try {
    return chooseCryptoBackend(wanted);
  } catch (error) {
    throw new UsageError(errorLine(error));
  }
}

await runProgram("server", main);
