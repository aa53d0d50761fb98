/**
 * Clients of vrpc, grpc-js and grpc-go beside each other, with the same proxies in their environment: a table of what each does.
 * Exits with 1 if vrpc does something else than is expected. Needs Go; squid is used if it is installed.
 *
 *     deno task test:proxies
 *
 * @module
 */

import { join } from "node:path";
import { cacheFolder } from "../../../scripts/cache_folder.ts";
import { serve } from "../../../mod.ts";
import { hasSquid, startSquid } from "../../fixtures/squid.ts";
import { type ConnectProxy, startConnectProxy } from "../../fixtures/connect_proxy.ts";

const HERE = import.meta.dirname!;
type Way = "proxy" | "direct" | "refused";

/** Environment of a case; `PROXY` stands for the proxy's URL and `PORT` for the server's port. */
interface Case {
  readonly env: Record<string, string>;
  /** Host of the target. Default `server.test`, which the proxy alone resolves. */
  readonly host?: string;
  readonly expected: Way;
}

const https = { https_proxy: "PROXY" };
const CASES: readonly Case[] = [
  { env: https, expected: "proxy" },
  { env: { HTTPS_PROXY: "PROXY" }, expected: "proxy" },
  { env: { grpc_proxy: "PROXY" }, expected: "proxy" },
  { env: { http_proxy: "PROXY" }, expected: "proxy" },
  { env: { https_proxy: "http://user:wrong@127.0.0.1:AT" }, expected: "refused" },
  { env: { https_proxy: "http://127.0.0.1:AT" }, expected: "refused" },
  { env: { ...https, no_proxy: "server.test" }, expected: "direct" },
  { env: { ...https, no_proxy: "other.test, server.test" }, expected: "direct" },
  { env: { ...https, NO_PROXY: "server.test" }, expected: "direct" },
  { env: { ...https, no_grpc_proxy: "server.test" }, expected: "direct" },
  { env: { ...https, no_proxy: "test" }, expected: "direct" },
  { env: { ...https, no_proxy: ".test" }, expected: "direct" },
  { env: { ...https, no_proxy: "*.test" }, expected: "direct" },
  { env: { ...https, no_proxy: "erver.test" }, expected: "proxy" },
  { env: { ...https, no_proxy: "*" }, expected: "direct" },
  { env: { ...https, no_proxy: "server.test:PORT" }, expected: "direct" },
  { env: { ...https, no_proxy: "server.test:1" }, expected: "proxy" },
  { env: https, host: "192.0.2.1", expected: "proxy" },
  { env: { ...https, no_proxy: "192.0.2.1" }, host: "192.0.2.1", expected: "direct" },
  { env: { ...https, no_proxy: "192.0.2.0/24" }, host: "192.0.2.1", expected: "direct" },
  { env: { ...https, no_proxy: "198.51.100.0/24" }, host: "192.0.2.1", expected: "proxy" },
  { env: { ...https, no_proxy: "2001:db8::/32" }, host: "[2001:db8::1]", expected: "direct" },
  { env: https, host: "[2001:db8::1]", expected: "proxy" },
  { env: https, host: "127.0.0.1", expected: "direct" },
];

async function buildGo(): Promise<string> {
  const program = join(cacheFolder("proxies"), "client");
  const { code, stderr } = await new Deno.Command("go", {
    args: ["build", "-mod=mod", "-o", program, "."],
    cwd: join(HERE, "go"),
  }).output();
  if (code !== 0) throw new Error(`go build: ${new TextDecoder().decode(stderr)}`);
  return program;
}

/** Runs a client once; returns what it printed, and kills it after 5 s. */
async function run(command: string[], env: Record<string, string>): Promise<string> {
  const child = new Deno.Command(command[0], {
    args: command.slice(1),
    env: { ...env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), 5_000);
  const { stdout } = await child.output();
  clearTimeout(timer);
  return new TextDecoder().decode(stdout).trim();
}

/** Describes what a client did: which way it went, and what it asked the proxy for if that is not the target. */
function wayOf(proxy: ConnectProxy, target: string, answer: string): string {
  if (proxy.asked.length === 0) return "direct";
  const others = proxy.asked.filter((one) => one.target !== target);
  if (others.length > 0) return `proxy, asked for ${others[0].target}`;
  return answer === "9" ? "proxy" : "refused";
}

const deno = [Deno.execPath(), "run", "--quiet", "-A", "--no-check"];
const clients: Record<string, string[]> = {
  vrpc: [...deno, join(HERE, "connect_vrpc.ts")],
  "grpc-js": [...deno, join(HERE, "connect_grpc_js.ts")],
  "grpc-go": [await buildGo()],
};

await using server = await serve("127.0.0.1:0", (router) => {
  router.method("/test.Echo/Echo", {}, (request) => request);
});
const port = server.addresses[0].split(":").at(-1)!;
await using proxy = await startConnectProxy("user:p@ss");
const url = `http://user:p%40ss@127.0.0.1:${proxy.port}`;

console.log(`| environment | target | ${Object.keys(clients).join(" | ")} |`);
console.log(`| --- | --- ${"| --- ".repeat(Object.keys(clients).length)}|`);
let wrong = 0;
for (const { env, host = "server.test", expected } of CASES) {
  const target = `${host}:${port}`;
  const filled = Object.fromEntries(
    Object.entries(env).map(([name, value]) => [
      name,
      value.replace("PROXY", url).replace(":AT", `:${proxy.port}`).replace("PORT", port),
    ]),
  );
  const ways: string[] = [];
  for (const command of Object.values(clients)) {
    proxy.asked.length = 0;
    const answer = await run([...command, target], filled);
    ways.push(wayOf(proxy, target, answer));
  }
  if (ways[0] !== expected) wrong++;
  const shown = Object.entries(env).map(([name, value]) => `\`${name}=${value}\``).join(" ");
  console.log(`| ${shown} | \`${host}\` | ${ways.join(" | ")} |`);
}
if (await hasSquid()) {
  await using squid = await startSquid();
  const env = { https_proxy: `http://127.0.0.1:${squid.port}` };
  const ways: string[] = [];
  for (const command of Object.values(clients)) {
    const answer = await run([...command, `server.test:${port}`], env);
    // Nothing but squid resolves the name.
    ways.push(answer === "9" ? "proxy" : `failed: ${answer}`);
  }
  if (ways[0] !== "proxy") wrong++;
  console.log(`| \`https_proxy\` of squid | \`server.test\` | ${ways.join(" | ")} |`);
}
if (wrong > 0) {
  console.error(`vrpc did something else than expected in ${wrong} cases`);
  Deno.exit(1);
}
