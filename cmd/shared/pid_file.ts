/**
 * The file with a program's process id, for those who stop it.
 *
 * @module
 */

import { dirname } from "node:path";
import { errorLine } from "./program.ts";

/**
 * A file that this process owns until it is disposed of. It is locked, which ends with the process: an id alone
 * would not tell whether its process lives, as ids are given out again.
 */
export class PidFile implements AsyncDisposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;

  private constructor(path: string, file: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
  }

  /** Writes the id to `path`, whose folder exists. Throws an Error when another process holds the file. */
  static async write(path: string): Promise<PidFile> {
    const cannot = (reason: string) => new Error(`Cannot write ${path} (--pid-file): ${reason}`);
    let file: Deno.FsFile;
    try {
      file = await Deno.open(path, { read: true, write: true, create: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw cannot(errorLine(error));
      throw cannot(`there is no folder ${dirname(path)}; make it first`);
    }
    try {
      // On Windows a lock would keep readers out.
      if (Deno.build.os !== "windows" && !await file.tryLock(true)) {
        const pid = (await Deno.readTextFile(path).catch(() => "")).trim();
        throw cannot(`process ${pid} runs with it; stop that one, or give each a file of its own`);
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
