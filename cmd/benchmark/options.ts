/**
 * The benchmark's options: flags, environment variables, defaults, and what they may be.
 *
 * @module
 */

import { type Command, InvalidArgumentError, type Option } from "commander";
import { parseDurationMs } from "../../src/load/mod.ts";
import { didYouMean } from "../../src/rpc/dispatch/name_suggestion.ts";
import { environment, listed, onOff, option, program, wholeNumber } from "../shared/program.ts";
import { addClientTlsOptions, type ClientTlsFlags } from "../shared/tls.ts";

/** What is called. */
export type Service = "echo" | "crypto" | "both";
/** How the server is reached. */
export type Transport = "tcp" | "tls" | "unix" | "vsock" | "hvsock";
/** How the report is written. */
export type Output = "text" | "json" | "csv" | "html";

/** The options as they were given; see `--help`. */
export interface Flags extends ClientTlsFlags {
  connections: number;
  threads: number;
  requests: number;
  rate?: number;
  transport: Transport;
  service: Service;
  duration?: number;
  server: string;
  streams?: number;
  payload: number;
  method?: string;
  data?: string;
  proto?: string;
  protoPath?: string;
  wire: "grpc" | "lean";
  batch: boolean;
  warmup: number;
  mode?: "closed" | "open";
  arrivals: "uniform" | "poisson";
  timeout?: number;
  cryptoKey: string;
  cryptoAlgorithm?: string;
  output: Output;
  out?: string;
  compare?: string;
  failIf?: string;
  seed: number;
  progress: "auto" | "on" | "off";
  startServer: boolean;
  preset?: Preset;
}

/** The first of several environment variables that is set; the first of all when none is. */
function variable(...names: string[]): string {
  return names.find((name) => (environment(name) ?? "") !== "") ?? names[0];
}

function word<Word extends string>(...words: Word[]): (text: string) => Word {
  return (text) => {
    const found = words.find((one) => one === text.toLowerCase());
    if (found !== undefined) return found;
    throw new InvalidArgumentError(`It must be ${listed(words)}${didYouMean(text, words)}`);
  };
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (/^(\d+\.?\d*|\.\d+)$/.test(text) && value > 0) return value;
  throw new InvalidArgumentError("It must be a number of calls per second above 0.");
}

function durationMs(least: number): (text: string) => number {
  return (text) => {
    const ms = parseDurationMs(text);
    if (ms !== undefined && ms >= least) return ms;
    throw new InvalidArgumentError(
      `It must be a duration${
        least > 0 ? " above 0" : ""
      } such as 30s, 2m, 1h, 500ms or bare seconds.`,
    );
  };
}

/** What presets set where neither flag nor environment does. */
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

/** The name of a preset. */
export type Preset = keyof typeof PRESETS;

/** Sets what the preset says, and to start a server, for options that keep their defaults so far. */
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
      variable("CONNECTIONS", "CONCURRENT_REQUESTS"),
      "connections; also CONCURRENT_REQUESTS",
      { default: 10, parse: wholeNumber(1, 10_000) },
    ),
    option("-t, --threads <count>", "THREADS", "worker threads, at most as many as are of use", {
      default: 4,
      parse: wholeNumber(1, 256),
    }),
    option(
      "-n, --requests <count>",
      variable("REQUESTS", "TOTAL_REQUESTS"),
      "calls to make; with --duration a cap, if given; also TOTAL_REQUESTS",
      { default: 1000, parse: wholeNumber(1, Number.MAX_SAFE_INTEGER) },
    ),
    option("-d, --duration <time>", "DURATION", "how long to run: 30s, 2m, 1h or bare seconds", {
      parse: durationMs(1e-3),
    }),
    option("-r, --rate <calls/s>", "RATE_LIMIT", "calls per second, all connections together", {
      parse: positiveNumber,
    }),
    option("--mode <mode>", "MODE", "closed or open loop; open with --rate, else closed", {
      parse: word("closed", "open"),
    }),
    option("--arrivals <kind>", "ARRIVALS", "spacing of calls with --rate: uniform or poisson", {
      default: "uniform",
      parse: word("uniform", "poisson"),
    }),
    option(
      "--streams <count>",
      "STREAMS",
      "calls in flight per connection; 1, or 100 in an open loop",
      { parse: wholeNumber(1, 100_000) },
    ),
    option("--warmup <time>", "WARMUP", "load before measuring, left out", {
      default: 0,
      parse: durationMs(0),
    }),
    option("--timeout <time>", "TIMEOUT", "deadline of each call; none if not given", {
      parse: durationMs(1e-3),
    }),
    option("--seed <number>", "SEED", "decides payloads and arrivals", {
      default: 1,
      parse: wholeNumber(0, Number.MAX_SAFE_INTEGER),
    }),
  ];
}

function targetOptions(): Option[] {
  return [
    option(
      "--preset <name>",
      "PRESET",
      "other defaults, and --start-server on: " + Object.keys(PRESETS).join(", "),
      { parse: word(...Object.keys(PRESETS) as Preset[]) },
    ),
    option("-s, --server <address>", "SERVER_ADDR", "the server", { default: "127.0.0.1:50051" }),
    option(
      "--start-server [on|off]",
      "START_SERVER",
      "start a server in this process when no address is given",
      { default: false, defaultText: "off", parse: onOff },
    ).preset("on"),
    option(
      "--transport <name>",
      "TRANSPORT",
      "tcp, tls, unix, vsock or hvsock; must fit the address",
      { default: "tcp", parse: word("tcp", "tls", "unix", "vsock", "hvsock") },
    ),
    option("--wire <name>", "WIRE", "grpc or lean", {
      default: "grpc",
      parse: word("grpc", "lean"),
    }),
    option("--batch [on|off]", "BATCH", "gather calls into batches", {
      default: false,
      defaultText: "off",
      parse: onOff,
    }).preset("on"),
    option(
      "--service <name>",
      variable("SERVICE", "BENCHMARK_TYPE"),
      "echo, crypto or both; also BENCHMARK_TYPE",
      { default: "echo", parse: word("echo", "crypto", "both") },
    ),
    option("--payload <bytes>", "PAYLOAD", "bytes that a request carries", {
      default: 64,
      parse: wholeNumber(0, 2 ** 30),
    }),
    option("--crypto-key <name>", "CRYPTO_KEY", "rsa-2048, ecdsa-p256 or ecdsa-p384", {
      default: "rsa-2048",
      parse: word("rsa-2048", "ecdsa-p256", "ecdsa-p384"),
    }),
    option(
      "--crypto-algorithm <name>",
      "CRYPTO_ALGORITHM",
      "rsa-pkcs1-sha256, rsa-pss-sha256, ecdsa-sha256 or ecdsa-sha384; by the key",
      { parse: word("rsa-pkcs1-sha256", "rsa-pss-sha256", "ecdsa-sha256", "ecdsa-sha384") },
    ),
    option("--method <name>", "METHOD", "any method instead of a service: package.Service/Method"),
    option(
      "--data <json>",
      "DATA",
      "its request as JSON, or @file; an array of requests for a stream",
    ),
    option(
      "--proto <file>",
      "PROTO",
      "its types: a .proto file or a descriptor set; else by reflection",
    ),
    option(
      "--proto-path <folder>",
      "PROTO_PATH",
      "where the .proto file's imports are found; its own folder",
    ),
  ];
}

function reportOptions(): Option[] {
  return [
    option("-o, --output <format>", "OUTPUT", "text, json, csv or html; by the ending of --out", {
      default: "text",
      parse: word("text", "json", "csv", "html"),
    }),
    option("--out <file>", "OUT", "write the report there, and text to the terminal"),
    option("--compare <file>", "COMPARE", "an older JSON report to compare with"),
    option("--fail-if <conditions>", "FAIL_IF", "exit with code 3 if one holds: p99>5ms,failed>0"),
    option("--progress <when>", "PROGRESS", "auto (on a terminal), on or off", {
      default: "auto",
      parse: word("auto", "on", "off"),
    }),
  ];
}

/** The program with all its options. */
export function benchmarkCommand(): Command {
  const command = program(
    "benchmark",
    "Puts load on a gRPC or lean server and measures it honestly.",
  )
    .configureOutput({
      // Suggestions come on a line of their own: errors are one line.
      outputError: (text, write) => write(text.trimEnd().replace(/\s*\n\s*/g, " ") + "\n"),
    });
  for (const one of [...loadOptions(), ...targetOptions(), ...reportOptions()]) {
    command.addOption(one);
  }
  return addClientTlsOptions(command).addHelpText(
    "after",
    `
Each option may also be set by its environment variable; flags win.
A rate makes an open loop: latency runs from the time a call was due, so pauses of the server show.
Exit codes: 0 done, 1 internal failure, 2 wrong options or no server, 3 a --fail-if condition holds.`,
  );
}
