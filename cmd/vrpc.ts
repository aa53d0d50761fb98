/**
 * Lists, describes and calls the methods of any server, by gRPC, lean, Connect or gRPC-Web:
 *
 *     deno task vrpc list 127.0.0.1:50051
 *     deno task vrpc describe 127.0.0.1:50051 vrpc.echo.v1.EchoService
 *     deno task vrpc call 127.0.0.1:50051 vrpc.echo.v1.EchoService/Echo '{"payload":"aGk="}'
 *     deno task vrpc openapi 127.0.0.1:50051
 *     deno task vrpc --wire lean session 127.0.0.1:50051 /chat
 *     deno task vrpc --wire connect list https://api.example/rpc
 *
 * @module
 */

import { type Channel, type Metadata, RpcError } from "../mod.ts";
import { printable, printableJson } from "../src/call/printable.ts";
import { logToStderr } from "./shared/logging.ts";
import { readOptions, runProgram, UsageError } from "./shared/program.ts";
import { typesOfFiles } from "./shared/proto_file.ts";
import { clientTls } from "./shared/tls.ts";
import { closeSoon } from "./shared/waits.ts";
import { openChannel } from "./shared/wire.ts";
import { callMethod } from "./vrpc/call.ts";
import { describe } from "./vrpc/describe.ts";
import { errorText, type Format } from "./vrpc/error_text.ts";
import { readMetadata } from "./vrpc/headers.ts";
import { findMethod, type FoundMethod, listMethods, type Lookup } from "./vrpc/lookup.ts";
import { describeMethods } from "./vrpc/openapi.ts";
import { type Flags, type Job, SILENCE_MS, vrpcCommand } from "./vrpc/options.ts";

/**
 * Silence of a connection after which it is checked. Servers of gRPC end connections with more frequent checks
 * (proposal A8: 5 minutes).
 */
const KEEPALIVE_MS = 300_000;

/** Address of the channel of a job without a server. */
const UNUSED_ADDRESS = "127.0.0.1:9";

/** Widest column of a list that others are aligned to. */
const MAX_WIDTH = 100;
/** Exit code of status 0; NOT_FOUND (5) exits with 69. */
const STATUS_EXIT = 64;

async function list(lookup: Lookup, format: Format): Promise<void> {
  const methods = await listMethods(lookup);
  if (format === "json") {
    for (const method of methods) console.log(printableJson(method));
    return;
  }
  const columns = methods.map(({ name, kind, requestType, responseType, description }) =>
    [name, kind, `${requestType} → ${responseType}`, description].map(printable)
  );
  // A peer's longest cell must not widen every line without bound.
  const widths = [0, 1, 2].map((i) =>
    columns.reduce((width, column) => Math.max(width, Math.min(column[i].length, MAX_WIDTH)), 0)
  );
  for (const column of columns) {
    console.log(column.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ").trimEnd());
  }
}

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

/** Runs a job on a connected channel. Returns the exit code. */
async function run(
  { job, address, names }: Target,
  flags: Flags,
  lookup: Lookup,
): Promise<number> {
  const { format } = flags;
  let method: FoundMethod | undefined;
  try {
    if (address !== "") await lookup.channel.ready({ timeoutMs: flags.connectTimeoutMs });
    switch (job.name) {
      case "list":
        await list(lookup, format);
        break;
      case "describe":
        await describe(lookup, { symbols: names, format, template: job.template ?? false });
        break;
      case "openapi":
        console.log(printableJson(await describeMethods(lookup, address)));
        break;
      default: {
        const kind = job.name === "session" ? "bidi_streaming" : flags.kind;
        method = await findMethod(lookup, names[0], kind);
        await call(job, method, flags, lookup);
      }
    }
    return 0;
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    const known = method?.types?.registry ?? lookup.given?.registry;
    console.error(await errorText(error, { format, known, lookup }));
    return STATUS_EXIT + error.code;
  }
}

async function call(job: Job, method: FoundMethod, flags: Flags, lookup: Lookup): Promise<void> {
  if (job.name === "session" && method.kind !== "bidi_streaming") {
    throw new UsageError(`Method ${method.path} is ${method.kind}, no session; use call`);
  }
  const { timeoutMs, compress, raw = false } = flags;
  const { metadata } = lookup.options;
  await callMethod({
    channel: lookup.channel,
    method,
    data: job.data,
    raw,
    options: { metadata, compress, timeoutMs: timeoutMs || undefined },
    silenceMs: timeoutMs === undefined ? SILENCE_MS : Infinity,
  });
}

/** Opens the channel of a job, which connects when it is used; one without an address never is. */
async function channelOf(address: string, flags: Flags): Promise<Channel> {
  return openChannel(address || UNUSED_ADDRESS, flags, {
    tls: await clientTls(flags),
    keepaliveTimeMs: KEEPALIVE_MS,
  });
}

async function main(): Promise<number> {
  let job: Job | undefined;
  const flags = readOptions<Flags>(vrpcCommand((chosen) => job = chosen));
  if (job === undefined) {
    throw new UsageError(
      "Missing command: use list, describe, openapi, call or session (see --help)",
    );
  }
  const target = targetOf(job, flags);
  const metadata = readMetadata(flags.metadata ?? []);
  await logToStderr(flags.logLevel);
  const channel = await channelOf(target.address, flags);
  try {
    return await run(target, flags, await lookupOf(channel, flags, metadata));
  } finally {
    await closeSoon(channel);
  }
}

async function lookupOf(channel: Channel, flags: Flags, metadata: Metadata): Promise<Lookup> {
  const timeoutMs = Math.min(flags.timeoutMs || Infinity, flags.lookupTimeoutMs);
  const given = await givenTypes(flags);
  return { channel, wire: flags.wire, options: { metadata, timeoutMs }, given };
}

await runProgram("vrpc", main);
