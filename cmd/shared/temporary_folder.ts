/**
 * Folder for temporary files of a program.
 *
 * @module
 */

/** Folder of this user's alone, with a name that can't be guessed; removed on disposal and when the program exits. */
export class TemporaryFolder implements Disposable {
  readonly path: string;
  readonly #remove = () => {
    try {
      Deno.removeSync(this.path, { recursive: true });
    } catch {
      // It was removed already.
    }
  };

  /** Makes the folder; its name begins with `prefix`. */
  constructor(prefix: string) {
    this.path = Deno.makeTempDirSync({ prefix });
    // `Deno.exit` disposes of nothing.
    globalThis.addEventListener("unload", this.#remove);
  }

  [Symbol.dispose](): void {
    globalThis.removeEventListener("unload", this.#remove);
    this.#remove();
  }
}
