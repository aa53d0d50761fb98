/**
 * The HTTP gateway on the host of an enclave: JSON requests become calls on one pooled, batched channel.
 *
 *     deno task host --enclave vsock:16:5000
 *     curl -d '{"xid":"hello"}' -H 'content-type: application/json' http://127.0.0.1:1323/echo
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import type { Command } from "commander";
import { type Channel, connect, RpcError, Status } from "../mod.ts";
import type { ClockWatch, EgressProxy } from "../src/guest/mod.ts";
import {
  type CallObserver,
  clientMetrics,
  observeChannel,
  observeClock,
  observeEgress,
} from "../src/telemetry/mod.ts";
import {
  errorBody,
  Gateway,
  type HttpHandler,
  HttpReply,
  type HttpServer,
  httpStatus,
  serveHttp,
  STATUS_PAGE,
  STATUS_PAGE_FIELDS,
} from "../src/gateway/mod.ts";
import { EnclaveService } from "../proto/gen/vrpc/enclave/v1/enclave_pb.ts";
import { addEgressOptions, type EgressFlags, startEgress } from "./host/egress.ts";
import { addGuestOptions, type GuestFlags, startGuestServices } from "./host/guests.ts";
import { checkTarget } from "./shared/addresses.ts";
import { type Level, logLevelOption, logToStderr } from "./shared/logging.ts";
import { allowHostOption, hostAndPort, hostCheckOf, httpAddress } from "./shared/http_options.ts";
import { metricsResponse, ThreadMetrics } from "./shared/metrics.ts";
import {
  errorLine,
  graceOption,
  list,
  option,
  program,
  readOptions,
  runProgram,
  UsageError,
  wholeNumber,
} from "./shared/program.ts";
import { addExamples } from "./shared/examples.ts";
import { firstSignal } from "./shared/signals.ts";
import { sendStartupOf } from "./shared/startup.ts";
import { addClientTlsOptions, clientTls, type ClientTlsFlags } from "./shared/tls.ts";
import { closeSoon } from "./shared/waits.ts";

interface Flags extends ClientTlsFlags, EgressFlags, GuestFlags {
  addr: string;
  enclave: string[];
  connections: number;
  timeoutMs: number;
  maxBodyBytes: number;
  maxBufferedBytes: number;
  maxConnections: number;
  allowHost?: string[];
  logLevel: Level;
  graceMs: number;
}

const logger = getLogger(["vrpc", "cmd", "host"]);
const ALLOW_HOST = "--allow-host";
/** Command lines of the help, with what they are for. */
const EXAMPLES = [
  ["", "in front of an enclave on this machine, to try it"],
  ["--enclave vsock:16:5000", "in front of an enclave"],
  [
    "--enclave vsock:16:5000 --addr 0.0.0.0:8080 --allow-host api.example",
    "for other machines, which call it by this name",
  ],
  [
    "--enclave vsock:16:5000 --egress vsock:any:8000 --allow kms.eu-west-1.amazonaws.com:443",
    "let the enclave reach one server outside",
  ],
] as const;

function readFlags(): Flags {
  const command = program("host", "Serves HTTP with JSON in front of an enclave.");
  command
    .addOption(
      option("-a, --addr <host:port>", "HOST_ADDR", "address to serve HTTP on", {
        default: "127.0.0.1:1323",
        accepts: (text) => httpAddress(text, "--addr"),
      }),
    )
    .addOption(
      option(
        "-e, --enclave <address>",
        "ENCLAVE_ADDR",
        "address of the enclave; several share the calls",
        {
          default: ["127.0.0.1:50001"],
          defaultText: "127.0.0.1:50001",
          parse: list(),
          accepts: (text) => list()(text).forEach(checkTarget),
        },
      ),
    )
    .addOption(
      option("--connections <count>", "CONNECTIONS", "most connections to the enclave", {
        default: 2,
        parse: wholeNumber(1, 1_000),
      }),
    )
    .addOption(
      option(
        "--timeout-ms <ms>",
        "VRPC_TIMEOUT_MS",
        "deadline of requests without Connect-Timeout-Ms",
        {
          default: 15_000,
          parse: wholeNumber(1, 3_600_000),
        },
      ),
    )
    .addOption(allowHostOption(ALLOW_HOST, "VRPC_ALLOW_HOST"))
    .addOption(logLevelOption())
    .addOption(graceOption("requests"));
  addExamples(
    addClientTlsOptions(addEgressOptions(addGuestOptions(addLimitOptions(command)))).addHelpText(
      "after",
      `
Paths: POST /echo, POST /package.Service/Method (JSON), those of google.api.http annotations,
GET / (status page), /methods.json, /openapi.json, /healthz, /readyz, /metrics.
Prints "listening http://ADDRESS" once it accepts connections, and "egress ADDRESS",
"ingress ADDRESS" and "logs ADDRESS" with these options.
SIGTERM and SIGINT drain.
Exit code 1 when it cannot serve (for example, an address in use), 2 for invalid options.`,
    ),
    EXAMPLES,
  );
  return readOptions<Flags>(command);
}

function addLimitOptions(command: Command): Command {
  return command
    .addOption(
      option("--max-body-bytes <bytes>", "VRPC_MAX_BODY_BYTES", "largest request body accepted", {
        default: 4 * 1024 * 1024,
        parse: wholeNumber(1, 2 ** 31 - 1),
      }),
    )
    .addOption(
      option(
        "--max-buffered-bytes <bytes>",
        "VRPC_MAX_BUFFERED_BYTES",
        "bodies being read, in bytes, over all requests",
        { default: 20 * 1024 * 1024, parse: wholeNumber(1, 2 ** 40) },
      ),
    )
    .addOption(
      option("--max-connections <count>", "VRPC_MAX_CONNECTIONS", "most open HTTP connections", {
        default: 4_096,
        parse: wholeNumber(1, 1_000_000),
      }),
    );
}

/** Bucket bounds of request durations, in seconds. */
const BUCKETS_S = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Metrics of the gateway. */
class Metrics {
  readonly #figures = new ThreadMetrics().addProcess();
  readonly #meter = this.#figures.provider.getMeter("vrpc-host");
  readonly #requests = this.#meter.createCounter("vrpc.host.requests", {
    description: "HTTP requests for methods, by path and HTTP status",
  });
  readonly #seconds = this.#meter.createHistogram("vrpc.host.request_seconds", {
    description: "Duration of HTTP requests for methods",
    advice: { explicitBucketBoundaries: BUCKETS_S },
  });
  /** Observer of the calls to the enclave. */
  readonly observer: CallObserver;

  constructor(readonly target: string) {
    this.observer = clientMetrics({ meterProvider: this.#figures.provider, target });
  }

  /** Adds gauges of the channel. */
  watch(channel: Channel): void {
    const { provider: meterProvider } = this.#figures;
    observeChannel(channel, { meterProvider, target: this.target });
    this.#meter.createObservableGauge("vrpc.host.enclave_ready", {
      description: "1 while there is a connection to the enclave",
    }).addCallback((result) => result.observe(channel.state === "READY" ? 1 : 0));
  }

  /** Adds the metrics of the egress proxy and of the enclaves' clocks. */
  watchGuests(proxy: EgressProxy | undefined, clocks: readonly ClockWatch[]): void {
    const { provider: meterProvider } = this.#figures;
    if (proxy) observeEgress(proxy, { meterProvider });
    for (const clock of clocks) observeClock(clock, { meterProvider });
  }

  count(path: string, status: number, startMs: number): void {
    this.#requests.add(1, { path, status: String(status) });
    this.#seconds.record((performance.now() - startMs) / 1000);
  }

  async response(): Promise<Response> {
    return metricsResponse([await this.#figures.collect()]);
  }
}

function health(channel: Channel, enclave: string, ready: boolean): Response {
  const serving = !ready || channel.state === "READY";
  return Response.json(
    {
      status: serving ? "serving" : "waiting",
      enclave: { address: enclave, state: channel.state },
    },
    { status: serving ? 200 : 503, headers: { "cache-control": "no-store" } },
  );
}

/** Answers with what describes the methods, or why it is not known. */
async function description(read: () => Promise<unknown>): Promise<Response> {
  try {
    return Response.json(await read());
  } catch (error) {
    const { code, message } = RpcError.from(error);
    return Response.json(errorBody(code, message), { status: httpStatus(code) });
  }
}

const PAGE = new HttpReply(
  200,
  Object.entries(STATUS_PAGE_FIELDS).flat(),
  new TextEncoder().encode(STATUS_PAGE),
);

function handler(
  gateway: Gateway,
  channel: Channel,
  metrics: Metrics,
  enclave: string,
): HttpHandler {
  return async (request) => {
    const { url } = request;
    const from = url.indexOf("/", 8);
    const query = url.indexOf("?", from);
    const path = url.slice(from, query < 0 ? undefined : query);
    if (request.method === "GET" || request.method === "HEAD") {
      if (path === "/") return PAGE;
      if (path === "/healthz") return health(channel, enclave, false);
      if (path === "/readyz") return health(channel, enclave, true);
      if (path === "/methods.json") return await description(() => gateway.list());
      if (path === "/openapi.json") return await description(() => gateway.openApi());
      if (path === "/metrics") return await metrics.response();
    }
    const startMs = performance.now();
    const response = await gateway.answer(request, path);
    // One label for all unknown paths: peers can send any number of them.
    const label = gateway.labelOf(request.method, path) ?? "other";
    metrics.count(label, response.status, startMs);
    return response;
  };
}

async function listenHttp(
  flags: Flags,
  handle: HttpHandler,
): Promise<HttpServer> {
  const address = httpAddress(flags.addr, "--addr");
  const server = await serveHttp(
    hostAndPort(address),
    (request) => refusal(request) ?? handle(request),
    {
      limits: {
        maxConnections: flags.maxConnections,
        maxBufferedBytes: flags.maxBufferedBytes,
        // The gateway refuses larger bodies, in JSON.
        maxBodyBytes: Infinity,
      },
      onError: (error) => {
        logger.error("A request failed: {error}", { error });
        return Response.json(errorBody(Status.INTERNAL, "The gateway failed"), { status: 500 });
      },
    },
  );
  const refusal = hostCheckOf(httpAddress(server.address, "--addr"), {
    name: address.hostname,
    option: ALLOW_HOST,
    allow: flags.allowHost,
  });
  console.log(`listening http://${server.address}`);
  return server;
}

async function main(): Promise<number> {
  const flags = readFlags();
  flags.enclave.forEach(checkTarget);
  const enclave = flags.enclave.join(",");
  const signal = firstSignal();
  await logToStderr(flags.logLevel);
  const metrics = new Metrics(enclave);
  const tls = await clientTls(flags);
  const channel = open(flags, tls, metrics.observer);
  metrics.watch(channel);
  const egress = await startEgress(flags);
  const guests = await startGuestServices(flags, flags.enclave, channel, tls);
  metrics.watchGuests(egress, guests.clocks);
  await sendStartupOf(flags);
  const gateway = new Gateway(channel, {
    services: [EnclaveService],
    routes: { "/echo": `/${EnclaveService.typeName}/Echo` },
    maxBodyBytes: flags.maxBodyBytes,
    maxBufferedBytes: flags.maxBufferedBytes,
    timeoutMs: flags.timeoutMs,
  });
  const handle = handler(gateway, channel, metrics, enclave);
  const server = await listenHttp(flags, handle);
  channel.ready({ timeoutMs: 5_000 }).catch((error: Error) =>
    logger.warn("The enclave is not reachable yet: {reason}", { reason: error.message })
  );
  watchEnclave(channel, enclave);
  logger.info("{signal}: finishing open requests", { signal: await signal });
  const { graceMs } = flags;
  await Promise.all([server, guests, egress].map((one) => one?.shutdown({ graceMs })));
  await closeSoon(channel);
  return 0;
}

/** Logs when the enclave disconnects and reconnects. */
async function watchEnclave(channel: Channel, address: string): Promise<void> {
  let there = false;
  for await (const state of channel.watchState()) {
    // IDLE is no disconnect; an enclave that is gone turns to TRANSIENT_FAILURE.
    if (state === "READY" && !there) {
      there = true;
      logger.info("Connected to the enclave at {address}", { address });
    } else if (state === "TRANSIENT_FAILURE" && there) {
      there = false;
      const reason = channel.stats().addresses.find((one) => one.lastError)?.lastError;
      logger.warn("Lost the enclave: {reason}; reconnecting", { reason });
    }
  }
}

function open(
  flags: Flags,
  tls: Awaited<ReturnType<typeof clientTls>>,
  observer: CallObserver,
): Channel {
  try {
    return connect(flags.enclave, {
      tls,
      poolSize: flags.connections,
      batch: true,
      observer,
      healthCheck: { service: "" },
      // Short back-off: reconnect soon after a restart of the enclave.
      initialBackoffMs: 50,
      maxBackoffMs: 1_000,
      connectTimeoutMs: 5_000,
    });
  } catch (error) {
    throw new UsageError(errorLine(error));
  }
}

await runProgram("host", main);
