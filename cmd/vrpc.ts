/**
 * Lists, describes and calls the methods of any server, by gRPC, lean, Connect or gRPC-Web:
 *
 *     deno task vrpc list 127.0.0.1:50051
 *     deno task vrpc describe 127.0.0.1:50051 vrpc.echo.v1.EchoService
 *     deno task vrpc call 127.0.0.1:50051 vrpc.echo.v1.EchoService/Echo '{"payload":"aGk="}'
 *     deno task vrpc repl 127.0.0.1:50051
 *     deno task vrpc openapi 127.0.0.1:50051
 *     deno task vrpc --wire lean session 127.0.0.1:50051 /chat
 *     deno task vrpc --wire connect list https://api.example/rpc
 *     deno task vrpc attest verify document.bin --pcr0 5f…
 *
 * @module
 */

import { type Channel, type ChannelOptions, type Metadata, RpcError } from "../mod.ts";
import { printableJson } from "../src/call/printable.ts";
import { programArguments } from "./shared/arguments.ts";
import { logToStderr } from "./shared/logging.ts";
import { readOptions, runProgram, UsageError } from "./shared/program.ts";
import { typesOfFiles } from "./shared/proto_file.ts";
import { clientTls, hasTlsFlags } from "./shared/tls.ts";
import { closeSoon } from "./shared/waits.ts";
import { openChannel } from "./shared/wire.ts";
import { isAttestCommand, runAttest } from "./vrpc/attest.ts";
import { callMethod } from "./vrpc/call.ts";
import { channelz } from "./vrpc/channelz.ts";
import { describe } from "./vrpc/describe.ts";
import { errorText } from "./vrpc/error_text.ts";
import { health } from "./vrpc/health.ts";
import { withHint } from "./vrpc/hints.ts";
import { readMetadata } from "./vrpc/headers.ts";
import { listText } from "./vrpc/list.ts";
import { findMethod, type FoundMethod, listMethods, type Lookup } from "./vrpc/lookup.ts";
import { describeMethods } from "./vrpc/openapi.ts";
import { type Flags, type Job, SILENCE_MS, vrpcCommand } from "./vrpc/options.ts";
import { argumentSource } from "./vrpc/text.ts";
import { Trace } from "./vrpc/trace.ts";

/**
 * Silence of a connection after which it is checked. Servers of gRPC end connections with more frequent checks
 * (proposal A8: 5 minutes).
 */
const KEEPALIVE_MS = 300_000;

/** Address of the channel of a job without a server. */
const UNUSED_ADDRESS = "127.0.0.1:9";

/** Exit code of status 0; NOT_FOUND (5) exits with 69. */
const STATUS_EXIT = 64;

/** Job with its words told apart. */
interface Target {
  readonly job: Job;
  /** Empty for types from files. */
  readonly address: string;
  /** Method or types. */
  readonly names: readonly string[];
}

/** With types from files, list and describe need no server. Throws {@link UsageError}. */
function targetOf(job: Job, flags: Flags): Target {
  const ofTypes = job.name === "list" || job.name === "describe";
  if (ofTypes && usesFiles(flags)) {
    if (job.name === "list" && job.words.length > 0) {
      throw new UsageError("list takes no address with --proto or --protoset");
    }
    return { job, address: "", names: job.words };
  }
  const [address, ...names] = job.words;
  if (address === undefined) {
    throw new UsageError(`Missing address: ${job.name} needs one, or --proto or --protoset`);
  }
  return { job, address, names };
}

function usesFiles(flags: Flags): boolean {
  return flags.proto !== undefined || flags.protoset !== undefined;
}

function usesTls(flags: Flags, address: string): boolean {
  return hasTlsFlags(flags) || /^https:/i.test(address);
}

/** Types from the files of the options; undefined without such. */
async function givenTypes(flags: Flags): Promise<Lookup["given"]> {
  if (!usesFiles(flags)) return undefined;
  const types = await typesOfFiles({
    protos: flags.proto ?? [],
    imports: flags.protoPath ?? [],
    sets: flags.protoset ?? [],
  });
  const services = [...types.registry].filter((desc) => desc.kind === "service");
  return { ...types, services: services.map(({ typeName }) => typeName) };
}

/** State of one run of the program. */
interface Session {
  readonly target: Target;
  readonly flags: Flags;
  readonly metadata: Metadata;
  readonly channel: Channel;
  readonly given: Lookup["given"];
  readonly trace: Trace | undefined;
  /** Time that is left of `--max-time`, in ms. */
  leftMs(): number;
}

/** Runs the job. Returns the exit code. */
async function run(session: Session): Promise<number> {
  const { target, flags, metadata, channel, given, trace } = session;
  const { format } = flags;
  let lookup: Lookup = { channel, wire: flags.wire, options: { metadata }, given };
  let method: FoundMethod | undefined;
  try {
    if (target.address !== "") {
      const timeoutMs = flags.connectTimeout ?? flags.connectTimeoutMs;
      await channel.ready({ timeoutMs: Math.min(timeoutMs, session.leftMs()) });
      trace?.connected();
    }
    const timeoutMs = Math.min(
      flags.timeoutMs || Infinity,
      flags.lookupTimeoutMs,
      session.leftMs(),
    );
    lookup = { ...lookup, options: { metadata, timeoutMs } };
    const { job, names } = target;
    if (job.name === "call" || job.name === "session") {
      const kind = job.name === "session" ? "bidi_streaming" : flags.kind;
      method = await findMethod(lookup, names[0], kind);
      await call(session, method);
      return 0;
    }
    return await answer(session, lookup);
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    const known = method?.types?.registry ?? given?.registry;
    const hinted = withHint(error, usesTls(flags, target.address), method?.suggestion);
    console.error(await errorText(hinted, { format, known, lookup }));
    return STATUS_EXIT + error.code;
  }
}

/** Runs a job that calls no method of the user's. Returns the exit code. */
async function answer(session: Session, lookup: Lookup): Promise<number> {
  const { job, address, names } = session.target;
  const { format, timeoutMs } = session.flags;
  switch (job.name) {
    case "list":
      console.log(listText(await listMethods(lookup), format));
      return 0;
    case "describe":
      console.log(
        await describe(lookup, { symbols: names, format, template: job.template ?? false }),
      );
      return 0;
    case "health": {
      const watch = job.watch ?? false;
      const { metadata } = lookup.options;
      const limitMs = Math.min(timeoutMs || (watch ? Infinity : SILENCE_MS), session.leftMs());
      const options = { metadata, timeoutMs: limitMs };
      return await health(lookup.channel, { service: names[0], watch, format, options });
    }
    case "channelz": {
      const limitMs = Math.min(timeoutMs || SILENCE_MS, session.leftMs());
      const options = { metadata: lookup.options.metadata, timeoutMs: limitMs };
      await channelz(lookup.channel, { what: names[0], format, options });
      return 0;
    }
    default:
      console.log(printableJson(await describeMethods(lookup, address)));
      return 0;
  }
}

async function call(session: Session, method: FoundMethod): Promise<void> {
  const { target: { job }, flags, channel, metadata, trace } = session;
  if (job.name === "session" && method.kind !== "bidi_streaming") {
    throw new UsageError(`Method ${method.path} is ${method.kind}, no session; use call`);
  }
  const { timeoutMs, compress, format, emitDefaults } = flags;
  const limitMs = Math.min(timeoutMs || Infinity, session.leftMs());
  const options = { metadata, compress, timeoutMs: limitMs === Infinity ? undefined : limitMs };
  trace?.found();
  try {
    await callMethod({
      channel,
      method: format === "raw" ? { path: method.path, kind: method.kind } : method,
      requests: argumentSource(job.data),
      print: {
        raw: (flags.raw ?? false) || format === "raw",
        emitDefaults,
      },
      options,
      trace,
      silenceMs: options.timeoutMs === undefined && timeoutMs === undefined ? SILENCE_MS : Infinity,
    });
  } finally {
    trace?.print(method, metadata, format === "json");
  }
}

/** Opens the channel of a job, which connects when it is used; one without an address never is. */
async function channelOf(
  address: string,
  flags: Flags,
  trace: Pick<ChannelOptions, "dial" | "observer"> = {},
): Promise<Channel> {
  return openChannel(address || UNUSED_ADDRESS, flags, {
    tls: await clientTls(flags),
    keepaliveTimeMs: KEEPALIVE_MS,
    dial: trace.dial,
    observer: trace.observer,
  });
}

/** Runs the commands of `vrpc repl`. Returns the exit code. */
async function repl({ job, address }: Target, flags: Flags, given: Lookup["given"]) {
  if (flags.format === "raw" || flags.maxTime !== undefined) {
    throw new UsageError("repl takes neither --format raw nor --max-time");
  }
  const { historyPath, runRepl, Server } = await import("./vrpc/repl/mod.ts");
  const server = new Server({
    open: ({ wire, httpVersion }, observer) =>
      channelOf(address, { ...flags, wire, httpVersion }, { observer }),
    settings: {
      wire: flags.wire,
      httpVersion: flags.httpVersion,
      format: flags.format,
      timeoutMs: flags.timeoutMs,
      compress: flags.compress,
      emitDefaults: flags.emitDefaults,
      verbose: flags.verbose ?? false,
      headers: [...flags.metadata ?? [], ...flags.header ?? []],
    },
    given,
    connectTimeoutMs: flags.connectTimeout ?? flags.connectTimeoutMs,
    lookupTimeoutMs: flags.lookupTimeoutMs,
    expandHeaders: flags.expandHeaders ?? false,
  });
  try {
    const { history = historyPath() } = job;
    return await runRepl({
      server,
      address,
      historyPath: history === "off" ? undefined : history,
    });
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    const hinted = withHint(error, usesTls(flags, address));
    const lookup = await server.lookup();
    console.error(await errorText(hinted, { format: flags.format, lookup }));
    return STATUS_EXIT + error.code;
  } finally {
    await server.close();
  }
}

async function main(): Promise<number> {
  const args = programArguments();
  if (isAttestCommand(args)) return await runAttest(args);
  const startMs = performance.now();
  let job: Job | undefined;
  const flags = readOptions<Flags>(vrpcCommand((chosen) => job = chosen));
  if (job === undefined) {
    throw new UsageError(
      "Missing command: use list, describe, openapi, call, session, health, channelz or repl (see --help)",
    );
  }
  const target = targetOf(job, flags);
  const entries = [...flags.metadata ?? [], ...flags.header ?? []];
  const metadata = await readMetadata(entries, flags.expandHeaders);
  await logToStderr(flags.logLevel);
  const given = await givenTypes(flags);
  if (job.name === "repl") return await repl(target, flags, given);
  const trace = flags.verbose ? new Trace() : undefined;
  const channel = await channelOf(target.address, flags, trace);
  const maxMs = flags.maxTime ?? Infinity;
  const leftMs = () => Math.max(1, maxMs - (performance.now() - startMs));
  try {
    return await run({ target, flags, metadata, channel, given, trace, leftMs });
  } finally {
    await closeSoon(channel);
  }
}

await runProgram("vrpc", main);
