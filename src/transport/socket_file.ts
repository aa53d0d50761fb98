/**
 * Files of Unix sockets: created with their permissions, replaced only when stale, removed only by their owner.
 *
 * @module
 */

import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { type RawConn, type RawListener, runtime } from "../runtime/mod.ts";
import { MAX_UNIX_PATH_BYTES } from "./address.ts";
import { codedError } from "./failure.ts";

// Time limit for the lock, in ms. This library holds the lock for less than a millisecond; other programs may keep it.
const LOCK_TIMEOUT_MS = 1_000;
const LOCK_POLL_MS = 5;
const PRIVATE_PREFIX = ".vrpc-";

const utf8 = new TextEncoder();

/** Listener with its file. */
export interface BoundSocket {
  /** Listener of the runtime. */
  readonly listener: RawListener<RawConn>;
  /** File of the listener's socket. */
  readonly file: SocketFile;
}

/** File of a listening socket. Removed when the process exits, too. */
export class SocketFile {
  readonly #path: string;
  readonly #info: Stats;

  /** Takes over the file that is at `path`. */
  constructor(path: string) {
    this.#path = path;
    this.#info = lstatSync(path);
    if (open.size === 0) cancelRemoval = runtime.onExit(removeAll);
    open.add(this);
  }

  /**
   * Removes the file, unless another file has taken its path. Call it before the listener is closed: as long as the
   * socket accepts connections, no other server replaces the file.
   */
  remove(): void {
    if (open.delete(this) && open.size === 0) cancelRemoval();
    try {
      if (isSame(lstatSync(this.#path), this.#info)) unlinkSync(this.#path);
    } catch {
      // It was removed already, or its directory is no longer accessible.
    }
  }
}

// Files to remove when the process exits, because an exit closes no listener.
const open = new Set<SocketFile>();
let cancelRemoval = () => {};

function removeAll(): void {
  for (const file of [...open]) file.remove();
}

/**
 * Listens on the socket file `path`, which has the permissions `mode` as soon as it exists. Replaces a socket that
 * refuses connections; of several concurrent calls, in any processes, one succeeds. Rejects with EADDRINUSE if the
 * socket is in use, with an Error if `path` is another kind of file.
 */
export async function listenOnFile(path: string, mode: number): Promise<BoundSocket> {
  if (await staleSocket(path) === undefined) return await place(path, mode, undefined);
  using _lock = await lockFolder(folderOf(path));
  // Another process may have replaced the socket before the lock was acquired, so it is checked again.
  return await place(path, mode, await staleSocket(path));
}

/**
 * Resolves to the socket at `path` that refuses connections, or to undefined if nothing is there. Rejects if the path
 * can't be used.
 */
async function staleSocket(path: string): Promise<Stats | undefined> {
  const info = infoOf(path);
  if (info === undefined) return undefined;
  if (!info.isSocket()) {
    throw new Error(`its path is ${kindOf(info)}; remove that, or choose another path`);
  }
  try {
    (await runtime.connectUnix(path)).close();
  } catch (error) {
    const code = runtime.errorCode(error);
    if (code === "ECONNREFUSED") return info;
    if (code === "ENOENT") return undefined;
    if (code === "EACCES" || code === "EPERM") {
      throw new Error("its path is a socket that this user may not connect to", { cause: error });
    }
    // Other errors mean that the socket is not a stream socket, or that its queue of connections is full.
  }
  throw inUse();
}

/**
 * Binds a socket in a private directory beside `path`, sets its permissions and links it to `path`. The directory is
 * left behind only if the process ends meanwhile.
 */
async function place(
  path: string,
  mode: number,
  stale: Stats | undefined,
): Promise<BoundSocket> {
  const folder = makePrivateFolder(folderOf(path));
  const aside = `${folder}/~`;
  let listener: RawListener<RawConn> | undefined;
  try {
    const made = await bindIn(folder, nameOf(path));
    listener = made.listener;
    chmodSync(made.path, mode);
    if (stale !== undefined) moveAside(path, aside, stale);
    link(made.path, path);
    return { listener, file: new SocketFile(path) };
  } catch (error) {
    listener?.close();
    throw error;
  } finally {
    removeFolder(folder);
  }
}

function removeFolder(folder: string): void {
  try {
    rmSync(folder, { recursive: true });
  } catch {
    // The directory was removed already.
  }
}

function makePrivateFolder(parent: string): string {
  for (;;) {
    const folder = `${parent}${PRIVATE_PREFIX}${crypto.randomUUID().slice(0, 6)}`;
    try {
      mkdirSync(folder, { mode: 0o700 });
      return folder;
    } catch (error) {
      if (runtime.errorCode(error) !== "EEXIST") throw error;
    }
  }
}

/**
 * Binds a socket in `folder`, named `name` if that path is short enough, because tools such as `ss` show the bound
 * path.
 */
async function bindIn(
  folder: string,
  name: string,
): Promise<{ listener: RawListener<RawConn>; path: string }> {
  const named = [name, "s"].map((one) => `${folder}/${one}`).find(fits);
  if (named !== undefined) {
    return { listener: await runtime.listenUnix(named), path: named };
  }
  // A path that is too long is bound through a symbolic link in the directory of temporary files.
  const alias = mkdtempSync(`${temporaryFolder()}/`);
  try {
    symlinkSync(realpathSync(folder), `${alias}/d`);
    const listener = await runtime.listenUnix(`${alias}/d/s`);
    return { listener, path: `${folder}/s` };
  } finally {
    removeFolder(alias);
  }
}

function temporaryFolder(): string {
  try {
    return tmpdir();
  } catch {
    // The program may not read the environment.
    return "/tmp";
  }
}

function fits(path: string): boolean {
  return utf8.encode(path).length <= MAX_UNIX_PATH_BYTES;
}

/** Moves the stale socket to `aside`. Throws EADDRINUSE if another file has taken its place. */
function moveAside(path: string, aside: string, stale: Stats): void {
  const found = infoOf(path);
  if (found === undefined) return;
  if (!isSame(found, stale)) throw inUse();
  renameSync(path, aside);
  if (isSame(lstatSync(aside), stale)) return;
  // A program that does not use the lock has replaced the file meanwhile.
  linkSync(aside, path);
  throw inUse();
}

/** Links a socket to `path`. Throws EADDRINUSE if a file exists there. */
function link(from: string, path: string): void {
  try {
    linkSync(from, path);
  } catch (error) {
    const code = runtime.errorCode(error);
    if (code === "EEXIST") throw inUse();
    if (code === "ENOTCAPABLE") throw error;
    // On a file system without hard links, the socket is renamed.
    if (infoOf(path) !== undefined) throw inUse();
    renameSync(from, path);
  }
}

/** Locks a directory against other processes that replace a stale socket in it. */
async function lockFolder(folder: string): Promise<Disposable> {
  const endMs = performance.now() + LOCK_TIMEOUT_MS;
  try {
    // After the timeout a foreign lock is ignored: it must not keep a server from starting.
    while (performance.now() < endMs) {
      const lock = await runtime.tryLock(folder || ".");
      if (lock !== undefined) return lock;
      await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
    }
  } catch {
    // A directory that may be written but not read can't be locked.
  }
  return { [Symbol.dispose]() {} };
}

/** Returns the path up to and including the last slash. */
function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function infoOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if (runtime.errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Whether two entries are the same file. Compares modification times too, because inode numbers are reused. */
function isSame(one: Stats, other: Stats): boolean {
  return one.dev === other.dev && one.ino === other.ino &&
    one.mtimeMs === other.mtimeMs;
}

function kindOf(info: Stats): string {
  if (info.isFile()) return "a regular file";
  if (info.isDirectory()) return "a directory";
  return info.isSymbolicLink() ? "a symbolic link" : "no socket";
}

function inUse(): Error {
  return codedError("EADDRINUSE", "The socket is in use");
}
