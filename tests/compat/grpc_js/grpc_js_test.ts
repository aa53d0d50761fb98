// grpc-js against vrpc in both directions, on Deno and on Node, each in a child process.

import assert from "node:assert/strict";
import { join } from "node:path";
import { Processes } from "../../fixtures/processes.ts";

const HERE = import.meta.dirname!;
const OURS = (file: string) => [Deno.execPath(), "run", "--quiet", "-A", join(HERE, file)];

interface Runtime {
  readonly name: string;
  /** Command that runs peer.mjs; undefined when the runtime is not installed. */
  readonly command?: string[];
}

/** Copies packages from Deno's cache to a folder for Node, which can't read the cache. */
async function nodeCommand(): Promise<string[] | undefined> {
  const works = await new Deno.Command("node", { args: ["--version"], stdout: "null" }).output()
    .then((output) => output.success, () => false);
  if (!works) return undefined;
  const root = join(HERE, "../../..");
  const folder = join(root, ".cache/grpc_js");
  const { imports } = JSON.parse(await Deno.readTextFile(join(root, "deno.json")));
  const version = imports["@grpc/grpc-js"].replace(/^npm:@grpc\/grpc-js@/, "");
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(
    join(folder, "package.json"),
    JSON.stringify({ type: "module", dependencies: { "@grpc/grpc-js": version } }),
  );
  const install = await new Deno.Command(Deno.execPath(), {
    args: ["install", "--quiet"],
    cwd: folder,
  }).output();
  assert.ok(install.success, new TextDecoder().decode(install.stderr));
  await Deno.copyFile(join(HERE, "peer.mjs"), join(folder, "peer.mjs"));
  return ["node", join(folder, "peer.mjs")];
}

const RUNTIMES: Runtime[] = [
  { name: "Deno", command: OURS("peer.mjs") },
  { name: "Node", command: await nodeCommand() },
];

/** Number of lines of a complete client run: 16 cases, plain and compressed. */
const CASE_COUNT = 32;

/** Error of Deno's HTTP/2 library when grpc-js makes it abort the process. */
const NGHTTP2_ABORT = /nghttp2_session\.c:\d+: .*Assertion .* failed/;

interface Outcome {
  readonly cases: { name: string; failure?: string }[];
  /** Whether the grpc-js process aborted. */
  readonly aborted: boolean;
  /** Details for missing cases. */
  readonly errors: string;
}

/** Runs a client against a server. */
async function runOnce(serverCommand: string[], clientCommand: string[]): Promise<Outcome> {
  await using processes = new Processes();
  const server = processes.start(serverCommand);
  const address = (await server.line(/^listening (\S+)$/))[1];
  const client = processes.start([...clientCommand, address]);
  const cases = (await Array.fromAsync(client.lines())).map((line) => JSON.parse(line));
  await client.code();
  server.kill("SIGKILL");
  const errors = await client.errors() + await server.errors();
  return { cases, errors, aborted: NGHTTP2_ABORT.test(errors) };
}

/** Creates a step for each case. Retries once after an abort of grpc-js. */
async function runCases(
  t: Deno.TestContext,
  serverCommand: string[],
  clientCommand: string[],
): Promise<void> {
  const good = ({ cases }: Outcome) =>
    cases.length === CASE_COUNT && cases.every(({ failure }) => failure === undefined);
  let outcome = await runOnce(serverCommand, clientCommand);
  if (outcome.aborted && !good(outcome)) outcome = await runOnce(serverCommand, clientCommand);
  for (const { name, failure } of outcome.cases) {
    await t.step(name, () => assert.ok(failure === undefined, failure ?? ""));
  }
  assert.equal(outcome.cases.length, CASE_COUNT, outcome.errors);
}

for (const { name, command } of RUNTIMES) {
  Deno.test({
    name: `grpc-js on ${name} calls our server`,
    ignore: command === undefined,
    fn: (t) => runCases(t, OURS("our_server.ts"), [...command!, "client"]),
  });

  Deno.test({
    name: `our client calls grpc-js on ${name}`,
    ignore: command === undefined,
    fn: (t) => runCases(t, [...command!, "server"], OURS("our_client.ts")),
  });
}
