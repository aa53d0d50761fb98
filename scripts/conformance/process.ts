/**
 * Programs with a time limit.
 *
 * @module
 */

/** How to run a program. */
export interface RunOptions {
  /** Added to this process's environment. */
  env?: Record<string, string>;
  /** The working directory. */
  cwd?: string;
  /** When to kill it, in ms. */
  limitMs: number;
  /** Leave standard error out of `output`. */
  stdoutOnly?: boolean;
}

/** What a program left. */
export interface Outcome {
  /** Its exit code; 124 when it was killed because time was up. */
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
  if (late) output += `\nkilled: it ran longer than ${options.limitMs / 1000} s\n`;
  return { code: late ? 124 : code, output };
}

/** A program that serves while something else runs. */
export interface Served extends AsyncDisposable {
  /** What it said that it listens on. */
  address: string;
  /** What it wrote so far. */
  output(): string;
  /** Its process id. */
  pid: number;
}

/** Starts one of this project's programs and waits for its line `listening ADDRESS`. */
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
      // It has ended by itself.
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

/** The path of a program, or undefined when there is none. */
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

/** A TCP port of the loopback interface that is free now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function text(stream: ReadableStream<Uint8Array>): Promise<string> {
  return await new Response(stream).text();
}
