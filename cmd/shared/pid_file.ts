/**
 * File with the process id of a program, for `server:stop` and service managers.
 *
 * @module
 */

import { dirname } from "node:path";
import { errorLine } from "./program.ts";

// Windows would block readers of a locked file, and in Deno 2.6 the function for locks always waits.
const HAS_LOCKS = Deno.build.os !== "windows" && "tryLock" in Deno.FsFile.prototype;
const CONTENT = /^\d{1,10}\s*$/;
/** Longest content of a pid file, in bytes. */
const MAX_BYTES = 64;
const ATTEMPTS = 5;

/**
 * Pid file, owned by this process until disposal. Only its user can open it (mode 0600): whoever may open a file may
 * also lock it (flock(2)), and would be taken for a running owner or keep the program from starting. It is locked while the process lives: process ids are
 * reused, so the id alone does not show whether its owner is running.
 */
export class PidFile implements AsyncDisposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #info: Deno.FileInfo;
  readonly #remove = () => this.#removeOwn();

  private constructor(path: string, file: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
    this.#info = file.statSync();
    // `Deno.exit` disposes of nothing.
    globalThis.addEventListener("unload", this.#remove);
  }

  /**
   * Writes the id to a new file at `path`. Replaces the pid file of a process that has ended, and nothing else: throws an
   * Error when a process owns the file, when another file or a link is there, or when the folder is missing.
   */
  static async write(path: string): Promise<PidFile> {
    try {
      // Several attempts, because other processes may start and end at the same time.
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        await removeStale(path);
        const file = await create(path);
        if (file !== undefined) return new PidFile(path, file);
      }
      throw new Error("another process uses it");
    } catch (error) {
      const reason = error instanceof Deno.errors.NotFound
        ? `folder ${dirname(path)} does not exist; create it first`
        : errorLine(error);
      throw new Error(`Cannot write ${path} (--pid-file): ${reason}`, { cause: error });
    }
  }

  /** Removes the file, unless another is at its path. */
  [Symbol.asyncDispose](): Promise<void> {
    globalThis.removeEventListener("unload", this.#remove);
    this.#removeOwn();
    this.#file.close();
    return Promise.resolve();
  }

  #removeOwn(): void {
    try {
      if (isSame(Deno.lstatSync(this.#path), this.#info)) Deno.removeSync(this.#path);
    } catch {
      // It was removed already, or its folder is no longer accessible.
    }
  }
}

/** Process that owns a pid file. */
export interface PidFileOwner extends Disposable {
  /** Its process id. */
  readonly pid: number;
  /** Resolves to whether it still owns the file. */
  isRunning(): Promise<boolean>;
}

/**
 * Resolves to the process that owns the pid file at `path`; undefined if there is no file, or one whose owner has ended.
 * Rejects if the file is no pid file, or if the process that it names is not the one that locks it.
 */
export async function pidFileOwner(path: string): Promise<PidFileOwner | undefined> {
  const file = await openExisting(path);
  if (file === undefined) return undefined;
  try {
    const pid = await readPid(file);
    if (HAS_LOCKS && await file.tryLock(true)) {
      file.close();
      return undefined;
    }
    if (pid === undefined) throw new Error("it holds no process id");
    if (!await holdsLock(pid, file)) {
      throw new Error(`process ${pid}, which it names, is not its owner`);
    }
    return {
      pid,
      isRunning: async () => HAS_LOCKS ? !await file.tryLock(true) : await isAt(path, file),
      [Symbol.dispose]: () => file.close(),
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Removes the pid file of a process that has ended. Throws for files of running processes, and for other files. */
async function removeStale(path: string): Promise<void> {
  const file = await openExisting(path);
  if (file === undefined) return;
  try {
    const pid = await readPid(file);
    if (HAS_LOCKS && !await file.tryLock(true)) {
      throw new Error(
        `process ${pid ?? "(unknown)"} uses it; stop that process, or use another file`,
      );
    }
    if (pid !== undefined && await mayHaveWritten(pid, file)) {
      throw new Error(`it belongs to process ${pid}, which is running; use another file`);
    }
    if (isAt(path, file)) await Deno.remove(path);
  } finally {
    file.close();
  }
}

/** Creates and locks the file; undefined if another process was faster. */
async function create(path: string): Promise<Deno.FsFile | undefined> {
  let file: Deno.FsFile;
  try {
    // Exclusive creation follows no link.
    file = await Deno.open(path, { read: true, write: true, createNew: true, mode: 0o600 });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return undefined;
    throw error;
  }
  try {
    if ((!HAS_LOCKS || await file.tryLock(true)) && isAt(path, file)) {
      await file.write(new TextEncoder().encode(`${Deno.pid}\n`));
      return file;
    }
  } catch (error) {
    file.close();
    throw error;
  }
  file.close();
  return undefined;
}

/** Opens a pid file; undefined if there is none. Throws an Error for a link, a folder or a file with other content. */
async function openExisting(path: string): Promise<Deno.FsFile | undefined> {
  let file: Deno.FsFile;
  try {
    const info = await Deno.lstat(path);
    if (!info.isFile) {
      const what = info.isSymlink ? "a symbolic link" : info.isDirectory ? "a folder" : "no file";
      throw new Error(`it is ${what}; use another path`);
    }
    file = await Deno.open(path, { read: true, write: true });
    if (isSame(await file.stat(), info)) return file;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  // A link has taken its place in between.
  file.close();
  throw new Error("it was replaced while it was opened");
}

/** Reads the id; undefined from an empty file, whose owner is about to write it. Throws for other content. */
async function readPid(file: Deno.FsFile): Promise<number | undefined> {
  const { size } = await file.stat();
  if (size === 0) return undefined;
  const bytes = new Uint8Array(MAX_BYTES);
  const count = size > MAX_BYTES ? 0 : await file.read(bytes) ?? 0;
  const text = new TextDecoder().decode(bytes.subarray(0, count));
  if (!CONTENT.test(text)) throw new Error("the file is no pid file; use another path");
  return Number(text);
}

/**
 * Whether a process has locked the file, and not just opened it. Elsewhere than on Linux only the lock itself shows that
 * there is an owner.
 */
async function holdsLock(pid: number, file: Deno.FsFile): Promise<boolean> {
  if (Deno.build.os !== "linux") return true;
  const info = await file.stat();
  // proc_locks(5): number, kind, mode, access, process, device and inode; a waiting lock has "->" as its second field.
  // The device is that of the file system, which overlayfs and btrfs do not show in stat(2); it is compared below.
  const lock = new RegExp(`^\\d+: FLOCK +ADVISORY +WRITE +${pid} +\\S+:${info.ino} `, "m");
  try {
    if (HAS_LOCKS && !lock.test(await Deno.readTextFile("/proc/locks"))) return false;
    for await (const { name } of Deno.readDir(`/proc/${pid}/fd`)) {
      const open = await Deno.stat(`/proc/${pid}/fd/${name}`).catch(() => undefined);
      if (open !== undefined && isSame(open, info)) return true;
    }
  } catch {
    // There is no such process, or it belongs to another user.
  }
  return false;
}

// Start times count from the boot, whose time is known in seconds; USER_HZ is 100.
const CLOCK_TOLERANCE_MS = 2_000;
const TICK_MS = 10;

/** Whether a process is running that started before the file was written. False where /proc can't be read. */
async function mayHaveWritten(pid: number, file: Deno.FsFile): Promise<boolean> {
  try {
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
    // proc(5): starttime is field 22. The command name, in parentheses, may contain any character.
    const ticks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
    const bootS = Number(/^btime (\d+)$/m.exec(await Deno.readTextFile("/proc/stat"))?.[1]);
    const { mtime } = await file.stat();
    return bootS * 1000 + ticks * TICK_MS <= mtime!.getTime() + CLOCK_TOLERANCE_MS;
  } catch {
    return false;
  }
}

function isAt(path: string, file: Deno.FsFile): boolean {
  try {
    return isSame(Deno.lstatSync(path), file.statSync());
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function isSame(one: Deno.FileInfo, other: Deno.FileInfo): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}
