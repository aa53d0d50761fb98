/**
 * HTTP through the gateway: starts an enclave and a host, and loads `POST /echo` with wrk, alternating with a
 * bare `Deno.serve` that replies with a constant, the upper bound.
 *
 *     deno task bench:host [--seconds 10] [--rounds 3] [--connections 100]
 *
 * Needs wrk (Debian package wrk).
 *
 * @module
 */

import { parseArgs } from "node:util";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    seconds: { type: "string", default: "10" },
    rounds: { type: "string", default: "3" },
    connections: { type: "string", default: "100" },
  },
});
const ROOT = new URL("../../", import.meta.url).pathname;
const CONSTANT = `Deno.serve({ hostname: "127.0.0.1", port: 0,
  onListen: ({ port }) => console.log("listening http://127.0.0.1:" + port) },
  () => new Response('{"dix":"olleh"}', { headers: { "content-type": "application/json" } }));`;

const children: Deno.ChildProcess[] = [];

/** Starts a program of this project; resolves to the address that it prints. */
async function start(args: string[]): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), { args, cwd: ROOT, stdout: "piped" }).spawn();
  children.push(child);
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`${args.join(" ")} ended before listening`);
    text += value;
    const match = /listening (\S+)\n/.exec(text);
    if (match) return match[1];
  }
}

async function wrk(url: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("wrk", {
    args: [
      ...["-t4", `-c${values.connections}`, `-d${values.seconds}s`, "--latency"],
      ...["-s", "bench/programs/post.lua", url],
    ],
    cwd: ROOT,
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

const rateOf = (summary: string) => Number(/Requests\/sec:\s+([\d.]+)/.exec(summary)?.[1]);
const median = (numbers: number[]) => numbers.sort((a, b) => a - b)[numbers.length >> 1];

try {
  await new Deno.Command("wrk", { args: ["-v"], stdout: "null", stderr: "null" }).output();
} catch {
  console.error("wrk is not installed: apt-get install wrk");
  Deno.exit(2);
}

try {
  const program = ["run", "-A", "--quiet"];
  const enclave = await start([
    ...[...program, "cmd/enclave.ts", "--addr", "127.0.0.1:0", "--log-level", "error"],
  ]);
  const host = await start([
    ...[...program, "cmd/host.ts", "--addr", "127.0.0.1:0", "--enclave", enclave],
    ...["--log-level", "error"],
  ]);
  const bare = await start(["eval", CONSTANT]);
  const rates: Record<string, number[]> = { host: [], bare: [] };
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const [name, url] of [["host", `${host}/echo`], ["bare", bare]]) {
      const summary = await wrk(url);
      rates[name].push(rateOf(summary));
      console.log(
        `--- round ${round}, ${name === "host" ? "host and enclave" : "bare Deno.serve"}`,
      );
      console.log(summary.trim());
    }
  }
  const [ours, ceiling] = [median(rates.host), median(rates.bare)];
  console.log(
    `host and enclave: ${ours.toFixed(0)} requests/s; bare Deno.serve with a constant: ` +
      `${ceiling.toFixed(0)} requests/s; ratio ${(ours / ceiling).toFixed(2)}`,
  );
} finally {
  for (const child of children) {
    child.kill("SIGTERM");
    await child.status;
  }
}
Deno.exit(0);
