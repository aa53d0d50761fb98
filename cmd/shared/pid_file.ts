/**
 * File with the process id of a program, for `server:stop` and service managers.
 *
 * @module
 */

import { dirname } from "node:path";
import { errorLine } from "./program.ts";

/**
 * Pid file, owned by this process until disposal. It is locked while the process lives: process ids are
 * reused, so the id alone does not show whether its owner is running.
 */
export class PidFile implements AsyncDisposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;

  private constructor(path: string, file: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
  }

  /** Writes the id to `path`. Throws an Error when another process owns the file or the folder is missing. */
  static async write(path: string): Promise<PidFile> {
    const cannot = (reason: string) => new Error(`Cannot write ${path} (--pid-file): ${reason}`);
    let file: Deno.FsFile;
    try {
      file = await Deno.open(path, { read: true, write: true, create: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw cannot(errorLine(error));
      throw cannot(`folder ${dirname(path)} does not exist; create it first`);
    }
    try {
      // On Windows a lock would block readers.
      if (Deno.build.os !== "windows" && !await file.tryLock(true)) {
        const pid = (await Deno.readTextFile(path).catch(() => "")).trim();
        throw cannot(`process ${pid} uses it; stop that process, or use another file`);
      }
      await file.truncate();
      await file.write(new TextEncoder().encode(`${Deno.pid}\n`));
    } catch (error) {
      file.close();
      throw error;
    }
    return new PidFile(path, file);
  }

  /** Removes the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#path).catch(() => {});
    this.#file.close();
  }
}
