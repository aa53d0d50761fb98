/**
 * Deno's functions for files, by node:fs.
 *
 * @module
 */

import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const info = (stats: fs.Stats) => ({
  isFile: stats.isFile(),
  isDirectory: stats.isDirectory(),
  isSymlink: stats.isSymbolicLink(),
  isSocket: stats.isSocket(),
  mode: stats.mode,
  size: stats.size,
  dev: stats.dev,
  ino: stats.ino,
  uid: stats.uid,
  mtime: stats.mtime,
});

const entry = (found: fs.Dirent) => ({
  name: found.name,
  isFile: found.isFile(),
  isDirectory: found.isDirectory(),
  isSymlink: found.isSymbolicLink(),
});

/** Open file. It has no locks: Node has none. */
class FsFile {
  readonly #handle: fs.promises.FileHandle;
  #at: number | null = null;

  constructor(handle: fs.promises.FileHandle) {
    this.#handle = handle;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, this.#at);
    if (this.#at !== null) this.#at += bytesRead;
    return bytesRead === 0 && buffer.length > 0 ? null : bytesRead;
  }

  async write(bytes: Uint8Array): Promise<number> {
    return (await this.#handle.write(bytes)).bytesWritten;
  }

  seek(offset: number | bigint, whence: number): Promise<number> {
    if (whence !== SeekMode.Start) throw new TypeError("Cannot seek but from the start");
    this.#at = Number(offset);
    return Promise.resolve(this.#at);
  }

  async stat() {
    return info(await this.#handle.stat());
  }

  statSync() {
    return info(fs.fstatSync(this.#handle.fd));
  }

  close(): void {
    this.#handle.close().catch(() => {});
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

const SeekMode = { Start: 0, Current: 1, End: 2 };

interface OpenOptions {
  readonly read?: boolean;
  readonly write?: boolean;
  readonly createNew?: boolean;
  readonly mode?: number;
}

async function open(path: string | URL, options: OpenOptions = {}): Promise<FsFile> {
  const flags = options.createNew ? "wx+" : options.write ? "r+" : "r";
  return new FsFile(await fs.promises.open(path, flags, options.mode));
}

/** Functions for files under their names in `Deno`. */
export const files = {
  FsFile,
  SeekMode,
  open,
  readTextFile: (path: string | URL) => fs.promises.readFile(path, "utf8"),
  readTextFileSync: (path: string | URL) => fs.readFileSync(path, "utf8"),
  readFile: async (path: string | URL) => new Uint8Array(await fs.promises.readFile(path)),
  writeTextFile: (path: string | URL, text: string) => fs.promises.writeFile(path, text),
  writeFile: (path: string | URL, bytes: Uint8Array) => fs.promises.writeFile(path, bytes),
  writeTextFileSync: (
    path: string,
    text: string,
    options: { mode?: number; append?: boolean } = {},
  ) => fs.writeFileSync(path, text, { mode: options.mode, flag: options.append ? "a" : "w" }),
  renameSync: fs.renameSync,
  chmodSync: fs.chmodSync,
  statSync: (path: string | URL) => info(fs.statSync(path)),
  mkdirSync: (path: string, options: { recursive?: boolean; mode?: number } = {}) => {
    fs.mkdirSync(path, options);
  },
  symlink: (target: string, path: string) => fs.promises.symlink(target, path),
  mkdir: (path: string) => fs.promises.mkdir(path),
  stat: async (path: string | URL) => info(await fs.promises.stat(path)),
  lstat: async (path: string | URL) => info(await fs.promises.lstat(path)),
  lstatSync: (path: string | URL) => info(fs.lstatSync(path)),
  async *readDir(path: string | URL) {
    yield* (await fs.promises.readdir(path, { withFileTypes: true })).map(entry);
  },
  *readDirSync(path: string | URL) {
    yield* fs.readdirSync(path, { withFileTypes: true }).map(entry);
  },
  makeTempDirSync: ({ prefix = "" } = {}) => fs.mkdtempSync(join(tmpdir(), prefix)),
  remove: (path: string, options: { recursive?: boolean } = {}) => fs.promises.rm(path, options),
  removeSync: (path: string, options: { recursive?: boolean } = {}) => fs.rmSync(path, options),
};
