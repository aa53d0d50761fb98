// grpc-js against vrpc, both ways, on Deno and on Node: programs in processes of their own.

import assert from "node:assert/strict";
import { join } from "node:path";
import { Processes } from "../testing/processes.ts";

const HERE = import.meta.dirname!;
const OURS = (file: string) => [Deno.execPath(), "run", "--quiet", "-A", join(HERE, file)];

interface Runtime {
  readonly name: string;
  /** The command that runs peer.mjs; undefined when the runtime isn't there. */
  readonly command?: string[];
}

/** Node can't read Deno's cache: it gets a folder of packages, made from that cache. */
async function nodeCommand(): Promise<string[] | undefined> {
  const works = await new Deno.Command("node", { args: ["--version"], stdout: "null" }).output()
    .then((output) => output.success, () => false);
  if (!works) return undefined;
  const root = join(HERE, "../..");
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

/** Lets a client call a server, and makes a step of each case. True when all cases were there. */
async function runCases(
  t: Deno.TestContext,
  serverCommand: string[],
  clientCommand: string[],
): Promise<boolean> {
  await using processes = new Processes();
  const server = processes.start(serverCommand);
  const address = (await server.line(/^listening (\S+)$/))[1];
  const client = processes.start([...clientCommand, address]);
  let count = 0;
  for await (const line of client.lines()) {
    const { name, failure } = JSON.parse(line);
    count++;
    await t.step(name, () => assert.equal(failure, undefined, failure));
  }
  return await client.code() === 0 && !server.ended && count === 32;
}

for (const { name, command } of RUNTIMES) {
  Deno.test({
    name: `grpc-js on ${name} calls our server`,
    ignore: command === undefined,
    async fn(t) {
      const run = () => runCases(t, OURS("our_server.ts"), [...command!, "client"]);
      // On Deno grpc-js was seen to abort the process: once is forgiven, to it alone.
      assert.ok(await run() || (name === "Deno" && await run()), "not all cases ran");
    },
  });

  Deno.test({
    name: `our client calls grpc-js on ${name}`,
    ignore: command === undefined,
    async fn(t) {
      const run = () => runCases(t, [...command!, "server"], OURS("our_client.ts"));
      assert.ok(await run() || (name === "Deno" && await run()), "not all cases ran");
    },
  });
}
