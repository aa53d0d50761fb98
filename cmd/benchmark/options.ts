/**
 * Options of the benchmark: flags, environment variables, defaults and parsers.
 *
 * @module
 */

import type { Command, Option } from "commander";
import type { DataOrder } from "../../src/load/generate/request_data.ts";
import type { Flow } from "../../src/load/generate/scenario.ts";
import type { Shape, StageSettings } from "../../src/load/generate/stages.ts";
import { onOff, option, program } from "../shared/program.ts";
import { addExamples } from "../shared/examples.ts";
import { addClientTlsOptions, type ClientTlsFlags } from "../shared/tls.ts";
import { type Wire, WIRE_TEXT, WIRES } from "../shared/wire.ts";
import { callOptions, methodOptions, serviceOptions } from "./data_options.ts";
import { loadOptions, shapeOptions } from "./load_options.ts";
import { word } from "./parsers.ts";
import { reportOptions } from "./report_options.ts";
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
  users?: number;
  /** Flow of the scenario. */
  flow?: Flow;
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
  return addExamples(
    addClientTlsOptions(command).addHelpText(
      "after",
      `
Each option can also be set by its environment variable; flags take precedence. Names without VRPC_ may be meant for
other programs: values that are not valid here are ignored with a warning.
With --rate (open loop), latency counts from the time a call was due, so that pauses of the server show.
Exit codes: 0 success, 1 no call succeeded or internal failure, 2 invalid options or no answer from the server,
3 a --fail-if condition holds.`,
    ),
    [
      ["", "a thousand calls of the echo service on 127.0.0.1:50051"],
      [
        "--duration 30s --rate 2000",
        "an open loop for half a minute, so that pauses of the server show",
      ],
      [
        `--server api.example:443 --tls on --method shop.v1.Orders/Get --data '{"id":"7"}'`,
        "a method of yours, by reflection",
      ],
      ["--duration 10s --out report.html", "a page with charts"],
      ["--duration 10s --fail-if 'p99>5ms,failed>0'", "in CI: exit with 3 when it is too slow"],
      [
        "--find-limit 'p99<5ms' --rate 500 --duration 5s",
        "the highest rate at which calls are fast",
      ],
      ["--start-server", "without a server of yours"],
    ],
  );
}
