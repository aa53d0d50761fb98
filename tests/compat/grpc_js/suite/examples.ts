/**
 * Runs grpc-js's examples on the adapter, on Node, unchanged but for the package that they import and their ports:
 * `deno task test:grpc-js-examples [--source FOLDER]`. The source is a checkout of github.com/grpc/grpc-node in
 * `.cache/grpc-node`. Fails if the output of a client lacks what is expected.
 *
 * @module
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { EXAMPLE_FAILURES } from "./expected.ts";
import { type CaseResult, judge } from "./judge.ts";
import { copyFolder, installAdapter } from "./npm_folder.ts";

const ROOT = join(import.meta.dirname!, "../../../..");
const DEPENDENCIES = {
  "@grpc/proto-loader": "^0.8.0",
  "@grpc/reflection": "^1.0.0",
  async: "^1.5.2",
  "google-protobuf": "^3.21.4",
  "grpc-health-check": "^2.1.0",
  lodash: "^4.6.1",
  minimist: "^1.2.0",
};
const START_MS = 20_000;
const RUN_MS = 30_000;

interface Example {
  /** Folder of the example, with its server and client. */
  readonly folder: string;
  readonly server?: string;
  readonly client?: string;
  readonly args?: readonly string[];
  /** What the client prints. */
  readonly prints: readonly RegExp[];
}

const ROUTES = ["--db_path", "routeguide/dynamic_codegen/route_guide_db.json"];
const ROUTE_GUIDE = [
  /Found feature called/,
  /Found no feature at 0, 0/,
  /Finished trip with 10 points/,
  /Got message "First message" at 0, 0/,
];
const EXAMPLES: readonly Example[] = [
  {
    folder: "helloworld/dynamic_codegen",
    server: "greeter_server.js",
    client: "greeter_client.js",
    prints: [/Greeting: Hello world/],
  },
  {
    folder: "helloworld/static_codegen",
    server: "greeter_server.js",
    client: "greeter_client.js",
    prints: [/Greeting: Hello world/],
  },
  {
    folder: "routeguide/dynamic_codegen",
    server: "route_guide_server.js",
    client: "route_guide_client.js",
    args: ROUTES,
    prints: ROUTE_GUIDE,
  },
  {
    folder: "routeguide/static_codegen",
    server: "route_guide_server.js",
    client: "route_guide_client.js",
    args: ROUTES,
    prints: ROUTE_GUIDE,
  },
  {
    folder: "cancellation",
    prints: [/received message "hello"/, /received call status with code CANCELLED/],
  },
  {
    folder: "deadline",
    prints: [
      /wanted = OK got = OK/,
      /wanted = DEADLINE_EXCEEDED got = DEADLINE_EXCEEDED/,
    ],
  },
  { folder: "debugging", prints: [/Greeting: Hello world/] },
  { folder: "encryption/TLS", prints: [/UnaryEcho: \{"message":"hello world"\}/] },
  { folder: "encryption/mTLS", prints: [/UnaryEcho: \{"message":"hello world"\}/] },
  {
    folder: "error_handling",
    prints: [/Received response Hello /, /Received expected error|Received error/],
  },
  { folder: "health_check", prints: [/Health check status: (SERVING|1)/] },
  {
    folder: "interceptors",
    prints: [/UnaryEcho: \{"message":"hello world"\}/, /BidiStreamingEcho: .*Request 5/],
  },
  { folder: "keepalive", prints: [/RPC response: \{"message":/] },
  {
    folder: "load_balancing",
    prints: [/with pick_first/, /with round_robin/],
  },
  {
    folder: "metadata",
    prints: [/timestamp from header:\s+ 0\. /, /timestamp from trailer:\s+ 0\. /],
  },
  { folder: "retry", prints: [/RPC response: \{"message":/] },
  { folder: "reflection", client: "", prints: [] },
];

/** Returns a port that was free just now. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

/** Gives the examples ports of their own, because those in their texts may be taken. */
async function replacePorts(folder: string, ports: ReadonlyMap<string, number>): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory && name !== "node_modules") await replacePorts(path, ports);
    if (!name.endsWith(".js")) continue;
    const text = await Deno.readTextFile(path);
    const replaced = text.replace(/\b(5005[12]|5000)\b(?!\.)/g, (port) => `${ports.get(port)}`);
    if (replaced !== text) await Deno.writeTextFile(path, replaced);
  }
}

/** A program that runs until it is stopped. */
class Program {
  printed = "";
  ended = false;
  readonly #child: Deno.ChildProcess;
  readonly #done: Promise<unknown>;

  constructor(script: string, args: readonly string[], cwd: string) {
    this.#child = new Deno.Command("node", {
      args: [script, ...args],
      cwd,
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const status = this.#child.status.then(() => this.ended = true);
    const reads = [this.#child.stdout, this.#child.stderr].map((stream) => this.#read(stream));
    this.#done = Promise.all([status, ...reads]);
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) this.printed += text;
  }

  async stop(): Promise<void> {
    if (!this.ended) this.#child.kill("SIGKILL");
    await this.#done;
  }
}

/** Resolves to true once `check` holds; to false after `limitMs`. */
async function until(check: () => boolean | Promise<boolean>, limitMs: number): Promise<boolean> {
  const endMs = performance.now() + limitMs;
  while (!await check()) {
    if (performance.now() > endMs) return false;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return true;
}

async function listens(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

/** Runs an example; returns why it has failed. */
async function runExample(
  example: Example,
  folder: string,
  ports: readonly number[],
): Promise<string | undefined> {
  const { server = "server.js", client = "client.js", args = [], prints } = example;
  const serving = new Program(join(example.folder, server), args, folder);
  try {
    const up = async () => serving.ended || (await Promise.all(ports.map(listens))).includes(true);
    if (!await until(up, START_MS) || serving.ended) return `server: ${serving.printed}`;
    if (client === "") return undefined;
    const calling = new Program(join(example.folder, client), args, folder);
    try {
      const complete = () => prints.every((one) => one.test(calling.printed));
      await until(() => complete() || calling.ended, RUN_MS);
      return complete() ? undefined : `client: ${calling.printed}\nserver: ${serving.printed}`;
    } finally {
      await calling.stop();
    }
  } finally {
    await serving.stop();
  }
}

const { values } = parseArgs({
  args: Deno.args,
  options: { source: { type: "string", default: join(ROOT, ".cache/grpc-node") } },
});
const source = join(values.source, "examples");
try {
  await Deno.stat(source);
} catch {
  console.log(`skipped: ${values.source} has no checkout of grpc/grpc-node`);
  Deno.exit(0);
}
const folder = join(ROOT, ".cache/grpc-js-examples");
await Deno.remove(folder, { recursive: true }).catch(() => {});
await copyFolder(source, folder);
const ports = new Map(["50051", "50052", "5000"].map((port) => [port, freePort()]));
await replacePorts(folder, ports);
await installAdapter(folder, DEPENDENCIES);
const results: CaseResult[] = [];
for (const example of EXAMPLES) {
  const error = await runExample(example, folder, [...ports.values()]);
  console.log(`${error === undefined ? "ok    " : "failed"} ${example.folder}`);
  results.push({ title: example.folder, error });
}
console.log(
  "not run: xds, whose package needs parts of grpc-js that it marks as internal; error_details, " +
    "whose package for details is not published",
);
Deno.exit(judge("grpc-js's examples", results, EXAMPLE_FAILURES) ? 0 : 1);
