/**
 * Stops the server that `deno task server` started, and waits until it has drained.
 *
 *     server_stop.ts [PID_FILE] [--wait-ms MS]
 *
 * @module
 */

import { pidFileOwner } from "../cmd/shared/pid_file.ts";
import { readArguments, refuse, whole } from "./arguments.ts";

const USAGE = `
usage: deno task server:stop [PID_FILE] [--wait-ms MS]

  PID_FILE        file with the id of the server's process; default .cache/server.pid
  --wait-ms MS    longest wait for the server to drain, 0 to 3600000; default 30000

Exit code 0 when no server is running any more, 1 when it did not end in time or the file is not its own,
2 for invalid arguments.`;

const POLL_MS = 50;

async function stop(path: string, waitMs: number): Promise<number> {
  using owner = await pidFileOwner(path);
  if (owner === undefined) {
    console.log("No server started by `deno task server` is running");
    return 0;
  }
  const { pid } = owner;
  Deno.kill(pid, "SIGTERM");
  const endMs = performance.now() + waitMs;
  // The server releases the file as its last step.
  while (await owner.isRunning()) {
    if (performance.now() >= endMs) {
      console.error(
        `server:stop: The server (pid ${pid}) did not end within ${waitMs} ms: ` +
          `wait longer with --wait-ms, or end it with: kill -9 ${pid}`,
      );
      return 1;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  console.log(`Stopped the server (pid ${pid})`);
  return 0;
}

const { values, names } = readArguments(USAGE, { "wait-ms": whole(30_000, 0, 3_600_000) }, "any");
if (names.length > 1) refuse(`Cannot take "${names[1]}" beside ${names[0]}; see --help`);
const path = names[0] ?? new URL("../.cache/server.pid", import.meta.url).pathname;
try {
  Deno.exit(await stop(path, values["wait-ms"]));
} catch (error) {
  console.error(`server:stop: Cannot use ${path}: ${(error as Error).message}`);
  Deno.exit(1);
}
