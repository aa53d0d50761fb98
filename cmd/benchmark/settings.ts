/**
 * Settings derived from the options, after checking their combination.
 *
 * @module
 */

import type { Command } from "commander";
import type { TlsClientOptions } from "../../src/transport/mod.ts";
import { type Condition, type LoadPlan, parseConditions } from "../../src/load/mod.ts";
import { errorLine, UsageError } from "../shared/program.ts";
import { clientTls } from "../shared/tls.ts";
import { warningOf } from "../shared/variables.ts";
import type { Flags, Output } from "./options.ts";
import { checkTransport, type Transport, transportOf } from "./transports.ts";

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
/** Time without the end of any call after which a run without a deadline of its calls is given up. */
const STALL_MS = 60_000;
const BY_ENDING: Record<string, Output> = {
  json: "json",
  csv: "csv",
  html: "html",
  htm: "html",
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
  if (flags.method !== undefined) return;
  if (flags.data !== undefined) throw new UsageError("--data needs --method");
  if (flags.dataFile !== undefined) throw new UsageError("--data-file needs --method");
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
    // A deadline ends every call, however slow the server.
    stallMs: flags.timeout === undefined ? STALL_MS : undefined,
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
