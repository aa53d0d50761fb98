// Programs end within a bounded time, with a clear text, when their peer accepts a connection and says nothing (more).

import assert from "node:assert/strict";
import { join } from "node:path";
import { connect } from "../../mod.ts";
import { type LineProcess, Processes } from "../fixtures/processes.ts";
import { SILENT_PEERS } from "../fixtures/silent_peers.ts";

/** Time that a program may take beyond its own limits, on a busy machine. */
const SLACK_MS = 25_000;

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Waits for the end of a program; rejects when it takes longer than `limitMs` and {@link SLACK_MS}. */
async function ended(child: LineProcess, limitMs: number): Promise<Ended> {
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, limitMs + SLACK_MS);
  const stdout = (await Array.fromAsync(child.lines())).join("\n");
  const result = { code: await child.code(), stdout, stderr: await child.errors() };
  clearTimeout(timer);
  assert.ok(!late, `did not end within ${limitMs} ms: ${result.stderr}`);
  return result;
}

for (const [kind, start] of Object.entries(SILENT_PEERS)) {
  const connects = kind !== "accepts connections";
  const limits = ["--connect-timeout-ms", connects ? "10000" : "400", "--timeout-ms", "300"];

  Deno.test(`client: a server that only ${kind}`, async () => {
    await using peer = await start();
    await using processes = new Processes();
    const run = processes.program("client", ["--addr", peer.address, ...limits]);
    const { code, stdout, stderr } = await ended(run, 400 + 7 * 300);
    assert.equal(code, 1, stderr);
    if (connects) {
      assert.match(stdout, /^0 passed, 7 failed$/m);
      assert.match(stderr, /^echo, small: DEADLINE_EXCEEDED: /m);
    } else {
      assert.match(stderr, /^client: Channel to 127\.0\.0\.1:\d+: not ready after 400 ms: /);
    }
  });

  Deno.test(`vrpc: a server that only ${kind}`, async () => {
    await using peer = await start();
    await using processes = new Processes();
    const { address } = peer;
    const echo = "/vrpc.echo.v1.EchoService/Echo";
    const wires = kind === "answers no call" ? ["grpc", "lean"] : ["grpc"];
    const jobs = wires.flatMap((wire) => [
      ["--wire", wire, "list", address],
      ["--wire", wire, "call", address, echo, "{}"],
      ["--wire", wire, "call", address, echo, "{}", "--kind", "server_streaming"],
      ["--wire", wire, "session", address, "/chat"],
    ]);
    await Promise.all(jobs.map(async (job) => {
      const run = processes.program("vrpc", [...limits, ...job]);
      const { code, stdout, stderr } = await ended(run, 400 + 2 * 300);
      const shown = `${job.join(" ")}: ${stderr}`;
      assert.equal(code, connects ? 68 : 78, shown);
      assert.match(stderr, connects ? /^DEADLINE_EXCEEDED: / : /^UNAVAILABLE: .*not ready after/);
      assert.equal(stderr.trimEnd().split("\n").length, 1, shown);
      assert.equal(stdout, "");
    }));
  });

  Deno.test(`benchmark: a server that only ${kind}`, async () => {
    await using peer = await start();
    await using processes = new Processes();
    const args = ["--server", peer.address, "-c", "2", "-t", "1", "-d", "1"];
    const run = (more: string[]) =>
      ended(processes.program("benchmark", [...args, ...more]), 20_000);
    const [plain, byReflection, limited, conditional] = await Promise.all([
      run([]),
      run(["--method", "vrpc.echo.v1.EchoService/Echo"]),
      run(["--timeout", "200ms"]),
      run(["--timeout", "200ms", "--fail-if", "p99>5ms"]),
    ]);
    for (const { code, stdout, stderr } of [plain, byReflection]) {
      assert.equal(code, 2, stderr);
      assert.equal(stdout, "");
      assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
    }
    if (connects) {
      assert.match(
        plain.stderr,
        /^benchmark: A first call of \/vrpc\.\S+ did not end within 10000 ms/,
      );
      // The deadline ends the calls of a run, and so the run.
      assert.equal(limited.code, 1, limited.stderr);
      assert.match(limited.stderr, /^benchmark: Echo Service: not one of \d+ calls succeeded$/m);
      assert.match(limited.stdout, /^ {2}DEADLINE_EXCEEDED: /m);
      assert.equal(conditional.code, 3, conditional.stderr);
      assert.match(conditional.stderr, /p99>5ms holds: nothing was measured, not one of \d+ calls/);
    } else {
      for (const { code, stderr } of [plain, limited, conditional]) {
        assert.equal(code, 2, stderr);
        assert.match(stderr, /^benchmark: .*127\.0\.0\.1:\d+/);
      }
    }
  });

  Deno.test(`host: an enclave that only ${kind}`, async () => {
    await using peer = await start();
    await using processes = new Processes();
    const host = processes.program("host", [
      ...["--addr", "127.0.0.1:0", "--enclave", peer.address, "--log-level", "error"],
      ...["--timeout-ms", "300", "--grace-ms", "500"],
    ]);
    const url = await host.address();
    const headers = { "content-type": "application/json" };
    const post = (path: string) =>
      fetch(`${url}${path}`, { method: "POST", headers, body: '{"xid":"a"}' });
    const answers = await Promise.all([
      post("/echo"),
      post("/shop.Orders/Get"),
      fetch(`${url}/methods.json`),
    ]);
    for (const answer of answers) {
      const { code } = await answer.json();
      assert.ok(answer.status === 504 || answer.status === 503, `${answer.url}: ${answer.status}`);
      assert.match(code, /^(DEADLINE_EXCEEDED|UNAVAILABLE)$/);
    }
    // A request is open while the host ends.
    const open = post("/echo").then((response) => response.body?.cancel(), () => {});
    host.kill("SIGTERM");
    assert.equal((await ended(host, 500 + 1_000)).code, 0);
    await open;
  });
}

for (const [program, args] of [["server", ["--workers", "2"]], ["enclave", []]] as const) {
  Deno.test(`${program}: clients of calls and metrics that send nothing do not hold its end up`, async () => {
    await using processes = new Processes();
    const child = processes.program(program, [
      ...["--addr", "127.0.0.1:0", "--metrics-addr", "127.0.0.1:0", "--grace-ms", "300"],
      ...["--log-level", "error", ...args],
    ]);
    const address = await child.address();
    const [, metrics] = await child.line(/^metrics (\S+)$/);
    const open = [];
    for (const { hostname, port } of [new URL(`tcp://${address}`), new URL(metrics)]) {
      const silent = await Deno.connect({ hostname, port: Number(port) });
      const begun = await Deno.connect({ hostname, port: Number(port) });
      await begun.write(new TextEncoder().encode("GET /metrics HTTP/1.1\r\nhost: "));
      open.push(silent, begun);
    }
    await using channel = connect(address);
    const chat = channel.session("/vrpc.echo.v1.EchoService/EchoStream");
    await chat.send(new Uint8Array());
    await chat.receive();
    child.kill("SIGTERM");
    assert.equal((await ended(child, 300 + 1_000 + 1_000)).code, 0);
    for (const connection of open) connection.close();
    await chat[Symbol.asyncDispose]();
  });
}

Deno.test("server:stop gives a server that does not end a time limit, and says how to end it", async () => {
  await using processes = new Processes();
  const directory = await Deno.makeTempDir();
  const pidFile = join(directory, "server.pid");
  const server = processes.program("server", [
    ...["--addr", "127.0.0.1:0", "--workers", "1", "--log-level", "error"],
    ...["--pid-file", pidFile],
  ]);
  await server.address();
  server.kill("SIGSTOP");
  const script = join(import.meta.dirname!, "../../scripts/server_stop.ts");
  const stop = (...args: string[]) =>
    ended(processes.start([Deno.execPath(), "run", "--quiet", "-A", script, ...args]), 300);
  const { code, stderr } = await stop(pidFile, "--wait-ms", "300");
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^server:stop: The server \(pid \d+\) did not end within 300 ms: .*--wait-ms, or end it with: kill -9 \d+$/m,
  );
  const wrong = await stop(pidFile, "--wait-ms", "soon");
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /^Cannot use --wait-ms "soon": it must be a whole number from 0/);
  server.kill("SIGCONT");
  assert.equal(await server.code(), 0);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("vrpc: a lookup has a time limit of its own, 10 s by default", async () => {
  await using peer = await SILENT_PEERS["answers no call"]();
  await using processes = new Processes();
  const help = await ended(processes.program("vrpc", ["--help"]), 1_000);
  assert.match(help.stdout.replace(/\s+/g, " "), /--lookup-timeout-ms <ms>[^-]*default: 10000/);
  const run = processes.program("vrpc", ["--lookup-timeout-ms", "300", "list", peer.address]);
  const { code, stderr } = await ended(run, 2 * 300);
  assert.equal(code, 68, stderr);
  assert.match(stderr, /^DEADLINE_EXCEEDED: /);
});
