/**
 * Settings derived from the options, after checking their combination.
 *
 * @module
 */

import type { Command } from "commander";
import { parseAddress, type TlsClientOptions } from "../../src/transport/mod.ts";
import { type Condition, type LoadPlan, parseConditions } from "../../src/load/mod.ts";
import { errorLine, UsageError } from "../shared/program.ts";
import { clientTls } from "../shared/tls.ts";
import type { Flags, Output, Transport } from "./options.ts";

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
  /** Conditions under which the benchmark fails. */
  readonly conditions: readonly Condition[];
}

const OPEN_STREAMS = 100;
const DRAIN_MS = 5_000;
const BY_ENDING: Record<string, Output> = {
  json: "json",
  csv: "csv",
  html: "html",
  htm: "html",
  txt: "text",
};
const KINDS: Record<Transport, readonly string[]> = {
  tcp: ["tcp", "dns", "list"],
  tls: ["tcp", "dns", "list"],
  unix: ["unix", "unix-abstract"],
  vsock: ["vsock"],
  hvsock: ["hvsock"],
};

/** Checks the combination of options and derives the settings. Throws {@link UsageError}. */
export async function settingsOf(command: Command): Promise<Settings> {
  const flags = command.opts<Flags>();
  const given = (name: keyof Flags) =>
    !["default", undefined].includes(command.getOptionValueSource(name));
  const ownServer = flags.startServer && !given("server");
  const transport = ownServer
    ? flags.transport
    : transportOf(flags.server, given("transport") ? flags.transport : undefined, flags);
  checkMethod(flags);
  const plan = planOf(flags, given("requests"));
  return {
    flags,
    plan,
    streams: flags.streams ?? (plan.mode === "open" ? OPEN_STREAMS : 1),
    server: ownServer ? undefined : flags.server,
    transport,
    tls: await clientTls(flags) ?? (transport === "tls" ? true : undefined),
    output: given("output") ? flags.output : outputByEnding(flags.out),
    conditions: conditionsOf(flags.failIf),
  };
}

function transportOf(address: string, wanted: Transport | undefined, flags: Flags): Transport {
  let kind: string;
  try {
    kind = parseAddress(address).kind;
  } catch (error) {
    throw new UsageError(errorLine(error));
  }
  if (wanted !== undefined) {
    if (!KINDS[wanted].includes(kind)) {
      throw new UsageError(
        `Transport ${wanted} does not match the address ${address}: use ${transportFor(kind)}`,
      );
    }
    if (wanted === "tcp" && usesTls(flags)) {
      throw new UsageError("Cannot use TLS options with --transport tcp: use --transport tls");
    }
    return wanted;
  }
  const found = transportFor(kind);
  return found === "tcp" && usesTls(flags) ? "tls" : found;
}

function transportFor(kind: string): Transport {
  const entry = Object.entries(KINDS).find(([, kinds]) => kinds.includes(kind));
  if (!entry) {
    throw new UsageError(`Cannot use an address of kind ${kind}: it only works within one process`);
  }
  return entry[0] as Transport;
}

function usesTls(flags: Flags): boolean {
  return flags.tls || flags.tlsInsecure ||
    [flags.tlsCa, flags.tlsCert, flags.tlsKey, flags.tlsServerName].some((one) =>
      one !== undefined
    );
}

function checkMethod(flags: Flags): void {
  if (flags.method !== undefined) return;
  if (flags.data !== undefined) throw new UsageError("--data needs --method");
  if (flags.proto !== undefined) throw new UsageError("--proto needs --method");
}

function planOf(flags: Flags, requestsGiven: boolean): LoadPlan {
  const { rate, duration } = flags;
  const mode = flags.mode ?? (rate === undefined ? "closed" : "open");
  if (mode === "open" && rate === undefined) throw new UsageError("--mode open needs --rate");
  return {
    mode,
    ratePerSecond: rate,
    arrivals: flags.arrivals,
    requests: duration === undefined || requestsGiven ? flags.requests : undefined,
    durationMs: duration,
    warmupMs: flags.warmup,
    drainMs: Math.max(DRAIN_MS, flags.timeout ?? 0),
    intervalMs: intervalFor(duration),
    seed: flags.seed,
  };
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

function conditionsOf(text: string | undefined): Condition[] {
  try {
    return text === undefined ? [] : parseConditions(text);
  } catch (error) {
    throw new UsageError(errorLine(error));
  }
}
