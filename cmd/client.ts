/**
 * The client program: checks the echo and crypto services of a server and measures their latency.
 *
 *     deno task client --addr 127.0.0.1:50051
 *
 * @module
 */

import { connect, RpcError } from "../mod.ts";
import { parseAddress } from "../src/transport/mod.ts";
import { runChecks } from "./shared/client_checks.ts";
import { type Level, level, levelOfRustLog, logToStderr } from "./shared/logging.ts";
import {
  environment,
  errorLine,
  oneOf,
  option,
  program,
  readOptions,
  runProgram,
  UsageError,
  wholeNumber,
} from "./shared/program.ts";
import { table } from "./shared/table.ts";
import { addClientTlsOptions, clientTls, type ClientTlsFlags } from "./shared/tls.ts";

interface Flags extends ClientTlsFlags {
  addr: string;
  wire: "grpc" | "lean";
  timeoutMs: number;
  connectTimeoutMs: number;
  logLevel: Level;
}

function readFlags(): Flags {
  const command = program("client", "Checks the echo and crypto services of a server.");
  command
    .addOption(
      option("-a, --addr <address>", "SERVER_ADDR", "address of the server", {
        default: "127.0.0.1:50051",
      }),
    )
    .addOption(
      option("--wire <name>", "WIRE", "grpc or lean", {
        default: "grpc",
        parse: oneOf("grpc", "lean"),
      }),
    )
    .addOption(
      option("--timeout-ms <ms>", "TIMEOUT_MS", "deadline of each call", {
        default: 10_000,
        parse: wholeNumber(1, 3_600_000),
      }),
    )
    .addOption(
      option("--connect-timeout-ms <ms>", "CONNECT_TIMEOUT_MS", "time limit for connecting", {
        default: 2_000,
        parse: wholeNumber(1, 3_600_000),
      }),
    )
    .addOption(
      option(
        "--log-level <level>",
        "LOG_LEVEL",
        "trace, debug, info, warn or error; default also from RUST_LOG",
        {
          default: levelOfRustLog(environment("RUST_LOG")) ?? "warn",
          defaultText: "warn",
          parse: level,
        },
      ),
    );
  addClientTlsOptions(command).addHelpText(
    "after",
    `
Addresses: host:port, [::1]:port, unix:path, unix-abstract:name, vsock:cid:port, hvsock:path:port.
Exit code 0 when every check passed, 1 when one failed, 2 for a mistake in the options.`,
  );
  return readOptions<Flags>(command);
}

function describe(error: unknown): string {
  return error instanceof RpcError ? `${error.codeName}: ${error.message}` : errorLine(error);
}

const microseconds = (us: number | undefined) => us === undefined ? "" : us.toFixed(0);

async function main(): Promise<number> {
  const flags = readFlags();
  try {
    parseAddress(flags.addr);
  } catch (error) {
    throw new UsageError(errorLine(error));
  }
  await logToStderr(flags.logLevel);
  await using channel = connect(flags.addr, { wire: flags.wire, tls: await clientTls(flags) });
  await channel.ready({ timeoutMs: flags.connectTimeoutMs });
  const results = await runChecks(channel, flags.timeoutMs, describe);
  console.log(table([
    ["check", "result", "server µs", "total µs"],
    ...results.map(({ name, failure, serverUs, totalUs }) => [
      name,
      failure === undefined ? "ok" : "FAILED",
      microseconds(serverUs),
      microseconds(totalUs),
    ]),
  ]));
  const failed = results.filter((result) => result.failure !== undefined);
  for (const { name, failure } of failed) console.error(`${name}: ${failure}`);
  console.log(`${results.length - failed.length} passed, ${failed.length} failed`);
  return failed.length === 0 ? 0 : 1;
}

await runProgram("client", main);
