/**
 * Processes whose lines are read, and that are ended with the test.
 *
 * @module
 */

/** A process whose standard output is lines of text. */
export class LineProcess {
  readonly #child: Deno.ChildProcess;
  readonly #lines: AsyncGenerator<string>;
  readonly #errors: Promise<string>;
  /** Whether it has ended. */
  ended = false;

  /** Starts it; `env` is added to the environment. */
  constructor([program, ...args]: string[], env: Record<string, string> = {}) {
    this.#child = new Deno.Command(program, {
      args,
      env: { NO_COLOR: "1", ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#lines = linesOf(this.#child.stdout);
    this.#errors = new Response(this.#child.stderr).text();
    this.#child.status.then(() => this.ended = true);
  }

  /** The rest of its lines. */
  lines(): AsyncIterable<string> {
    return this.#lines;
  }

  /** The next line that matches; rejects when it ends before. */
  async line(pattern: RegExp): Promise<RegExpMatchArray> {
    for (let next; !(next = await this.#lines.next()).done;) {
      const match = next.value.match(pattern);
      if (match) return match;
    }
    throw new Error(`It ended before a line ${pattern}: ${await this.#errors}`);
  }

  /** Its exit code, once it has ended. */
  async code(): Promise<number> {
    return (await this.#child.status).code;
  }

  /** What it wrote to standard error, once it has ended. */
  errors(): Promise<string> {
    return this.#errors;
  }

  /** Sends a signal; fine when it has ended. */
  kill(signal: Deno.Signal): void {
    if (!this.ended) this.#child.kill(signal);
  }

  /** Ends it, and lets go of its pipes. */
  async end(): Promise<void> {
    this.kill("SIGKILL");
    await this.#child.status;
    for await (const _ of this.#lines) { /* what nobody read */ }
    await this.#errors;
  }
}

/** Processes that end together. */
export class Processes implements AsyncDisposable {
  readonly #all: LineProcess[] = [];

  /** Starts one; `env` is added to the environment. */
  start(command: string[], env?: Record<string, string>): LineProcess {
    const process = new LineProcess(command, env);
    this.#all.push(process);
    return process;
  }

  /** Ends all of them. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map((process) => process.end()));
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  // Without a lock on what follows, a reader that stops early doesn't close the pipe.
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  for (let chunk; !(chunk = await reader.read()).done;) {
    const lines = (rest + chunk.value).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
}
