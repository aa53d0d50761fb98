/**
 * Files of Unix sockets: created with their permissions, replaced only when stale, removed only by their owner.
 *
 * @module
 */

import { MAX_UNIX_PATH_BYTES } from "./address.ts";

/** Default permissions of a socket file: connections from the same user only. */
export const DEFAULT_UNIX_MODE = 0o600;

// Other processes hold the lock for less than a millisecond, unless it is another program's.
const LOCK_TIMEOUT_MS = 1_000;
const LOCK_POLL_MS = 5;
const PRIVATE_PREFIX = ".vrpc-";

const utf8 = new TextEncoder();

/** Listener with its file. */
export interface BoundSocket {
  /** Listener of the runtime. */
  readonly listener: Deno.UnixListener;
  /** File that it listens on. */
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
   * Removes the file, unless another is at its path. Call it before the listener is closed: as long as the socket
   * accepts connections, no other server replaces the file.
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

// `Deno.exit` closes no listener.
const open = new Set<SocketFile>();

function removeAll(): void {
  for (const file of [...open]) file.remove();
}

/**
 * Listens on the socket file `path`, whose permissions are `mode` from its first moment. Replaces a socket that refuses
 * connections; of several calls at once, in whatever process, one succeeds. Rejects with AddrInUse if the socket is in
 * use, with an Error if another kind of file is there.
 */
export async function listenOnFile(path: string, mode: number): Promise<BoundSocket> {
  if (await staleSocket(path) === undefined) return place(path, mode, undefined);
  using _lock = await lockFolder(folderOf(path));
  // It may have been replaced before the lock was acquired.
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
    // Not a stream socket, or its queue of connections is full.
  }
  throw inUse();
}

/**
 * Binds a socket in a private directory beside `path`, sets its permissions and links it to `path`. Without a turn of
 * the event loop, so that the directory outlives only a process that is killed in between.
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
    // It was removed already.
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

/** Listens in `folder`, under `name` if the path is short enough: tools show the path that was bound. */
function bindIn(folder: string, name: string): { listener: Deno.UnixListener; path: string } {
  const named = [name, "s"].map((one) => `${folder}/${one}`).find(fits);
  if (named !== undefined) {
    return { listener: Deno.listen({ transport: "unix", path: named }), path: named };
  }
  // A link in the directory of temporary files leads to a directory whose own path is too long.
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
  // A program that doesn't know the lock was faster.
  Deno.linkSync(aside, path);
  throw inUse();
}

/** Gives a socket the name `path`. Throws AddrInUse if something is there. */
function link(from: string, path: string): void {
  try {
    Deno.linkSync(from, path);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) throw inUse();
    if (error instanceof Deno.errors.NotCapable) throw error;
    // Not every file system has hard links.
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
    // A directory that may be written but not read can't be locked.
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

/** Whether two are the same file. The time too, because numbers of inodes are reused. */
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
