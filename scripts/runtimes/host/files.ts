/**
 * Deno's functions for files, by node:fs.
 *
 * @module
 */

import fs from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Entry {
  readonly name: string;
  readonly isFile: boolean;
  readonly isDirectory: boolean;
}

interface TemporaryName {
  readonly dir?: string;
  readonly prefix?: string;
  readonly suffix?: string;
}

const entry = (found: fs.Dirent): Entry => ({
  name: found.name,
  isFile: found.isFile(),
  isDirectory: found.isDirectory(),
});

const info = (stats: fs.Stats) => ({
  isFile: stats.isFile(),
  isDirectory: stats.isDirectory(),
  isSocket: stats.isSocket(),
  isSymlink: stats.isSymbolicLink(),
  mode: stats.mode,
  size: stats.size,
  ino: stats.ino,
});

const makeTempDir = ({ dir = tmpdir(), prefix = "" }: TemporaryName = {}) =>
  mkdtemp(join(dir, prefix || "tmp-"));

/** Removes a file or a folder; throws if there is none. */
async function remove(path: string | URL, options: { recursive?: boolean } = {}): Promise<void> {
  if (fs.lstatSync(path).isDirectory() && !options.recursive) fs.rmdirSync(path);
  else await rm(path, options);
}

/** Functions for files under their names in `Deno`. */
export const files = {
  readTextFile: (path: string | URL) => fs.promises.readFile(path, "utf8"),
  readTextFileSync: (path: string | URL) => fs.readFileSync(path, "utf8"),
  readFile: async (path: string | URL) => new Uint8Array(await fs.promises.readFile(path)),
  readFileSync: (path: string | URL) => new Uint8Array(fs.readFileSync(path)),
  writeTextFile: (path: string | URL, text: string) => fs.promises.writeFile(path, text),
  writeFile: (path: string | URL, bytes: Uint8Array) => fs.promises.writeFile(path, bytes),
  copyFile: (from: string, to: string) => fs.promises.copyFile(from, to),
  rename: (from: string, to: string) => fs.promises.rename(from, to),
  renameSync: fs.renameSync,
  symlink: (target: string, path: string) => fs.promises.symlink(target, path),
  chmod: (path: string, mode: number) => fs.promises.chmod(path, mode),
  async mkdir(path: string, options: { recursive?: boolean } = {}) {
    await fs.promises.mkdir(path, options);
  },
  stat: async (path: string | URL) => info(await fs.promises.stat(path)),
  statSync: (path: string | URL) => info(fs.statSync(path)),
  lstat: async (path: string | URL) => info(await fs.promises.lstat(path)),
  lstatSync: (path: string | URL) => info(fs.lstatSync(path)),
  async *readDir(path: string | URL) {
    for (const found of await fs.promises.readdir(path, { withFileTypes: true })) {
      yield entry(found);
    }
  },
  *readDirSync(path: string | URL) {
    for (const found of fs.readdirSync(path, { withFileTypes: true })) yield entry(found);
  },
  makeTempDir,
  async makeTempFile({ suffix = "", ...name }: TemporaryName = {}) {
    const path = join(await makeTempDir(name), `file${suffix}`);
    fs.writeFileSync(path, "");
    return path;
  },
  remove,
};
