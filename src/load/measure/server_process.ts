/**
 * CPU time of a server process on this machine (Linux), found by the address on which it listens.
 *
 * @module
 */

import { readdir, readFile, readlink } from "node:fs/promises";

// Unit of the CPU times in /proc, in ms: Linux reports them in ticks of USER_HZ, which is 100.
const TICK_MS = 10;
const LISTENING_TCP = "0A";
const ACCEPTS_UNIX = "00010000";

/** Local endpoint on which a server listens. */
export type LocalEndpoint =
  | { readonly kind: "tcp"; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** Finds the processes that listen on a local endpoint; empty when they can't be determined. */
export async function listeningProcesses(endpoint: LocalEndpoint): Promise<number[]> {
  try {
    const inodes = endpoint.kind === "tcp"
      ? await tcpInodes(endpoint.port)
      : await unixInodes(endpoint.path);
    return inodes.size === 0 ? [] : await holders(inodes);
  } catch {
    // No /proc, or no read permission.
    return [];
  }
}

/** Reads the CPU time of processes since their start, user and system, in ms; undefined when it can't be read. */
export async function processCpuMs(pids: readonly number[]): Promise<number | undefined> {
  if (pids.length === 0) return undefined;
  let ticks = 0;
  try {
    for (const pid of pids) {
      const stat = await readFile(`/proc/${pid}/stat`, "utf8");
      // The command name, in parentheses, may contain any character.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      ticks += Number(fields[11]) + Number(fields[12]);
    }
  } catch {
    return undefined;
  }
  return ticks * TICK_MS;
}

async function tcpInodes(port: number): Promise<Set<string>> {
  const suffix = ":" + port.toString(16).toUpperCase().padStart(4, "0");
  const inodes = new Set<string>();
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    const text = await readFile(file, "utf8").catch(() => "");
    for (const line of text.split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (fields[3] === LISTENING_TCP && fields[1].endsWith(suffix)) inodes.add(fields[9]);
    }
  }
  return inodes;
}

async function unixInodes(path: string): Promise<Set<string>> {
  const inodes = new Set<string>();
  // vrpc binds sockets in a private directory beside their file.
  const at = path.lastIndexOf("/") + 1;
  const boundAt = (bound: string) =>
    bound === path ||
    bound.startsWith(path.slice(0, at)) && /^\.vrpc-[0-9a-f]{6}\//.test(bound.slice(at)) &&
      bound.slice(bound.indexOf("/", at) + 1) === path.slice(at);
  for (const line of (await readFile("/proc/net/unix", "utf8")).split("\n").slice(1)) {
    const fields = line.trim().split(/\s+/);
    if (fields[3] === ACCEPTS_UNIX && boundAt(fields.slice(7).join(" "))) inodes.add(fields[6]);
  }
  return inodes;
}

async function holders(inodes: ReadonlySet<string>): Promise<number[]> {
  const links = new Set([...inodes].map((inode) => `socket:[${inode}]`));
  const pids: number[] = [];
  for (const name of await readdir("/proc")) {
    if (/^\d+$/.test(name) && await holdsAny(name, links)) pids.push(Number(name));
  }
  return pids;
}

async function holdsAny(pid: string, links: ReadonlySet<string>): Promise<boolean> {
  try {
    for (const name of await readdir(`/proc/${pid}/fd`)) {
      const link = await readlink(`/proc/${pid}/fd/${name}`).catch(() => "");
      if (links.has(link)) return true;
    }
  } catch {
    // The process has ended or belongs to another user.
  }
  return false;
}
