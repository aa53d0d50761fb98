/**
 * Stops the server that `deno task server` started, and waits until it has drained.
 *
 *     server_stop.ts [PID_FILE]
 *
 * @module
 */

import { pidFileOwner } from "../cmd/shared/pid_file.ts";

const PID_FILE = Deno.args[0] ?? new URL("../.cache/server.pid", import.meta.url).pathname;
const POLL_MS = 50;

try {
  using owner = await pidFileOwner(PID_FILE);
  if (owner === undefined) {
    console.log("No server started by `deno task server` is running");
  } else {
    Deno.kill(owner.pid, "SIGTERM");
    // The server releases the file as its last step.
    while (await owner.isRunning()) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    console.log(`Stopped the server (pid ${owner.pid})`);
  }
} catch (error) {
  console.error(`server:stop: Cannot use ${PID_FILE}: ${(error as Error).message}`);
  Deno.exit(1);
}
