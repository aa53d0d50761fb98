/**
 * Options of the benchmark: flags, environment variables, defaults and parsers.
 *
 * @module
 */

import type { Command, Option } from "commander";
import type { DataOrder } from "../../src/load/generate/request_data.ts";
import { VARIABLE_NAMES } from "../../src/load/generate/variables.ts";
import { type Shape, SHAPES, type StageSettings } from "../../src/load/generate/stages.ts";
import { listed, onOff, option, program, wholeNumber } from "../shared/program.ts";
import { addClientTlsOptions, type ClientTlsFlags } from "../shared/tls.ts";
import { type Wire, WIRE_TEXT, WIRES } from "../shared/wire.ts";
import {
  durationMs,
  percentage,
  positiveNumber,
  repeated,
  roundCount,
  stageList,
  word,
} from "./parsers.ts";
import { type Transport, transportOf } from "./transports.ts";

/** Service to call. */
export type Service = "echo" | "crypto" | "both";
/** Format of the report. */
export type Output =
  | "text"
  | "json"
  | "csv"
  | "html"
  | "junit"
  | "prometheus"
  | "otlp"
  | "k6-summary";

/** Parsed options; see `--help`. */
export interface Flags extends ClientTlsFlags {
  connections: number;
  threads: number;
  requests: number;
  rate?: number;
  stages?: StageSettings[];
  shape?: Shape;
  tag?: string[];
  transport: Transport;
  service: Service;
  duration?: number;
  server: string;
  streams?: number;
  payload: number;
  method?: string[];
  /** One for all methods, or one for each; undefined in a scenario for a method without. */
  data?: (string | undefined)[];
  dataFile?: (string | undefined)[];
  dataOrder: DataOrder;
  proto?: string;
  protoPath?: string;
  header?: string[];
  wire: Wire;
  batch: boolean;
  warmup: number;
  mode?: "closed" | "open";
  arrivals: "uniform" | "poisson";
  timeout?: number;
  cryptoKey: string;
  cryptoAlgorithm?: string;
  output: Output;
  otlpEndpoint: string;
  out?: string;
  compare?: string;
  failIf?: string;
  findLimit?: string;
  against?: string;
  rounds?: number | "auto";
  difference: number;
  seed: number;
  progress: "auto" | "on" | "off";
  startServer: boolean;
  preset?: Preset;
  scenario?: string;
}

/** Values that presets set where neither flag nor environment does. */
const PRESETS = {
  standard: { connections: 10, duration: 30_000 },
  light: { connections: 10, duration: 5_000 },
  medium: { connections: 50, duration: 10_000 },
  heavy: { connections: 100, duration: 15_000 },
  tcp: { connections: 10, duration: 10_000, warmup: 1_000, transport: "tcp" },
  vsock: { connections: 10, duration: 10_000, warmup: 1_000, transport: "vsock" },
  latency: { connections: 10, duration: 20_000, warmup: 2_000, rate: 1_000 },
  throughput: { connections: 10, duration: 15_000, warmup: 2_000, streams: 50 },
} as const satisfies Record<string, Partial<Flags>>;

/** Name of a preset. */
export type Preset = keyof typeof PRESETS;

/** Applies the preset, and `--start-server on`, to options that still have their defaults. */
export function applyPreset(command: Command): void {
  const { preset } = command.opts<Flags>();
  if (preset === undefined) return;
  for (const [name, value] of Object.entries({ startServer: true, ...PRESETS[preset] })) {
    const source = command.getOptionValueSource(name);
    if (source === undefined || source === "default") {
      command.setOptionValueWithSource(name, value, "preset");
    }
  }
}

function loadOptions(): Option[] {
  return [
    option(
      "-c, --connections <count>",
      ["CONNECTIONS", "CONCURRENT_REQUESTS"],
      "number of connections; also CONCURRENT_REQUESTS",
      { default: 10, parse: wholeNumber(1, 10_000) },
    ),
    option("-t, --threads <count>", "THREADS", "worker threads; fewer if more are not useful", {
      default: 4,
      parse: wholeNumber(1, 256),
    }),
    option(
      "-n, --requests <count>",
      ["REQUESTS", "TOTAL_REQUESTS"],
      "calls to make; with --duration a limit, if given; also TOTAL_REQUESTS",
      { default: 1000, parse: wholeNumber(1, Number.MAX_SAFE_INTEGER) },
    ),
    option("-d, --duration <time>", "DURATION", "time to run: 30s, 2m, 1h or plain seconds", {
      parse: durationMs(1e-3),
    }),
    option("-r, --rate <calls/s>", "RATE_LIMIT", "calls per second on all connections together", {
      parse: positiveNumber,
    }),
    option(
      "--mode <mode>",
      "VRPC_MODE",
      "closed or open loop; default: open with --rate, else closed",
      {
        parse: word("closed", "open"),
      },
    ),
    option(
      "--arrivals <kind>",
      "VRPC_ARRIVALS",
      "spacing of calls with --rate: uniform or poisson",
      {
        default: "uniform",
        parse: word("uniform", "poisson"),
      },
    ),
    option(
      "--streams <count>",
      "VRPC_STREAMS",
      "calls in flight per connection; default: 1, or 100 in an open loop",
      { parse: wholeNumber(1, 100_000) },
    ),
    option("--warmup <time>", "VRPC_WARMUP", "time under load before measuring starts", {
      default: 0,
      parse: durationMs(0),
    }),
    option("--timeout <time>", "VRPC_TIMEOUT", "deadline of each call; default: none", {
      parse: durationMs(1e-3),
    }),
    option("--seed <number>", "VRPC_SEED", "seed of payloads and arrival times", {
      default: 1,
      parse: wholeNumber(0, Number.MAX_SAFE_INTEGER),
    }),
  ];
}

/** Options for rates that change. */
function shapeOptions(): Option[] {
  return [
    option(
      "--scenario <file>",
      "VRPC_SCENARIO",
      "methods, stages, conditions, metadata and tags from a .ts, .js or .json file",
    ),
    option(
      "--stages <list>",
      "VRPC_STAGES",
      "rates one after the other, with names if you like: 10s@100,1m@100..2000,peak=30s@2000",
      { parse: stageList },
    ),
    option(
      "--shape <shape>",
      "VRPC_SHAPE",
      `stages by name, up to --rate within --duration: ${listed(SHAPES)}`,
      { parse: word(...SHAPES) },
    ),
    option(
      "--find-limit <conditions>",
      "VRPC_FIND_LIMIT",
      "search the highest rate at which all conditions hold: 'p99<5ms'; begins at --rate, each trial " +
        "lasts --duration",
    ),
  ];
}

function serverOptions(): Option[] {
  return [
    option(
      "--preset <name>",
      "VRPC_PRESET",
      "set of defaults, with --start-server on: " + Object.keys(PRESETS).join(", "),
      { parse: word(...Object.keys(PRESETS) as Preset[]) },
    ),
    option("-s, --server <address>", "SERVER_ADDR", "address of the server", {
      default: "127.0.0.1:50051",
      accepts: transportOf,
    }),
    option(
      "--start-server [on|off]",
      "VRPC_START_SERVER",
      "start a server in this process unless an address is given",
      { default: false, defaultText: "off", parse: onOff },
    ).preset("on"),
    option(
      "--transport <name>",
      "TRANSPORT",
      "tcp, tls, unix, vsock or hvsock; must match the address",
      { default: "tcp", parse: word("tcp", "tls", "unix", "vsock", "hvsock") },
    ),
    option("--wire <name>", "VRPC_WIRE", `${WIRE_TEXT}, over HTTP/2`, {
      default: "grpc",
      parse: word(...WIRES),
    }),
    option("--batch [on|off]", "VRPC_BATCH", "batch calls", {
      default: false,
      defaultText: "off",
      parse: onOff,
    }).preset("on"),
  ];
}

function callOptions(): Option[] {
  return [
    option(
      "-H, --header <key:value>",
      "VRPC_HEADER",
      `metadata of each call, or @file with a line for each; may be repeated; variables: ${
        VARIABLE_NAMES.map((name) => `{{${name}}}`).join(" ")
      }`,
      { parse: repeated() },
    ),
  ];
}

/** Options of the services that the benchmark knows. */
function serviceOptions(): Option[] {
  return [
    option(
      "--service <name>",
      ["SERVICE", "BENCHMARK_TYPE"],
      "echo, crypto or both; also BENCHMARK_TYPE",
      { default: "echo", parse: word("echo", "crypto", "both") },
    ),
    option("--payload <bytes>", "VRPC_PAYLOAD", "payload of a request in bytes", {
      default: 64,
      parse: wholeNumber(0, 2 ** 30),
    }),
    option("--crypto-key <name>", "VRPC_CRYPTO_KEY", "rsa-2048, ecdsa-p256 or ecdsa-p384", {
      default: "rsa-2048",
      parse: word("rsa-2048", "ecdsa-p256", "ecdsa-p384"),
    }),
    option(
      "--crypto-algorithm <name>",
      "VRPC_CRYPTO_ALGORITHM",
      "rsa-pkcs1-sha256, rsa-pss-sha256, ecdsa-sha256 or ecdsa-sha384; default: by the key",
      { parse: word("rsa-pkcs1-sha256", "rsa-pss-sha256", "ecdsa-sha256", "ecdsa-sha384") },
    ),
  ];
}

/** Options of any other method. */
function methodOptions(): Option[] {
  return [
    option(
      "--method <name>",
      "VRPC_METHOD",
      "method to call instead of a service: package.Service/Method; several with their weights, as " +
        "a.B/C=3, get --data and --data-file in the same order",
      { parse: repeated() },
    ),
    option(
      "--data <json>",
      "VRPC_DATA",
      "request for --method as JSON or @file; an array for a stream of requests; with variables as " +
        "--header, and {{column}} of --data-file; -d takes it, too",
      { parse: repeated() },
    ),
    option(
      "--data-file <file>",
      "VRPC_DATA_FILE",
      "requests for --method, or with --data the values of its columns: .csv, .jsonl, .json (a list) " +
        "or, each behind its length, encoded messages (.binpb)",
      { parse: repeated() },
    ),
    option(
      "--data-order <order>",
      "VRPC_DATA_ORDER",
      "how calls take the rows of --data-file: round-robin or random",
      { default: "round-robin", parse: word("round-robin", "random") },
    ),
    option(
      "--proto <file>",
      "VRPC_PROTO",
      "types of --method: a .proto file or a descriptor set; default: reflection",
    ),
    option(
      "--proto-path <folder>",
      "VRPC_PROTO_PATH",
      "folder for imports of the .proto file; default: its own folder",
    ),
  ];
}

function reportOptions(): Option[] {
  return [
    option(
      "-o, --output <format>",
      "VRPC_OUTPUT",
      "text, json, csv, html, junit, prometheus, otlp (sent to --otlp-endpoint) or k6-summary; default: " +
        "by the extension of --out",
      {
        default: "text",
        parse: word("text", "json", "csv", "html", "junit", "prometheus", "otlp", "k6-summary"),
      },
    ),
    option(
      "--otlp-endpoint <url>",
      ["VRPC_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"],
      "collector of OTLP over HTTP",
      { default: "http://127.0.0.1:4318", accepts: (text) => new URL(text) },
    ),
    option("--out <file>", "VRPC_OUT", "write the report to this file, and text to the terminal"),
    option("--compare <file>", "VRPC_COMPARE", "older JSON report to compare with"),
    option(
      "--against <address>",
      "VRPC_AGAINST",
      "second server, measured in turn with the first; says whether they differ",
      { accepts: transportOf },
    ),
    option(
      "--rounds <count>",
      "VRPC_ROUNDS",
      "rounds to measure, of --duration each; auto: as many as --difference needs; default: auto with " +
        "--against, else 1",
      { parse: roundCount },
    ),
    option(
      "--difference <percent>",
      "VRPC_DIFFERENCE",
      "difference that the rounds are to find, such as 5%",
      { default: 5, defaultText: "5%", parse: percentage },
    ),
    option(
      "--fail-if <conditions>",
      "VRPC_FAIL_IF",
      "exit with 3 if a condition holds: p99>5ms,failed>0; metrics are percentiles (p50, p99.9), avg, mean, min, max, " +
        "rps, rate, success, total, successful, failed, errors, missed and unfinished; of a stage or method: " +
        "peak:p99>5ms",
    ),
    option("--tag <key=value>", "VRPC_TAG", "tag in the reports; may be repeated", {
      parse: repeated(),
    }),
    option("--progress <when>", "VRPC_PROGRESS", "auto (on a terminal), on or off", {
      default: "auto",
      parse: word("auto", "on", "off"),
    }),
  ];
}

/**
 * Returns the arguments with `-d` as the data where it is JSON or `@file`, as in grpcurl and ghz: neither is a duration.
 */
export function withDataFlag(args: readonly string[]): string[] {
  return args.map((arg, i) => arg === "-d" && /^\s*[{[@]/.test(args[i + 1] ?? "") ? "--data" : arg);
}

/** Creates the command with all options. */
export function benchmarkCommand(): Command {
  const command = program(
    "benchmark",
    "Puts load on a gRPC or lean server and measures latency and throughput.",
  )
    .configureOutput({
      // Joins the error and the suggestion, which Commander puts on a second line.
      outputError: (text, write) => write(text.trimEnd().replace(/\s*\n\s*/g, " ") + "\n"),
    });
  const options = [
    ...loadOptions(),
    ...shapeOptions(),
    ...serverOptions(),
    ...callOptions(),
    ...serviceOptions(),
    ...methodOptions(),
    ...reportOptions(),
  ];
  for (const one of options) {
    command.addOption(one);
  }
  return addClientTlsOptions(command).addHelpText(
    "after",
    `
Each option can also be set by its environment variable; flags take precedence. Names without VRPC_ may be meant for
other programs: values that are not valid here are ignored with a warning.
With --rate (open loop), latency counts from the time a call was due, so that pauses of the server show.
Exit codes: 0 success, 1 no call succeeded or internal failure, 2 invalid options or no answer from the server,
3 a --fail-if condition holds.`,
  );
}
