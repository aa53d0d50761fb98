/**
 * The client program: checks the echo and crypto services of a server and measures their latency.
 *
 *     deno task client --addr 127.0.0.1:50051
 *
 * @module
 */

import { RpcError } from "../mod.ts";
import { checkTarget } from "./shared/addresses.ts";
import { type CheckResult, runChecks } from "./shared/client_checks.ts";
import { type Level, logLevelOption, logToStderr } from "./shared/logging.ts";
import {
  errorLine,
  oneLine,
  option,
  program,
  readOptions,
  runProgram,
  wholeNumber,
} from "./shared/program.ts";
import { addExamples } from "./shared/examples.ts";
import { table } from "./shared/table.ts";
import { addClientTlsOptions, clientTls, type ClientTlsFlags } from "./shared/tls.ts";
import { closeSoon } from "./shared/waits.ts";
import { addWireOptions, openChannel, type WireFlags } from "./shared/wire.ts";

interface Flags extends ClientTlsFlags, WireFlags {
  addr: string;
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
        accepts: checkTarget,
      }),
    );
  addWireOptions(command);
  command
    .addOption(
      option("--timeout-ms <ms>", "VRPC_TIMEOUT_MS", "deadline of each call", {
        default: 10_000,
        parse: wholeNumber(1, 3_600_000),
      }),
    )
    .addOption(
      option("--connect-timeout-ms <ms>", "VRPC_CONNECT_TIMEOUT_MS", "time limit for connecting", {
        default: 2_000,
        parse: wholeNumber(1, 3_600_000),
      }),
    )
    .addOption(logLevelOption("warn"));
  addExamples(
    addClientTlsOptions(command).addHelpText(
      "after",
      `
Addresses: host:port, [::1]:port, unix:path, unix-abstract:name, vsock:cid:port, hvsock:path:port;
a URL such as https://api.example, with a path on connect and grpc-web.
Exit code 0 when every check passed, 1 when one failed, 2 for a mistake in the options.`,
    ),
    [
      ["", "check the server on 127.0.0.1:50051"],
      ["--addr unix:/run/vrpc.sock --wire lean", "over a Unix socket, on the lean wire"],
      ["--addr api.example:443 --tls on", "over TLS, verified by the well-known authorities"],
    ],
  );
  return readOptions<Flags>(command);
}

function describe(error: unknown): string {
  return error instanceof RpcError
    ? `${error.codeName}: ${oneLine(error.message)}`
    : errorLine(error);
}

const microseconds = (us: number | undefined) => us === undefined ? "" : us.toFixed(0);

async function main(): Promise<number> {
  const flags = readFlags();
  await logToStderr(flags.logLevel);
  const channel = openChannel(flags.addr, flags, { tls: await clientTls(flags) });
  try {
    await channel.ready({ timeoutMs: flags.connectTimeoutMs });
    return report(await runChecks(channel, flags.timeoutMs, describe));
  } finally {
    await closeSoon(channel);
  }
}

/** Prints the results. Returns the exit code. */
function report(results: readonly CheckResult[]): number {
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
