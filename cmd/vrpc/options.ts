/**
 * Commands and options of the program.
 *
 * @module
 */

import { type Command, InvalidArgumentError, Option } from "commander";
import type { MethodKind } from "../../mod.ts";
import { parseDurationMs } from "../../src/load/mod.ts";
import { type Level, logLevelOption } from "../shared/logging.ts";
import { addExamples, type Example } from "../shared/examples.ts";
import { list, oneOf, onOff, option, program, wholeNumber } from "../shared/program.ts";
import { UsageError } from "../shared/program.ts";
import { addClientTlsOptions, type ClientTlsFlags } from "../shared/tls.ts";
import { addWireOptions, type WireFlags } from "../shared/wire.ts";
import type { Format } from "./error_text.ts";

/** Parsed options; see `--help`. */
export interface Flags extends ClientTlsFlags, WireFlags {
  timeoutMs?: number;
  lookupTimeoutMs: number;
  connectTimeoutMs: number;
  connectTimeout?: number;
  maxTime?: number;
  metadata?: string[];
  header?: string[];
  expandHeaders?: boolean;
  verbose?: boolean;
  emitDefaults: boolean;
  proto?: string[];
  protoPath?: string[];
  protoset?: string[];
  compress: boolean;
  kind?: MethodKind;
  raw?: boolean;
  format: Format;
  logLevel: Level;
}

/** What `channelz` lists. */
const CHANNELZ_KINDS: readonly string[] = ["channels", "servers", "sockets"];

/** What to do. */
export interface Job {
  readonly name:
    | "list"
    | "describe"
    | "openapi"
    | "call"
    | "session"
    | "health"
    | "channelz"
    | "repl";
  /** Address and names, as they were given. */
  readonly words: readonly string[];
  readonly data?: string;
  /** Whether to print a request to fill in. */
  readonly template?: boolean;
  /** Whether to go on and print each change. */
  readonly watch?: boolean;
  /** File of the history, or `off`. */
  readonly history?: string;
}

/** Longest wait for a reply without `--timeout-ms`. */
export const SILENCE_MS = 30_000;

const ECHO = `127.0.0.1:50051 vrpc.echo.v1.EchoService/Echo '{"payload":"aGk="}'`;

/** Examples of the program as a whole. */
const OVERVIEW: readonly Example[] = [
  ["list 127.0.0.1:50051", "the methods of a server"],
  ["describe 127.0.0.1:50051 vrpc.echo.v1.EchoService", "one of its services"],
  [`call ${ECHO}`, "a call; bytes are in base64"],
  ["repl 127.0.0.1:50051", "all of this, with completion and history"],
];

/** Examples of each command. */
const EXAMPLES: Readonly<Record<string, readonly Example[]>> = {
  list: [
    ["127.0.0.1:50051", "by reflection"],
    ["unix:/run/vrpc.sock --wire lean", "by the lean wire, which needs no reflection"],
    ["--proto shop.proto", "of a file, without a server"],
    ["127.0.0.1:50051 --format json", "for programs"],
  ],
  describe: [
    ["127.0.0.1:50051", "all services"],
    ["127.0.0.1:50051 vrpc.echo.v1.EchoService/Echo", "a method and its messages"],
    ["127.0.0.1:50051 vrpc.echo.v1.EchoService/Echo --template", "a request to fill in"],
    ["--proto shop.proto shop.v1.Order", "a message of a file, without a server"],
  ],
  openapi: [
    ["127.0.0.1:50051", "for other tools"],
    ["127.0.0.1:50051 -H 'authorization: Bearer abc'", "of a server that asks for a token"],
  ],
  call: [
    [ECHO, "bytes are in base64"],
    [
      `https://api.example/rpc shop.v1.Orders/Get '{"id":"7"}' --wire connect`,
      "by Connect, behind a URL",
    ],
    [
      `api.example:443 shop.v1.Orders/Get -d '{"id":"7"}' --tls on -H 'authorization: Bearer abc'`,
      "over TLS, with metadata",
    ],
    [
      "127.0.0.1:50051 shop.v1.Orders/Import @orders.jsonl --timeout-ms 5000",
      "a stream, with a message per line of a file, within five seconds",
    ],
    [
      `127.0.0.1:50051 shop.v1.Orders/Get '{"id":"7"}' --proto shop.proto -v`,
      "a server without reflection; with sizes and times",
    ],
  ],
  session: [
    ["127.0.0.1:50051 vrpc.echo.v1.EchoService/EchoStream", "each line is a message in JSON"],
    ["127.0.0.1:50051 /chat --wire lean -H 'name: ann'", "with text, on the lean wire"],
  ],
  health: [
    ["127.0.0.1:50051", "of the server; exit code 4 unless it is SERVING"],
    ["127.0.0.1:50051 shop.v1.Orders", "of one of its services"],
    ["127.0.0.1:50051 --watch", "go on, and print each change"],
  ],
  channelz: [
    ["127.0.0.1:50051", "all channels and servers"],
    ["127.0.0.1:50051 sockets", "all connections"],
    ["127.0.0.1:50051 7", "one of them, its parts and its latest events"],
    ["127.0.0.1:50051 channels --format json", "as JSON, one on each line"],
  ],
  repl: [
    ["127.0.0.1:50051", "from a terminal; help lists the commands"],
    ["127.0.0.1:50051 --history off < commands.txt", "commands of a file"],
  ],
};

/** Creates the command line; `take` gets the chosen command. */
export function vrpcCommand(take: (job: Job) => void): Command {
  const command = program(
    "vrpc",
    "Lists, describes and calls the methods of a server, on any wire.",
  );
  addOptions(command);
  addCommands(command, take);
  command.configureOutput({ outputError: (text, write) => write(text + orderHint(text)) });
  for (const [name, examples] of Object.entries(EXAMPLES)) {
    addExamples(command.commands.find((one) => one.name() === name)!, examples);
  }
  command.addHelpText(
    "after",
    `
An address may be a URL, such as https://api.example, and with connect and grpc-web it may have a path.
With --proto or --protoset the types come from files, not from the server; list and describe then take no address.
Attestation has commands of its own: vrpc attest verify, vrpc attest fetch and vrpc pcrs (see vrpc attest --help).
Methods with known types use JSON, all others bytes. A failed call is printed to standard error as
CODE: message, with a line for each error detail.
Exit code 0 for success, 64 plus the status code when a call fails (69 for NOT_FOUND),
1 for other failures, 2 for an invalid command line.`,
  );
  return addExamples(command, OVERVIEW);
}

/** Grpcurl takes the address first. */
function orderHint(error: string): string {
  const address = /unknown command '(\S*[:/]\S*)'/.exec(error)?.[1];
  return address === undefined ? "" : `The command comes first: vrpc list ${address}\n`;
}

function addCommands(command: Command, take: (job: Job) => void): void {
  command.command("list").description("list all methods").argument("[address]")
    .action((address?: string) => take({ name: "list", words: given(address) }));
  command.command("describe")
    .description("print services, methods and types as .proto text, or with --format json as JSON")
    .argument("[address]")
    .argument(
      "[name...]",
      "package.Service, package.Service/Method or package.Type; default: all services",
    )
    .option("--template", "print a request to fill in, as JSON, for a method or a message")
    .action((address: string | undefined, names: string[], { template }) =>
      take({ name: "describe", words: [...given(address), ...names], template })
    );
  command.command("openapi").description("describe all methods over HTTP in OpenAPI 3.1, as JSON")
    .argument("<address>")
    .action((address) => take({ name: "openapi", words: [address] }));
  command.command("call").description("call a method and print its replies")
    .argument("<address>").argument("<method>", "a route, or package.Service/Method")
    .argument(
      "[data]",
      "JSON or text, @file, or - for standard input (one message per line for streams)",
    )
    .option("-d, --data <data>", "the same as [data], as grpcurl takes it; @ for standard input")
    .action((address, method, data, flags: { data?: string }) => {
      if (data !== undefined && flags.data !== undefined) {
        throw new UsageError("Cannot use both [data] and --data");
      }
      const given = flags.data === "@" ? "-" : flags.data;
      take({ name: "call", words: [address, method], data: data ?? given });
    });
  command.command("session").description("send lines as messages and print replies, concurrently")
    .argument("<address>").argument("<method>")
    .action((address, method) => take({ name: "session", words: [address, method] }));
  command.command("health")
    .description("print the health of a server or service; exit code 4 unless it is SERVING")
    .argument("<address>").argument("[service]", "default: the server as a whole")
    .option("--watch", "go on, and print each change")
    .action((address, service = "", { watch }) =>
      take({ name: "health", words: [address, service], watch })
    );
  addChannelz(command, take);
  command.command("repl")
    .description("run commands about a server from a terminal, with completion, or from lines")
    .argument("<address>")
    .addOption(
      option(
        "--history <file>",
        "VRPC_HISTORY",
        "file of the commands of earlier runs, or off; default: vrpc/history in the user's state folder",
      ),
    )
    .action((address, { history }) => take({ name: "repl", words: [address], history }));
}

function addChannelz(command: Command, take: (job: Job) => void): void {
  command.command("channelz")
    .description("show the channels, servers and connections of a process with addChannelz")
    .argument("<address>")
    .argument(
      "[what]",
      "channels, servers, sockets, or the id of one; default: channels and servers",
    )
    .action((address, what?: string) => {
      if (what !== undefined && !CHANNELZ_KINDS.includes(what) && !/^[0-9]{1,18}$/.test(what)) {
        throw new UsageError(`Cannot show ${what}: it must be channels, servers, sockets or an id`);
      }
      take({ name: "channelz", words: [address, ...given(what)] });
    });
}

function given(address: string | undefined): string[] {
  return address === undefined ? [] : [address];
}

function addOptions(command: Command): void {
  const entry = (text: string, before: string[] = []) => [...before, text];
  addWireOptions(command);
  addTimeOptions(command);
  addTypeOptions(command);
  command
    .option(
      "-m, --metadata <key:value>",
      "metadata to send, or @file with a line for each; may be repeated",
      entry,
    )
    .option("-H, --header <key:value>", "the same as --metadata", entry)
    .option("--expand-headers", "replace ${NAME} in metadata by environment variables")
    .option("-v, --verbose", "print metadata, sizes and the time of each phase to standard error")
    .addOption(
      new Option("--emit-defaults <on|off>", "print fields that have their default value")
        .argParser(onOff)
        .default(true, "on"),
    )
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
      option(
        "--format <name>",
        "VRPC_FORMAT",
        "errors, lists and descriptions as text or json; raw: messages as encoded bytes",
        { default: "text", parse: oneOf("text", "json", "raw") },
      ),
    )
    .addOption(logLevelOption("warn"));
  addClientTlsOptions(command);
}

/** Adds the files of types. */
function addTypeOptions(command: Command): void {
  command
    .addOption(
      option(
        "--proto <files>",
        "VRPC_PROTO",
        ".proto files with the types, instead of reflection",
        {
          parse: list(),
        },
      ),
    )
    .addOption(
      option(
        "-I, --proto-path <folders>",
        "VRPC_PROTO_PATH",
        "folders that imports of .proto files are relative to; default: the folder of the first file",
        { parse: list() },
      ),
    )
    .addOption(
      option(
        "--protoset <files>",
        "VRPC_PROTOSET",
        "encoded descriptor sets with the types, instead of reflection",
        { parse: list() },
      ),
    );
}

function durationMs(text: string): number {
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms > 0 && ms <= 86_400_000) return ms;
  throw new InvalidArgumentError(
    "It must be a duration up to 24h, such as 500ms; a number alone is in seconds.",
  );
}

function addTimeOptions(command: Command): void {
  command
    .addOption(
      option("--max-time <duration>", "VRPC_MAX_TIME", "time limit for everything together", {
        parse: durationMs,
      }),
    )
    .addOption(
      option(
        "--connect-timeout <duration>",
        "VRPC_CONNECT_TIMEOUT",
        "--connect-timeout-ms with a unit",
        {
          parse: durationMs,
        },
      ),
    )
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
    );
}
