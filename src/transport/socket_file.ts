/**
 * Files of Unix sockets: created with their permissions, replaced only when stale, removed only by their owner.
 *
 * @module
 */

import { MAX_UNIX_PATH_BYTES } from "./address.ts";

/** Default permissions of a socket file: connections from the same user only. */
export const DEFAULT_UNIX_MODE = 0o600;

// Time limit for the lock, in ms. This library holds the lock for less than a millisecond; other programs may keep it.
const LOCK_TIMEOUT_MS = 1_000;
const LOCK_POLL_MS = 5;
const PRIVATE_PREFIX = ".vrpc-";

const utf8 = new TextEncoder();

/** Listener with its file. */
export interface BoundSocket {
  /** Listener of the runtime. */
  readonly listener: Deno.UnixListener;
  /** File of the listener's socket. */
  readonly file: SocketFile;
}

/** File of a listening socket. Removed when the process exits, too. */
export class SocketFile {
  readonly #path: string;
  readonly #info: Deno.FileInfo;

  /** Takes over the file that is at `path`. */
  constructor(path: string) {
    this.#path = path;
    this.#info = Deno.lstatSync(path);
    if (open.size === 0) globalThis.addEventListener("unload", removeAll);
    open.add(this);
  }

  /**
   * Removes the file, unless another file has taken its path. Call it before the listener is closed: as long as the
   * socket accepts connections, no other server replaces the file.
   */
  remove(): void {
    open.delete(this);
    if (open.size === 0) globalThis.removeEventListener("unload", removeAll);
    try {
      if (isSame(Deno.lstatSync(this.#path), this.#info)) Deno.removeSync(this.#path);
    } catch {
      // It was removed already, or its directory is no longer accessible.
    }
  }
}

// Files to remove when the process exits, because `Deno.exit` closes no listener.
const open = new Set<SocketFile>();

function removeAll(): void {
  for (const file of [...open]) file.remove();
}

/**
 * Listens on the socket file `path`, which has the permissions `mode` as soon as it exists. Replaces a socket that
 * refuses connections; of several concurrent calls, in any processes, one succeeds. Rejects with AddrInUse if the
 * socket is in use, with an Error if `path` is another kind of file.
 */
export async function listenOnFile(path: string, mode: number): Promise<BoundSocket> {
  if (await staleSocket(path) === undefined) return place(path, mode, undefined);
  using _lock = await lockFolder(folderOf(path));
  // Another process may have replaced the socket before the lock was acquired, so it is checked again.
  return place(path, mode, await staleSocket(path));
}

/**
 * Resolves to the socket at `path` that refuses connections, or to undefined if nothing is there. Rejects if the path
 * can't be used.
 */
async function staleSocket(path: string): Promise<Deno.FileInfo | undefined> {
  const info = infoOf(path);
  if (info === undefined) return undefined;
  if (!info.isSocket) {
    throw new Error(`its path is ${kindOf(info)}; remove that, or choose another path`);
  }
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return info;
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new Error("its path is a socket that this user may not connect to", { cause: error });
    }
    // Other errors mean that the socket is not a stream socket, or that its queue of connections is full.
  }
  throw inUse();
}

/**
 * Binds a socket in a private directory beside `path`, sets its permissions and links it to `path`. Runs synchronously,
 * so that the directory is left behind only if the process is killed meanwhile.
 */
function place(path: string, mode: number, stale: Deno.FileInfo | undefined): BoundSocket {
  const folder = makePrivateFolder(folderOf(path));
  const aside = `${folder}/~`;
  let listener: Deno.UnixListener | undefined;
  try {
    const made = bindIn(folder, nameOf(path));
    listener = made.listener;
    Deno.chmodSync(made.path, mode);
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
    Deno.removeSync(folder, { recursive: true });
  } catch {
    // The directory was removed already.
  }
}

function makePrivateFolder(parent: string): string {
  for (;;) {
    const folder = `${parent}${PRIVATE_PREFIX}${crypto.randomUUID().slice(0, 6)}`;
    try {
      Deno.mkdirSync(folder, { mode: 0o700 });
      return folder;
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
  }
}

/**
 * Binds a socket in `folder`, named `name` if that path is short enough, because tools such as `ss` show the bound
 * path.
 */
function bindIn(folder: string, name: string): { listener: Deno.UnixListener; path: string } {
  const named = [name, "s"].map((one) => `${folder}/${one}`).find(fits);
  if (named !== undefined) {
    return { listener: Deno.listen({ transport: "unix", path: named }), path: named };
  }
  // A path that is too long is bound through a symbolic link in the directory of temporary files.
  const alias = Deno.makeTempDirSync();
  try {
    Deno.symlinkSync(Deno.realPathSync(folder), `${alias}/d`);
    const listener = Deno.listen({ transport: "unix", path: `${alias}/d/s` });
    return { listener, path: `${folder}/s` };
  } finally {
    removeFolder(alias);
  }
}

function fits(path: string): boolean {
  return utf8.encode(path).length <= MAX_UNIX_PATH_BYTES;
}

/** Moves the stale socket to `aside`. Throws AddrInUse if another file has taken its place. */
function moveAside(path: string, aside: string, stale: Deno.FileInfo): void {
  const found = infoOf(path);
  if (found === undefined) return;
  if (!isSame(found, stale)) throw inUse();
  Deno.renameSync(path, aside);
  if (isSame(Deno.lstatSync(aside), stale)) return;
  // A program that does not use the lock has replaced the file meanwhile.
  Deno.linkSync(aside, path);
  throw inUse();
}

/** Links a socket to `path`. Throws AddrInUse if a file exists there. */
function link(from: string, path: string): void {
  try {
    Deno.linkSync(from, path);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) throw inUse();
    if (error instanceof Deno.errors.NotCapable) throw error;
    // On a file system without hard links, the socket is renamed.
    if (infoOf(path) !== undefined) throw inUse();
    Deno.renameSync(from, path);
  }
}

/** Locks a directory against other processes that replace a stale socket in it. */
async function lockFolder(folder: string): Promise<Disposable> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(folder || ".");
  } catch {
    // A directory that may be written but not read can't be locked, so no lock is taken.
    return { [Symbol.dispose]() {} };
  }
  const endMs = performance.now() + LOCK_TIMEOUT_MS;
  // After the timeout a foreign lock is ignored: it must not keep a server from starting.
  while (!await file.tryLock(true).catch(() => true) && performance.now() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
  }
  return file;
}

/** Returns the path up to and including the last slash. */
function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function infoOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Whether two entries are the same file. Compares modification times too, because inode numbers are reused. */
function isSame(one: Deno.FileInfo, other: Deno.FileInfo): boolean {
  return one.dev === other.dev && one.ino === other.ino &&
    one.mtime?.getTime() === other.mtime?.getTime();
}

function kindOf(info: Deno.FileInfo): string {
  if (info.isFile) return "a regular file";
  if (info.isDirectory) return "a directory";
  return info.isSymlink ? "a symbolic link" : "no socket";
}

function inUse(): Deno.errors.AddrInUse {
  return new Deno.errors.AddrInUse("The socket is in use");
}
