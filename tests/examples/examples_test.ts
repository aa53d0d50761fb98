import assert from "node:assert/strict";
import { join } from "node:path";
import { Processes } from "../fixtures/processes.ts";
import { runProgram } from "../fixtures/run_program.ts";

const path = (name: string) => join(import.meta.dirname!, "../../examples", name);

async function listening(processes: Processes, ...args: string[]): Promise<string> {
  const server = processes.start([Deno.execPath(), "run", "--quiet", "-A", ...args]);
  const [, address] = await server.line(/^listening (\S+)$/);
  return address;
}

Deno.test("the example's client finds what its server offers", async () => {
  await using processes = new Processes();
  const address = await listening(processes, path("server.ts"), "127.0.0.1:0");
  const { stdout, stderr, code } = await runProgram("examples/client.ts", [address, "2"]);
  assert.equal(code, 0, stderr);
  assert.match(
    stdout,
    /^method \/stream\/time \(server_streaming\): sends the time every second$/m,
  );
  assert.match(stdout, /^health: healthy$/m);
  assert.match(stdout, /^echo: special characters: 你好 🌍$/m);
  assert.match(stdout, /^concurrent: 100 of 100 came back$/m);
  assert.deepEqual([...stdout.matchAll(/^time: \{"count":(\d)/gm)].map((m) => m[1]), ["1", "2"]);
  assert.match(stdout, /^error: UNIMPLEMENTED: /m);
});

Deno.test("the example's session sends in both directions", async () => {
  await using processes = new Processes();
  const address = await listening(processes, path("session_server.ts"), "127.0.0.1:0");
  const { stdout, stderr, code } = await runProgram("examples/session_client.ts", [address]);
  assert.equal(code, 0, stderr);
  assert.deepEqual(stdout.trim().split("\n"), [
    "received: welcome",
    "received: message 1 has 3 characters",
    "received: message 2 has 9 characters",
    "received: message 3 has 2 characters",
    "received: goodbye after 3 messages",
  ]);
});

Deno.test("the examples' clients report an unreachable server in one line", async () => {
  for (const name of ["client.ts", "session_client.ts"]) {
    const { stderr, code } = await runProgram(`examples/${name}`, ["127.0.0.1:1"]);
    assert.match(stderr, /^Channel to 127\.0\.0\.1:1: .*connection refused\n$/);
    assert.equal(code, 1);
  }
});

/** Someone at a terminal. */
class Person implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<string>;
  #seen = "";

  constructor(name: string, address: string) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-A", path("chat.ts"), "join", name, address],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#output = this.#child.stdout.pipeThrough(new TextDecoderStream() as never)
      .getReader() as ReadableStreamDefaultReader<string>;
  }

  type(line: string): Promise<void> {
    return this.#input.write(new TextEncoder().encode(`${line}\n`));
  }

  /** Waits until the text is on the screen. */
  async sees(text: string): Promise<void> {
    while (!this.#seen.includes(text)) {
      const { done, value } = await this.#output.read();
      if (done) throw new Error(`"${text}" was not seen, only: ${this.#seen}`);
      this.#seen += value;
    }
  }

  /** Ends the input; resolves to the exit code. */
  async leave(): Promise<number> {
    await this.#input.close();
    while (!(await this.#output.read()).done) { /* the rest */ }
    return (await this.#child.status).code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#child.status;
    await this.#input.abort().catch(() => {});
    await this.#output.cancel().catch(() => {});
  }
}

Deno.test("two users chat and see each other join and leave", async () => {
  await using processes = new Processes();
  const address = await listening(processes, path("chat.ts"), "serve", "127.0.0.1:0");
  await using ann = new Person("ann", address);
  await ann.sees("with 0 others");
  await using bob = new Person("bob", address);
  await bob.sees("with 1 others");
  await ann.sees("* bob has joined");
  await ann.type("hello bob");
  await bob.sees("ann: hello bob");
  await bob.type("hello ann 🌍");
  await ann.sees("bob: hello ann 🌍");
  assert.equal(await bob.leave(), 0);
  await ann.sees("* bob has left");
  assert.equal(await ann.leave(), 0);
});
