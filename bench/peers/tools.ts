/**
 * Runs programs and reads their figures from the kernel.
 *
 * @module
 */

import { join } from "node:path";
import { cacheFolder } from "../../scripts/cache_folder.ts";
import { createAuthority } from "../../src/transport/certs.ts";

/** Folder of builds, outside the checkout. */
export const CACHE = Deno.env.get("VRPC_PEERS_CACHE") ?? cacheFolder("peers");

/** This folder. */
export const HERE = new URL(".", import.meta.url).pathname;

/** Runs a program and returns its standard output. Throws when it fails. */
export async function run(
  command: string[],
  options: { cwd?: string; env?: Record<string, string>; limitMs?: number } = {},
): Promise<string> {
  const child = new Deno.Command(command[0], {
    args: command.slice(1),
    cwd: options.cwd,
    env: options.env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), options.limitMs ?? 900_000);
  const { code, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (code !== 0) {
    throw new Error(`${command.slice(0, 6).join(" ")} ended with ${code}: ${(err || out).trim()}`);
  }
  return out;
}

/** Returns the first line of a program's output; undefined when it can't be run. */
export async function versionOf(command: string[]): Promise<string | undefined> {
  try {
    return (await run(command)).split("\n")[0].trim();
  } catch {
    return undefined;
  }
}

/** Running server. */
export interface Running extends AsyncDisposable {
  /** Address. */
  address: string;
  /** Process id. */
  pid: number;
  /** Whether it is running. */
  readonly alive: boolean;
}

/** Starts a server on a core, or on several (`0,1`), and waits for its line `listening ADDRESS`. */
export async function startServer(
  command: string[],
  cores: number | string,
  env: Record<string, string> = {},
): Promise<Running> {
  const child = new Deno.Command("taskset", {
    args: ["-c", String(cores), ...command],
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream() as never) as ReadableStream<
    string
  >;
  let alive = true;
  child.status.then(() => alive = false);
  const stop = async () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // The server has already ended.
    }
    await child.status;
    await lines.cancel().catch(() => {});
  };
  const timer = setTimeout(stop, 20_000);
  let written = "";
  const reader = lines.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    written += part.value;
    const address = /listening (\S+)\s/.exec(written)?.[1];
    if (address === undefined) continue;
    clearTimeout(timer);
    reader.releaseLock();
    return {
      address,
      pid: child.pid,
      get alive() {
        return alive;
      },
      [Symbol.asyncDispose]: stop,
    };
  }
  clearTimeout(timer);
  reader.releaseLock();
  await stop();
  throw new Error(`${command.join(" ")} did not listen: ${written}`);
}

/** Reads the CPU time of a process and its threads, in seconds (proc(5): utime and stime, ticks of 10 ms). */
export function cpuSeconds(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Reads the resident memory of a process, in MB (10⁶ bytes). */
export function residentMegabytes(pid: number): number {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1];
  return Number(kilobytes) * 1024 / 1e6;
}

/** Files of certificates and keys. */
interface Identities {
  /** Arguments that a server takes for TLS. */
  readonly server: string[];
  /** Further arguments for mutual TLS. */
  readonly clientCa: string[];
  /** Certificate and key of a client. */
  readonly client: string[];
}

let identities: Promise<Identities> | undefined;

async function writeIdentities(): Promise<Identities> {
  const authority = await createAuthority();
  await Deno.mkdir(CACHE, { recursive: true });
  const write = async (name: string, text: string) => {
    const file = join(CACHE, name);
    await Deno.writeTextFile(file, text, { mode: 0o600 });
    return file;
  };
  const server = await authority.issueServer();
  const client = await authority.issueClient({ commonName: "benchmark" });
  return {
    server: [
      ...["--tls-cert", await write("server.crt", server.cert)],
      ...["--tls-key", await write("server.key", server.key)],
    ],
    clientCa: ["--tls-client-ca", await write("authority.crt", authority.cert)],
    client: [await write("client.crt", client.cert), await write("client.key", client.key)],
  };
}

/** Writes certificates, once; returns the arguments that a server takes for TLS or mutual TLS. */
export async function tlsArguments(tls: "server" | "mutual"): Promise<string[]> {
  const { server, clientCa } = await (identities ??= writeIdentities());
  return tls === "mutual" ? [...server, ...clientCa] : server;
}

/** Returns the files of a client's certificate and key. */
export async function clientIdentity(): Promise<string[]> {
  return (await (identities ??= writeIdentities())).client;
}
