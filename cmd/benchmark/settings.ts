/**
 * Settings derived from the options, after checking their combination.
 *
 * @module
 */

import type { Command } from "commander";
import type { TlsClientOptions } from "../../src/transport/mod.ts";
import { type Condition, type LoadPlan, parseConditions } from "../../src/load/mod.ts";
import {
  lengthMs,
  peakRate,
  type StageSettings,
  stagesOfShape,
} from "../../src/load/generate/stages.ts";
import { mostUsers } from "../../src/load/generate/user_ramp.ts";
import { errorLine, UsageError } from "../shared/program.ts";
import { clientTls } from "../shared/tls.ts";
import { warningOf } from "../shared/variables.ts";
import type { Flags, Output } from "./options.ts";
import { checkTransport, type Transport, transportOf } from "./transports.ts";

/** Method to call, and its data as on the command line. */
export interface MethodOrder {
  /** Name, without a leading slash. */
  readonly name: string;
  /** Share of the calls, in proportion to the other weights. */
  readonly weight: number;
  /** JSON or `@file`. */
  readonly data?: string;
  /** Path of a data file. */
  readonly dataFile?: string;
}

/** Settings of a benchmark. */
export interface Settings {
  /** Parsed options. */
  readonly flags: Flags;
  /** Load. */
  readonly plan: LoadPlan;
  /** Calls in flight per connection. */
  readonly streams: number;
  /** Address; undefined when the benchmark starts its own server. */
  readonly server?: string;
  /** Transport to the server. */
  readonly transport: Transport;
  /** TLS; undefined for none. */
  readonly tls?: TlsClientOptions | true;
  /** Format of the report. */
  readonly output: Output;
  /** Methods of `--method`; empty for a service or a flow. */
  readonly methods: readonly MethodOrder[];
  /** Users of the flow at a time; undefined without one. */
  readonly users?: number;
  /** Conditions of a search for the highest rate; undefined for one run. */
  readonly limit?: { readonly text: string; readonly conditions: readonly Condition[] };
  /** Tags of the run. */
  readonly tags: Readonly<Record<string, string>>;
  /** Conditions under which the benchmark fails. */
  readonly conditions: readonly Condition[];
}

const OPEN_STREAMS = 100;
const OPEN_USERS = 1_000;
// A search for a limit: calls/s of the first trial, and times of each trial.
const FIRST_RATE = 1_000;
const TRIAL_MS = 3_000;
const TRIAL_WARMUP_MS = 500;
const DRAIN_MS = 5_000;
/** Time without the end of any call after which a run without a deadline of its calls is given up. */
const STALL_MS = 60_000;
const BY_ENDING: Record<string, Output> = {
  json: "json",
  csv: "csv",
  html: "html",
  htm: "html",
  xml: "junit",
  prom: "prometheus",
  txt: "text",
};

/** Checks the combination of options and derives the settings. Throws {@link UsageError}. */
export async function settingsOf(command: Command): Promise<Settings> {
  const flags = command.opts<Flags>();
  const given = (name: keyof Flags) =>
    !["default", undefined].includes(command.getOptionValueSource(name));
  const ownServer = flags.startServer && !given("server");
  const transport = chosenTransport(command, flags, ownServer);
  checkMethod(flags);
  checkFlow(flags);
  checkRounds(flags);
  if (!URL.canParse(flags.otlpEndpoint)) {
    throw new UsageError(`Cannot use --otlp-endpoint ${flags.otlpEndpoint}: it must be a URL`);
  }
  const methods = methodsOf(flags);
  const plan = flags.findLimit === undefined
    ? planOf(flags, given("requests"))
    : trialPlan(flags, given("warmup"));
  const methodNames = methods.map(({ name }) => name);
  return {
    flags,
    plan,
    streams: flags.streams ?? (plan.mode === "open" ? OPEN_STREAMS : 1),
    server: ownServer ? undefined : flags.server,
    transport,
    tls: await clientTls(flags) ?? (transport === "tls" ? true : undefined),
    output: given("output") ? flags.output : outputByEnding(flags.out),
    methods,
    users: flags.flow && usersOf(flags, plan),
    tags: tagsOf(flags.tag ?? []),
    limit: flags.findLimit === undefined ? undefined : {
      text: flags.findLimit,
      conditions: flags.flow ? [] : conditionsOf(flags.findLimit, methodNames),
    },
    // The methods of a flow are known after it has run once.
    conditions: flags.flow ? [] : conditionsFor(flags, plan, methodNames),
  };
}

/** Returns the settings of a flow that calls these methods. Throws {@link UsageError}. */
export function withFlowMethods(settings: Settings, names: readonly string[]): Settings {
  const { flags, plan, limit } = settings;
  return {
    ...settings,
    limit: limit && { ...limit, conditions: conditionsOf(limit.text, ["flow", ...names]) },
    conditions: conditionsFor(flags, plan, ["flow", ...names]),
  };
}

function conditionsFor(
  { failIf }: Flags,
  { stages = [] }: LoadPlan,
  names: readonly string[],
): Condition[] {
  return conditionsOf(failIf, [...stages.map(({ name }) => name), ...names]);
}

function checkFlow({ flow, method, users, stages, streams }: Flags): void {
  if (flow === undefined) {
    if (users !== undefined) throw new UsageError("--users needs a --scenario with a flow");
    if (mostUsers(stages) !== undefined) {
      throw new UsageError("Stages with users need a flow: use rates");
    }
  } else if (method !== undefined) {
    throw new UsageError("--method and the flow of the scenario exclude each other");
  } else if (streams !== undefined) {
    throw new UsageError("--streams and a flow exclude each other: use --users");
  }
}

/** Stages with users say how many there are. */
function usersOf({ users, connections }: Flags, { stages, mode }: LoadPlan): number {
  return mostUsers(stages) ?? users ?? (mode === "open" ? OPEN_USERS : connections);
}

/** Returns the transport to use. A value of `TRANSPORT` that does not fit is ignored with a warning. */
function chosenTransport(command: Command, flags: Flags, ownServer: boolean): Transport {
  const source = command.getOptionValueSource("transport");
  const byAddress = () => {
    if (ownServer) return "tcp";
    const found = transportOf(flags.server);
    return found === "tcp" && usesTls(flags) ? "tls" : found;
  };
  if (source === undefined || source === "default") return byAddress();
  try {
    checkWanted(flags, ownServer);
    return flags.transport;
  } catch (error) {
    if (source !== "env") throw error;
    console.error(`benchmark: ${warningOf("TRANSPORT", flags.transport, errorLine(error))}`);
    return byAddress();
  }
}

function checkWanted(flags: Flags, ownServer: boolean): void {
  const { transport, server } = flags;
  if (ownServer) {
    if (transport !== "hvsock") return;
    throw new UsageError("Cannot start a server for hvsock: pass one with --server");
  }
  checkTransport(transport, server);
  if (transport === "tcp" && usesTls(flags)) {
    throw new UsageError("Cannot use TLS options with --transport tcp: use --transport tls");
  }
}

function usesTls(flags: Flags): boolean {
  return flags.tls || flags.tlsInsecure ||
    [flags.tlsCa, flags.tlsCert, flags.tlsKey, flags.tlsServerName].some((one) =>
      one !== undefined
    );
}

function checkMethod(flags: Flags): void {
  if (flags.method !== undefined || flags.flow !== undefined) return;
  if (flags.data !== undefined) throw new UsageError("--data needs --method");
  if (flags.dataFile !== undefined) throw new UsageError("--data-file needs --method");
  if (flags.proto !== undefined) throw new UsageError("--proto needs --method");
}

function checkRounds({ against, rounds, findLimit, service, method, compare }: Flags): void {
  if (against === undefined && rounds === undefined) return;
  if (findLimit !== undefined) throw new UsageError("--find-limit has no rounds");
  if (service === "both" && method === undefined) {
    throw new UsageError("Rounds need one service: use --service echo or crypto");
  }
  if (against === undefined) {
    if (rounds === "auto") throw new UsageError("--rounds auto needs --against");
  } else if (compare !== undefined) {
    throw new UsageError("--against and --compare exclude each other");
  }
}

/** Pairs the methods with their data: the only data is for all. Throws {@link UsageError}. */
function methodsOf({ method = [], data = [], dataFile = [] }: Flags): MethodOrder[] {
  for (const [flag, given] of [["--data", data], ["--data-file", dataFile]] as const) {
    if (given.length > 1 && given.length !== method.length) {
      throw new UsageError(
        `${flag} is given ${given.length} times for ${method.length} methods: use one for all, or one for each`,
      );
    }
  }
  return method.map((text, i) => {
    const at = text.lastIndexOf("=");
    const weight = at < 0 ? 1 : Number(text.slice(at + 1));
    if (!(weight > 0 && weight < 1e9)) {
      throw new UsageError(
        `Method ${text} has no valid weight: use a number above 0, as in a.B/C=3`,
      );
    }
    const name = (at < 0 ? text : text.slice(0, at)).replace(/^\//, "");
    return { name, weight, data: ofMethod(data, i), dataFile: ofMethod(dataFile, i) };
  });
}

function ofMethod<Value>(values: readonly Value[], index: number): Value | undefined {
  return values.length > 1 ? values[index] : values[0];
}

function tagsOf(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(texts.map((text) => {
    const at = text.indexOf("=");
    if (at < 1) throw new UsageError(`Cannot use tag ${text}: use the form key=value`);
    return [text.slice(0, at), text.slice(at + 1)];
  }));
}

/** Returns the stages of `--stages` or `--shape`. Throws {@link UsageError}. */
function stagesOf({ stages, shape, rate, duration }: Flags): readonly StageSettings[] | undefined {
  if (stages !== undefined) {
    if (shape !== undefined) throw new UsageError("--stages and --shape exclude each other");
    if (rate !== undefined) throw new UsageError("--stages and --rate exclude each other");
    if (duration !== undefined) throw new UsageError("--stages and --duration exclude each other");
    return stages;
  }
  if (shape === undefined) return undefined;
  if (rate === undefined) throw new UsageError("--shape needs --rate, its highest rate");
  if (duration === undefined) throw new UsageError("--shape needs --duration");
  return stagesOfShape(shape, rate, duration);
}

function planOf(flags: Flags, requestsGiven: boolean): LoadPlan {
  const stages = stagesOf(flags);
  const hasUsers = mostUsers(stages) !== undefined;
  const rate = stages ? hasUsers ? undefined : peakRate(stages) : flags.rate;
  const duration = stages ? lengthMs(stages) : flags.duration;
  const mode = flags.mode ?? (rate === undefined ? "closed" : "open");
  if (mode === "open" && rate === undefined) throw new UsageError("--mode open needs --rate");
  return {
    mode,
    ratePerSecond: rate,
    stages,
    arrivals: flags.arrivals,
    requests: duration === undefined || requestsGiven ? flags.requests : undefined,
    durationMs: duration,
    warmupMs: flags.warmup,
    drainMs: Math.max(DRAIN_MS, flags.timeout ?? 0),
    // A deadline ends every call, however slow the server.
    stallMs: flags.timeout === undefined ? STALL_MS : undefined,
    intervalMs: intervalFor(duration),
    seed: flags.seed,
  };
}

/** Returns the plan of each trial of a search, whose rate is that of the first. Throws {@link UsageError}. */
function trialPlan(flags: Flags, warmupGiven: boolean): LoadPlan {
  const excluded =
    ([["--stages", "stages"], ["--shape", "shape"], ["--compare", "compare"]] as const)
      .find(([, key]) => flags[key] !== undefined);
  if (excluded) throw new UsageError(`--find-limit and ${excluded[0]} exclude each other`);
  if (flags.mode === "closed") throw new UsageError("--find-limit needs an open loop");
  const { rate = FIRST_RATE, duration = TRIAL_MS } = flags;
  const warmup = warmupGiven ? flags.warmup : TRIAL_WARMUP_MS;
  return planOf({ ...flags, mode: "open", rate, duration, warmup }, false);
}

/** Chooses an interval that gives about 20 to 400 points. */
function intervalFor(durationMs: number | undefined): number {
  if (durationMs === undefined || durationMs < 20_000) return 250;
  return Math.max(1000, Math.ceil(durationMs / 400 / 1000) * 1000);
}

function outputByEnding(out: string | undefined): Output {
  const ending = out?.split(".").at(-1)?.toLowerCase() ?? "";
  return Object.hasOwn(BY_ENDING, ending) ? BY_ENDING[ending] : "text";
}

function conditionsOf(text: string | undefined, parts: readonly string[]): Condition[] {
  try {
    return text === undefined ? [] : parseConditions(text, parts);
  } catch (error) {
    throw new UsageError(errorLine(error));
  }
}
