/**
 * Runs programs with a time limit.
 *
 * @module
 */

/** Options of {@link capture}. */
export interface RunOptions {
  /** Additional environment variables. */
  env?: Record<string, string>;
  /** Working directory. */
  cwd?: string;
  /** Time limit in ms, after which the program is killed. */
  limitMs: number;
  /** Whether to exclude standard error from `output`. */
  stdoutOnly?: boolean;
}

/** Result of a program. */
export interface Outcome {
  /** Exit code; 124 after the time limit. */
  code: number;
  /** Standard output and standard error, without colours. */
  output: string;
}

// deno-lint-ignore no-control-regex -- terminal colours start with ESC
const COLOURS = /\x1b\[[0-9;]*m/g;

/** Runs a program to its end. */
export async function capture(command: string[], options: RunOptions): Promise<Outcome> {
  const child = new Deno.Command(command[0], {
    args: command.slice(1),
    env: options.env,
    cwd: options.cwd,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, options.limitMs);
  const [out, err] = [text(child.stdout), text(child.stderr)];
  const { code } = await child.status;
  clearTimeout(timer);
  let output = (await out + (options.stdoutOnly ? "" : await err)).replace(COLOURS, "");
  await err;
  if (late) output += `\nkilled after ${options.limitMs / 1000} s\n`;
  return { code: late ? 124 : code, output };
}

/** Running server program. */
export interface Served extends AsyncDisposable {
  /** Address from its line `listening ADDRESS`. */
  address: string;
  /** Returns its output until now. */
  output(): string;
  /** Process id. */
  pid: number;
}

/** Starts a program of this project and waits for its line `listening ADDRESS`. */
export async function start(command: string[], limitMs = 30_000): Promise<Served> {
  const child = new Deno.Command(command[0], {
    args: command.slice(1),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let written = "";
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const timer = setTimeout(() => reject(new Error(`not listening: ${written}`)), limitMs);
  const read = async (stream: ReadableStream<Uint8Array>) => {
    for await (const part of stream.pipeThrough(new TextDecoderStream() as never)) {
      written += part;
      const address = /listening (\S+)\n/.exec(written)?.[1];
      if (address !== undefined) resolve(address);
    }
  };
  const reading = Promise.all([read(child.stdout), read(child.stderr)]);
  child.status.then(({ code }) => reject(new Error(`ended with ${code}: ${written}`)));
  const stop = async () => {
    clearTimeout(timer);
    try {
      child.kill("SIGTERM");
    } catch {
      // The program has already ended.
    }
    const hard = setTimeout(() => child.kill("SIGKILL"), 5000);
    await child.status;
    clearTimeout(hard);
    await reading;
  };
  try {
    const address = await promise;
    clearTimeout(timer);
    return { address, pid: child.pid, output: () => written, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Finds the path of a program; undefined when it is not installed. */
export async function which(name: string): Promise<string | undefined> {
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    const path = `${folder}/${name}`;
    try {
      if ((await Deno.stat(path)).isFile) return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/** Finds a free TCP port of the loopback interface. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function text(stream: ReadableStream<Uint8Array>): Promise<string> {
  return await new Response(stream).text();
}
