/**
 * Stops the server that `deno task server` started, and waits until it has drained.
 *
 *     server_stop.ts [PID_FILE]
 *
 * @module
 */

const PID_FILE = Deno.args[0] ?? new URL("../.cache/server.pid", import.meta.url).pathname;
const POLL_MS = 50;

async function readPid(): Promise<number | undefined> {
  const text = await Deno.readTextFile(PID_FILE).catch(() => "");
  return /^\d+\s*$/.test(text) ? Number(text) : undefined;
}

/** Whether the process is this server: process ids are reused. */
async function isServer(pid: number): Promise<boolean> {
  if (Deno.build.os !== "linux") return true;
  const commandLine = await Deno.readTextFile(`/proc/${pid}/cmdline`).catch(() => "");
  return commandLine.includes("cmd/server.ts");
}

const pid = await readPid();
if (pid === undefined || !await isServer(pid)) {
  console.log("No server started by `deno task server` is running");
  await Deno.remove(PID_FILE).catch(() => {});
  Deno.exit(0);
}
try {
  Deno.kill(pid, "SIGTERM");
} catch (error) {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
// Removing the file is the last step of the server.
while (await readPid() === pid && await isServer(pid)) {
  await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}
console.log(`Stopped the server (pid ${pid})`);
