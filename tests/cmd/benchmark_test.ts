import assert from "node:assert/strict";
import { join } from "node:path";
import { type Router, RpcError, serve, type Server, Status } from "../../mod.ts";
import { addEcho, addReflection } from "../../src/services/mod.ts";
import { EchoService } from "../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import type { ReportFile, RunResult } from "../../src/load/mod.ts";
import { createAuthority } from "../../src/transport/certs.ts";
import { until } from "../fixtures/waiting.ts";

const PROGRAM = new URL("../../cmd/benchmark.ts", import.meta.url).pathname;
const DENO = Deno.execPath();
const PROTO = new URL("../../proto", import.meta.url).pathname;

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function start(args: string[], env: Record<string, string> = {}): Deno.ChildProcess {
  return new Deno.Command(DENO, {
    args: ["run", "-A", "--quiet", PROGRAM, ...args],
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function ended(child: Deno.ChildProcess): Promise<Ended> {
  const { code, stdout, stderr } = await child.output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

const benchmark = (args: string[], env?: Record<string, string>) => ended(start(args, env));

/** Runs the benchmark with a JSON report. */
async function measured(args: string[], env?: Record<string, string>): Promise<RunResult[]> {
  const { code, stdout, stderr } = await benchmark([...args, "--output", "json"], env);
  assert.equal(code, 0, stderr);
  return (JSON.parse(stdout) as ReportFile).runs as RunResult[];
}

async function withServer(
  configure: (router: Router) => void,
  body: (server: Server, address: string) => Promise<void>,
): Promise<void> {
  const server = await serve("127.0.0.1:0", (router) => {
    configure(router);
    addReflection(router);
  });
  try {
    await body(server, server.addresses[0]);
  } finally {
    await server.close();
  }
}

const OWN = ["--start-server", "on"];

Deno.test("benchmark prints the report's lines for echo", async () => {
  const { code, stdout } = await benchmark([...OWN, "--requests", "200"]);
  assert.equal(code, 0);
  const lines = stdout.split("\n");
  assert.deepEqual(lines.slice(0, 5), [
    "=== Echo Service Benchmark Results ===",
    "Total requests: 200",
    "Successful requests: 200",
    "Failed requests: 0",
    "Success rate: 100.00%",
  ]);
  assert.match(lines[5], /^Duration: \d+\.\d{3}s$/);
  assert.match(lines[6], /^Requests per second: \d+\.\d\d$/);
  assert.match(lines[7], /^Average latency: \d+\.\d\d μs$/);
  assert.match(lines[8], /^Min latency: \d+ μs$/);
  assert.match(lines[9], /^Max latency: \d+ μs$/);
  assert.match(stdout, /^ +Latency +Server time$/m);
});

Deno.test("benchmark runs echo and crypto one after the other", async () => {
  const args = [...OWN, "--service", "both", "--requests", "20", "--crypto-key", "ecdsa-p256"];
  const { code, stdout } = await benchmark(args);
  assert.equal(code, 0);
  assert.deepEqual(stdout.match(/^=== .* ===$/gm), [
    "=== Echo Service Benchmark Results ===",
    "=== Crypto Service Benchmark Results ===",
  ]);
});

Deno.test("benchmark spreads calls over threads, connections and streams", async () => {
  const seen = new Map<string, number>();
  const echo = (router: Router) =>
    router.service(EchoService, {
      echo: ({ payload }, { peer }) => {
        seen.set(peer.address, (seen.get(peer.address) ?? 0) + 1);
        return { payload };
      },
    });
  await withServer(echo, async (_, address) => {
    const [run] = await measured(
      ["--connections", "3", "--threads", "2", "--streams", "4", "--payload", "10"],
      { SERVER_ADDR: address, TOTAL_REQUESTS: "300" },
    );
    assert.equal(run.successfulRequests, 300);
    assert.deepEqual([run.settings.connections, run.settings.streams], [3, 4]);
    assert.equal(run.bytes.sent, 300 * run.settings.requestBytes);
  });
  // The probe before the load uses a separate connection.
  const counts = [...seen.values()].sort((a, b) => a - b);
  assert.equal(counts.length, 4);
  assert.equal(counts[0], 1);
  assert.equal(counts.reduce((a, b) => a + b), 301);
});

Deno.test("benchmark sends the same payload for the same seed", async () => {
  const payloads = new Set<string>();
  const echo = (router: Router) =>
    router.service(EchoService, {
      echo({ payload }) {
        payloads.add(payload.toHex());
        return { payload };
      },
    });
  await withServer(echo, async (_, address) => {
    const args = ["-s", address, "-n", "3", "--payload", "16", "--seed"];
    await measured([...args, "7"]);
    await measured([...args, "7"]);
    assert.equal(payloads.size, 1);
    await measured([...args, "8"]);
    assert.deepEqual([...payloads].map((hex) => hex.length), [32, 32]);
  });
});

Deno.test("benchmark in an open loop keeps its schedule and shows a frozen server", async () => {
  let frozen = false;
  const freezing = (router: Router) =>
    router.service(EchoService, {
      async echo({ payload }) {
        if (!frozen) {
          frozen = true;
          await new Promise((resolve) => setTimeout(resolve, 20));
          // Blocks this process.
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
        }
        return { payload };
      },
    });
  // The probe before the load must not trigger the freeze.
  await withServer(freezing, async (server, address) => {
    frozen = true;
    const running = measured(["-s", address, "--rate", "200", "-d", "2s", "--warmup", "200ms"]);
    // One connection for the first call, ten for the load, which starts once they are open.
    await until(() => server.stats().connections.accepted === 11);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    frozen = false;
    const [run] = await running;
    assert.equal(run.settings.mode, "open");
    assert.equal(run.schedule!.due, 400);
    assert.equal(run.totalRequests + run.schedule!.missed, 400);
    // 80 of 400 calls were due during the freeze, and waited 200 ms on average.
    assert.ok(run.latency.percentilesUs.p90! > 100_000, `${run.latency.percentilesUs.p90}`);
    assert.ok(run.latency.maxUs! > 380_000, `${run.latency.maxUs}`);
    assert.ok(run.serviceTime!.count === run.latency.count);
  });
});

Deno.test("benchmark limits a closed loop's rate, with Poisson arrivals too", async () => {
  const [run] = await measured([
    ...[...OWN, "--mode", "closed", "--rate", "100"],
    ...["--arrivals", "poisson", "-n", "50", "--timeout", "5s"],
  ]);
  assert.equal(run.settings.mode, "closed");
  assert.equal(run.schedule, null);
  assert.equal(run.settings.arrivals, "poisson");
  assert.ok(run.requestsPerSecond < 200, `${run.requestsPerSecond} calls/s`);
});

for (const transport of ["tcp", "tls", "unix"]) {
  for (const wire of ["grpc", "lean"]) {
    Deno.test(`benchmark over ${transport}, ${wire}`, async () => {
      const args = [...OWN, "--transport", transport, "--wire", wire, "-n", "50"];
      const [run] = await measured(args);
      assert.equal(run.successfulRequests, 50);
      assert.deepEqual([run.settings.transport, run.settings.wire], [transport, wire]);
    });
  }
}

for (const wire of ["connect", "grpc-web"]) {
  Deno.test(`benchmark by ${wire}`, async () => {
    const [run] = await measured([...OWN, "--wire", wire, "--streams", "4", "-n", "100"]);
    assert.equal(run.successfulRequests, 100);
    assert.equal(run.settings.wire, wire);
  });
}

Deno.test("benchmark batches calls", async () => {
  const [run] = await measured([...OWN, "--batch", "on", "--streams", "8", "-n", "400"]);
  assert.equal(run.successfulRequests, 400);
  assert.equal(run.settings.batch, true);
});

Deno.test("benchmark takes a server's authority, a client's certificate and a server name", async () => {
  const authority = await createAuthority();
  const { cert, key } = await authority.issueServer({ names: ["bench.test"] });
  const client = await authority.issueClient({ names: ["client.test"] });
  const folder = await Deno.makeTempDir();
  const server = await serve("127.0.0.1:0", addEcho, {
    tls: { cert, key, clientCa: authority.cert },
  });
  try {
    const file = async (name: string, text: string) => {
      await Deno.writeTextFile(join(folder, name), text);
      return join(folder, name);
    };
    const args = [
      ...["-s", server.addresses[0], "-n", "20", "-c", "2", "--transport", "tls"],
      ...["--tls-ca", await file("ca.pem", authority.cert)],
      ...["--tls-cert", await file("cert.pem", client.cert)],
      ...["--tls-key", await file("key.pem", client.key)],
    ];
    const [run] = await measured([...args, "--tls-server-name", "bench.test"]);
    assert.equal(run.successfulRequests, 20);
    const refused = await benchmark([...args, "--tls-server-name", "other.test"]);
    assert.equal(refused.code, 2);
    assert.equal(refused.stderr.trim().split("\n").length, 1, refused.stderr);
  } finally {
    await server.close();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("benchmark calls any method, with types from reflection", async () => {
  const args = [...OWN, "--method", "vrpc.echo.v1.EchoService/Echo", "-n", "30"];
  const [run] = await measured([...args, "--data", '{"payload":"aGVsbG8="}']);
  assert.equal(run.title, "vrpc.echo.v1.EchoService/Echo");
  assert.equal(run.settings.requestBytes, 7);
  const [padded] = await measured([...args, "--payload", "100"]);
  assert.equal(padded.settings.requestBytes, 102);
});

Deno.test("benchmark calls streaming methods with all messages of --data", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const data = join(folder, "data.json");
    await Deno.writeTextFile(data, '[{"payload":"YQ=="},{"payload":"Yg=="},{"payload":"Yw=="}]');
    const [run] = await measured([
      ...[...OWN, "--method", "vrpc.echo.v1.EchoService/EchoStream"],
      ...["--data", `@${data}`, "-n", "20"],
    ]);
    assert.equal(run.successfulRequests, 20);
    assert.equal(run.messagesReceived, 60);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("benchmark takes types from a .proto file and from a descriptor set", async () => {
  const folder = await Deno.makeTempDir();
  const echoOnly = (router: Router) => void addEcho(router);
  const server = await serve("127.0.0.1:0", echoOnly);
  try {
    const args = [
      "-s",
      server.addresses[0],
      "--method",
      "vrpc.echo.v1.EchoService/Echo",
      "-n",
      "5",
    ];
    const proto = join(PROTO, "vrpc/echo/v1/echo.proto");
    const [run] = await measured([...args, "--proto", proto, "--proto-path", PROTO]);
    assert.equal(run.successfulRequests, 5);
    const set = join(folder, "types.binpb");
    await writeEchoSet(set);
    const [again] = await measured([...args, "--proto", set]);
    assert.equal(again.successfulRequests, 5);
    const without = await benchmark(args);
    assert.equal(without.code, 2);
    assert.match(without.stderr, /^benchmark: The server has no reflection: pass its types/);
  } finally {
    await server.close();
    await Deno.remove(folder, { recursive: true });
  }
});

async function writeEchoSet(path: string): Promise<void> {
  const { create, toBinary } = await import("@bufbuild/protobuf");
  const { FileDescriptorSetSchema } = await import("@bufbuild/protobuf/wkt");
  const set = create(FileDescriptorSetSchema, { file: [EchoService.file.proto] });
  await Deno.writeFile(path, toBinary(FileDescriptorSetSchema, set));
}

Deno.test("benchmark writes every format, and compares with an older report", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const old = join(folder, "old.json");
    const first = await benchmark([...OWN, "-n", "50", "--out", old]);
    assert.equal(first.code, 0, `${first.stdout}\n${first.stderr}`);
    assert.match(first.stdout, /^=== Echo Service/, "text goes to the terminal");
    const page = join(folder, "report.html");
    const second = await benchmark([...OWN, "-n", "50", "--out", page, "--compare", old]);
    assert.match(second.stdout, /^Compared with the run of /m);
    assert.match(await Deno.readTextFile(page), /^<!doctype html>[^]*latency before/);
    const csv = await benchmark([...OWN, "-n", "50", "--output", "csv"]);
    assert.match(csv.stdout, /^title,method,[^]*\r\n\r\ntitle,at_ms,/);
    await Deno.writeTextFile(old, "{}");
    const broken = await benchmark([...OWN, "--compare", old]);
    assert.equal(broken.code, 2);
    assert.match(broken.stderr, /^benchmark: Cannot compare with .*: not a benchmark report/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("benchmark exits with 3 when a condition holds", async () => {
  const held = await benchmark([...OWN, "-n", "20", "--fail-if", "failed>0,min>1ns"]);
  assert.equal(held.code, 3);
  assert.match(held.stderr, /^benchmark: Echo Service: min>1ns holds: .* (μs|ms)$/m);
  assert.match(held.stdout, /^Total requests: 20$/m);
  const passed = await benchmark([...OWN, "-n", "20", "--fail-if", "failed>0"]);
  assert.equal(passed.code, 0, passed.stderr);
});

Deno.test("benchmark without one success: conditions hold, no rate, and failures by code", async () => {
  const failing = (router: Router) =>
    router.service(EchoService, {
      echo() {
        throw new RpcError(Status.UNAVAILABLE, "closed for today");
      },
    });
  await withServer(failing, async (_, address) => {
    const args = ["-s", address, "-n", "50", "--output", "json"];
    const conditions = ["p99>5ms", "p50<1h", "avg>1h", "min>1h", "max>1h", "rps>1000000", "rps<1"];
    for (const condition of conditions) {
      const { code, stderr } = await benchmark([...args, "--fail-if", condition]);
      assert.equal(code, 3, `${condition}: ${stderr}`);
      const expected = `${condition} holds: nothing was measured, not one of 50 calls succeeded`;
      assert.ok(stderr.includes(expected), stderr);
    }
    const { code, stdout, stderr } = await benchmark(args);
    assert.equal(code, 1);
    assert.equal(stderr, "benchmark: Echo Service: not one of 50 calls succeeded\n");
    const [run] = (JSON.parse(stdout) as ReportFile).runs;
    assert.equal(run.requestsPerSecond, 0);
    assert.equal(run.latency.percentilesUs.p99, null);
    assert.deepEqual(run.failures.map((one) => [one.code, one.count, one.message]), [
      ["UNAVAILABLE", 50, "closed for today"],
    ]);
    // The handler was reached.
    assert.equal(run.unreachable, null);
    assert.doesNotMatch(run.notes.join("\n"), /could not be reached/);
  });
});

Deno.test("benchmark reports mistakes in one line and exits with 2", async () => {
  const cases: [string[], RegExp][] = [
    [["--server", "127.0.0.1:1"], /^benchmark: Cannot connect to 127\.0\.0\.1:1: /],
    [["--server", "unix:/no/such.sock"], /^benchmark: Cannot connect to unix:\/no\/such\.sock: /],
    [["--server", "nonsense"], /^benchmark: Address "nonsense" has no port/],
    [["--transport", "vsock"], /^benchmark: Transport vsock does not match the address 127/],
    [["--duration", "5x"], /'5x' is invalid\. It must be a duration/],
    [["--rate", "fast"], /'fast' is invalid\. It must be a number of calls per second/],
    [["--service", "ehco"], /did you mean echo\?/],
    [["--reqests", "5"], /Did you mean --requests\?/],
    [["--out", "/no/such/report.html"], /folder \/no\/such does not exist/],
    [
      [...OWN, "--method", "vrpc.echo.v1.EchoServise/Echo"],
      /did you mean vrpc\.echo\.v1\.EchoService/,
    ],
    [[...OWN, "--method", "vrpc.echo.v1.EchoService/Ecko"], /did you mean Echo\?/],
    [[...OWN, "--method", "vrpc.echo.v1.EchoService/Echo", "--data", "[1]"], /Cannot use --data/],
    [[...OWN, "--transport", "hvsock"], /Cannot start a server for hvsock/],
    [["--fail-if", "latency>5ms"], /^benchmark: Unknown metric "latency" .* one of avg, mean, min/],
  ];
  for (const [args, expected] of cases) {
    const { code, stdout, stderr } = await benchmark(args);
    assert.equal(code, 2, `${args.join(" ")}: ${stderr}`);
    assert.match(stderr, expected);
    assert.equal(stderr.trim().split("\n").length, 1, stderr);
    assert.equal(stdout, "", "nothing was measured");
  }
});

Deno.test("benchmark reports a missing method before the load", async () => {
  let calls = 0;
  const counting = (router: Router) =>
    router.method("/health", {}, () => (calls++, new Uint8Array()));
  await withServer(counting, async (_, address) => {
    const { code, stderr } = await benchmark(["-s", address, "-n", "1000"]);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^benchmark: The server has no method \/vrpc\.echo\.v1\.EchoService\/Echo/,
    );
    assert.equal(calls, 0);
  });
});

Deno.test("benchmark counts failures by status code", async () => {
  let calls = 0;
  const failing = (router: Router) =>
    router.service(EchoService, {
      echo({ payload }) {
        if (calls++ % 4 === 3) throw new RpcError(Status.RESOURCE_EXHAUSTED, "Too much");
        return { payload };
      },
    });
  await withServer(failing, async (_, address) => {
    const [run] = await measured(["-s", address, "-n", "400", "--service", "echo"]);
    assert.deepEqual(run.failures.map(({ code, count, message }) => [code, count, message]), [
      ["RESOURCE_EXHAUSTED", 100, "Too much"],
    ]);
    assert.equal(run.successRate, 0.75);
  });
});

Deno.test("benchmark continues when the server dies, and reports when", async () => {
  const echo = (router: Router) => void addEcho(router);
  await withServer(echo, async (server, address) => {
    const running = benchmark(["-s", address, "-d", "2s"]);
    // One connection for the first call, ten for the load.
    await until(() => server.stats().connections.accepted === 11);
    await new Promise((resolve) => setTimeout(resolve, 700));
    await server.close();
    const { code, stdout } = await running;
    assert.equal(code, 0);
    assert.match(stdout, /^ {2}UNAVAILABLE: [\d,]+, first at \d\.\d{3}s, last at \d\.\d{3}s: /m);
    assert.match(stdout, /^Note: The server could not be reached from \d\.\d{3}s on/m);
    const successful = Number(/^Successful requests: (\d+)$/m.exec(stdout)![1]);
    assert.ok(successful > 0);
  });
});

Deno.test({
  name: "benchmark reports what was measured when Ctrl-C ends it",
  ignore: Deno.build.os === "windows",
  async fn() {
    const echo = (router: Router) => void addEcho(router);
    await withServer(echo, async (server, address) => {
      const child = start(["-s", address, "-d", "1h", "--rate", "500"]);
      // One connection for the first call, ten for the load.
      await until(() => server.stats().connections.accepted === 11);
      await new Promise((resolve) => setTimeout(resolve, 800));
      child.kill("SIGINT");
      const { code, stdout } = await ended(child);
      assert.equal(code, 0);
      assert.match(stdout, /^=== Echo Service Benchmark Results ===$/m);
      assert.match(stdout, /^Success rate: 100\.00%$/m);
      assert.match(stdout, /^Note: Stopped early by the user/m);
    });
  },
});

Deno.test("benchmark is silent without a terminal, and shows progress on request", async () => {
  const args = [...OWN, "-d", "600ms", "--rate", "100"];
  assert.equal((await benchmark(args)).stderr, "");
  const shown = await benchmark([...args, "--progress", "on"]);
  assert.match(
    shown.stderr,
    /\r.*0 s of 600 ms · \d+ calls · [\d,]+\/s · p50 .* · p99 .* · 0 failed/,
  );
});
