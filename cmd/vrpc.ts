/**
 * Lists and calls the methods of any server, by gRPC, lean, Connect or gRPC-Web:
 *
 *     deno task vrpc list 127.0.0.1:50051
 *     deno task vrpc call 127.0.0.1:50051 vrpc.echo.v1.EchoService/Echo '{"payload":"aGk="}'
 *     deno task vrpc openapi 127.0.0.1:50051
 *     deno task vrpc --wire lean session 127.0.0.1:50051 /chat
 *     deno task vrpc --wire connect list https://api.example/rpc
 *
 * @module
 */

import { type Command, Option } from "commander";
import { type Channel, Metadata, type MethodKind, RpcError } from "../mod.ts";
import { printable, printableJson } from "../src/call/printable.ts";
import { type Level, logLevelOption, logToStderr } from "./shared/logging.ts";
import {
  errorLine,
  oneOf,
  onOff,
  option,
  program,
  readOptions,
  runProgram,
  UsageError,
  wholeNumber,
} from "./shared/program.ts";
import { addClientTlsOptions, clientTls, type ClientTlsFlags } from "./shared/tls.ts";
import { closeSoon } from "./shared/waits.ts";
import { addWireOptions, openChannel, type WireFlags } from "./shared/wire.ts";
import { callMethod } from "./vrpc/call.ts";
import { errorText, type Format } from "./vrpc/error_text.ts";
import { describeMethods } from "./vrpc/openapi.ts";
import { findMethod, type FoundMethod, listMethods, type Lookup } from "./vrpc/lookup.ts";

interface Flags extends ClientTlsFlags, WireFlags {
  timeoutMs?: number;
  lookupTimeoutMs: number;
  connectTimeoutMs: number;
  metadata?: string[];
  compress: boolean;
  kind?: MethodKind;
  raw?: boolean;
  format: Format;
  logLevel: Level;
}

interface Job {
  readonly name: "list" | "openapi" | "call" | "session";
  readonly address: string;
  readonly method: string;
  readonly data?: string;
}

/** Longest wait for a reply without `--timeout-ms`. */
const SILENCE_MS = 30_000;

/**
 * Silence of a connection after which it is checked. Servers of gRPC end connections with more frequent checks
 * (proposal A8: 5 minutes).
 */
const KEEPALIVE_MS = 300_000;

/** Widest column of a list that others are aligned to. */
const MAX_WIDTH = 100;
/** Exit code of status 0; NOT_FOUND (5) exits with 69. */
const STATUS_EXIT = 64;

function makeCommand(take: (job: Job) => void): Command {
  const command = program("vrpc", "Lists and calls the methods of a server, on any wire.");
  addOptions(command);
  command.command("list").description("list all methods").argument("<address>")
    .action((address) => take({ name: "list", address, method: "" }));
  command.command("openapi").description("describe all methods over HTTP in OpenAPI 3.1, as JSON")
    .argument("<address>")
    .action((address) => take({ name: "openapi", address, method: "" }));
  command.command("call").description("call a method and print its replies")
    .argument("<address>").argument("<method>", "a route, or package.Service/Method")
    .argument(
      "[data]",
      "JSON or text, @file, or - for standard input (one message per line for streams)",
    )
    .action((address, method, data) => take({ name: "call", address, method, data }));
  command.command("session").description("send lines as messages and print replies, concurrently")
    .argument("<address>").argument("<method>")
    .action((address, method) => take({ name: "session", address, method }));
  return command.addHelpText(
    "after",
    `
An address may be a URL, such as https://api.example, and with connect and grpc-web it may have a path.
Methods listed by the server's reflection use JSON, all others bytes. A failed call is printed to standard error as
CODE: message, with a line for each error detail.
Exit code 0 for success, 64 plus the status code when a call fails (69 for NOT_FOUND),
1 for other failures, 2 for an invalid command line.`,
  );
}

function addOptions(command: Command): void {
  const entry = (text: string, before: string[] = []) => [...before, text];
  addWireOptions(command);
  command
    .addOption(
      option(
        "--timeout-ms <ms>",
        "VRPC_TIMEOUT_MS",
        `deadline of a call; 0 for none; default: none, but at most ${SILENCE_MS} ms until the first reply`,
        { parse: wholeNumber(0, 86_400_000) },
      ),
    )
    .addOption(
      option("--connect-timeout-ms <ms>", "VRPC_CONNECT_TIMEOUT_MS", "time limit for connecting", {
        default: 5_000,
        parse: wholeNumber(1, 3_600_000),
      }),
    )
    .addOption(
      option(
        "--lookup-timeout-ms <ms>",
        "VRPC_LOOKUP_TIMEOUT_MS",
        "time limit for the list of methods and their types",
        { default: 10_000, parse: wholeNumber(1, 3_600_000) },
      ),
    )
    .option("-m, --metadata <key:value>", "metadata to send; may be repeated", entry)
    .addOption(
      new Option("--compress <on|off>", "compress requests with gzip").argParser(onOff)
        .default(false, "off"),
    )
    .option(
      "--kind <kind>",
      "kind of a method that reflection does not list: unary, client_streaming, server_streaming or bidi_streaming",
      oneOf("unary", "client_streaming", "server_streaming", "bidi_streaming"),
    )
    .option("--raw", "print bytes unchanged, without line breaks")
    .addOption(
      option("--format <name>", "VRPC_FORMAT", "errors and lists as text or json", {
        default: "text",
        parse: oneOf("text", "json"),
      }),
    )
    .addOption(logLevelOption("warn"));
  addClientTlsOptions(command);
}

function readMetadata(entries: readonly string[]): Metadata {
  const metadata = new Metadata();
  for (const entry of entries) {
    const colon = entry.indexOf(":");
    if (colon < 1) throw new UsageError(`Cannot use metadata ${entry}: use the form key:value`);
    const key = entry.slice(0, colon).trim().toLowerCase();
    const value = entry.slice(colon + 1).trim();
    try {
      metadata.append(key, key.endsWith("-bin") ? bytesOf(entry, value) : value);
    } catch (error) {
      throw new UsageError(errorLine(error));
    }
  }
  return metadata;
}

function bytesOf(entry: string, base64: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(base64);
  } catch {
    throw new UsageError(`Cannot use metadata ${entry}: the value of a -bin key must be base64`);
  }
}

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

/** Runs a job on a connected channel. Returns the exit code. */
async function run(
  job: Job,
  flags: Flags,
  metadata: Metadata,
  channel: Channel,
): Promise<number> {
  const { timeoutMs, wire, format, compress } = flags;
  const lookupMs = Math.min(timeoutMs || Infinity, flags.lookupTimeoutMs);
  const lookup = { channel, wire, options: { metadata, timeoutMs: lookupMs } };
  let method: FoundMethod | undefined;
  try {
    await channel.ready({ timeoutMs: flags.connectTimeoutMs });
    if (job.name === "list") {
      await list(lookup, format);
      return 0;
    }
    if (job.name === "openapi") {
      console.log(printableJson(await describeMethods(lookup, job.address)));
      return 0;
    }
    const kind = job.name === "session" ? "bidi_streaming" : flags.kind;
    method = await findMethod(lookup, job.method, kind);
    if (job.name === "session" && method.kind !== "bidi_streaming") {
      throw new UsageError(`Method ${method.path} is ${method.kind}, no session; use call`);
    }
    await callMethod({
      channel,
      method,
      data: job.data,
      raw: flags.raw ?? false,
      options: { metadata, compress, timeoutMs: timeoutMs || undefined },
      silenceMs: timeoutMs === undefined ? SILENCE_MS : Infinity,
    });
    return 0;
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    console.error(await errorText(error, { format, known: method?.types?.registry, lookup }));
    return STATUS_EXIT + error.code;
  }
}

async function main(): Promise<number> {
  let job: Job | undefined;
  const flags = readOptions<Flags>(makeCommand((chosen) => job = chosen));
  if (job === undefined) {
    throw new UsageError("Missing command: use list, openapi, call or session (see --help)");
  }
  const metadata = readMetadata(flags.metadata ?? []);
  await logToStderr(flags.logLevel);
  const channel = openChannel(job.address, flags, {
    tls: await clientTls(flags),
    keepaliveTimeMs: KEEPALIVE_MS,
  });
  try {
    return await run(job, flags, metadata, channel);
  } finally {
    await closeSoon(channel);
  }
}

await runProgram("vrpc", main);
