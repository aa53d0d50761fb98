import assert from "node:assert/strict";
import { join } from "node:path";
import { connect } from "../../mod.ts";
import { Algorithm, CryptoService, KeyType } from "../../proto/gen/vrpc/crypto/v1/crypto_pb.ts";
import { EchoService } from "../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { Processes } from "../fixtures/processes.ts";

Deno.test("the server listens on several addresses, drains on SIGTERM and exits with 0", async () => {
  await using processes = new Processes();
  const path = await Deno.makeTempFile();
  await Deno.remove(path);
  const server = processes.program("server", [
    ...["--addr", "127.0.0.1:0", "--addr", `unix:${path}`],
    ...["--workers", "2", "--log-level", "error"],
  ]);
  const tcp = await server.address();
  assert.match(tcp, /^127\.0\.0\.1:[1-9]\d*$/);
  assert.equal(await server.address(), `unix:${path}`);
  for (const target of [tcp, `unix:${path}`]) {
    await using channel = connect(target);
    const payload = new TextEncoder().encode(target);
    const reply = await channel.client(EchoService).echo({ payload });
    assert.deepEqual(new Uint8Array(reply.payload), payload);
    assert.ok(reply.sentAtNs >= reply.receivedAtNs && reply.receivedAtNs > 0n);
  }
  server.kill("SIGTERM");
  assert.equal(await server.code(), 0);
  assert.equal(await server.errors(), "");
});

Deno.test("no end of a server or an enclave leaves its socket or its pid file", async () => {
  await using processes = new Processes();
  const directory = await Deno.makeTempDir();
  const left = () => [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
  const socket = `unix:${join(directory, "socket")}`;
  const quiet = ["--log-level", "error"];
  const workers = ["--workers", "2", "--pid-file", join(directory, "pid")];
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    const cases: [program: string, args: string[], files: string[]][] = [
      ["server", ["--addr", socket, ...workers], ["pid", "socket"]],
      ["server", ["--addr", socket, "--addr", "127.0.0.1:0", ...workers], ["pid", "socket"]],
      ["enclave", ["--addr", socket], ["socket"]],
    ];
    for (const [name, args, files] of cases) {
      const program = processes.program(name, [...args, ...quiet]);
      assert.equal(await program.address(), socket);
      assert.deepEqual(left(), files);
      assert.equal((await Deno.lstat(join(directory, "socket"))).mode! & 0o777, 0o600);
      program.kill(signal);
      assert.equal(await program.code(), 0);
      assert.deepEqual(left(), [], `${name} ${args}`);
    }
  }
  // A failure after the socket was bound: the port is taken.
  const first = processes.program("server", ["--addr", "127.0.0.1:0", "--workers", "1", ...quiet]);
  const taken = await first.address();
  for (const name of ["server", "enclave"]) {
    const failing = processes.program(name, ["--addr", socket, "--addr", taken, ...quiet]);
    assert.equal(await failing.code(), 1);
    assert.deepEqual(left(), [], name);
  }
  // A second signal, while the first one drains.
  const program = processes.program("server", [
    ...["--addr", socket, ...workers, "--grace-ms", "600000", "--unix-mode", "660"],
    ...["--log-level", "info"],
  ]);
  await program.address();
  assert.equal((await Deno.lstat(join(directory, "socket"))).mode! & 0o777, 0o660);
  await using channel = connect(socket);
  const open = channel.client(EchoService).echoStream((async function* () {
    yield { payload: new Uint8Array(1) };
    await new Promise(() => {});
  })());
  const replies = open[Symbol.asyncIterator]();
  await replies.next();
  program.kill("SIGTERM");
  await new Promise((resolve) => setTimeout(resolve, 400));
  program.kill("SIGTERM");
  assert.equal(await program.code(), 143);
  assert.deepEqual(left(), []);
  await replies.next().catch(() => {});
  await Deno.remove(directory);
});

Deno.test("the threads of a server sign with the same keys", async () => {
  await using processes = new Processes();
  const server = processes.program("server", [
    ...["--addr", "127.0.0.1:0", "--workers", "4", "--log-level", "error"],
  ]);
  const target = await server.address();
  const request = { keyType: KeyType.ECDSA_P256 };
  const keys = new Set<string>();
  // Any thread may accept a connection.
  for (let i = 0; i < 24; i++) {
    await using channel = connect(target);
    const { pem } = await channel.client(CryptoService).getPublicKey(request);
    keys.add(pem);
  }
  assert.equal(keys.size, 1);
  server.kill("SIGINT");
  assert.equal(await server.code(), 0);
});

Deno.test("a second signal ends the server immediately", async () => {
  await using processes = new Processes();
  const server = processes.program("server", [
    ...["--addr", "127.0.0.1:0", "--workers", "1", "--log-level", "info", "--grace-ms", "600000"],
  ]);
  await using channel = connect(await server.address());
  const open = channel.client(EchoService).echoStream((async function* () {
    yield { payload: new Uint8Array(1) };
    await new Promise(() => {});
  })());
  await open[Symbol.asyncIterator]().next();
  server.kill("SIGTERM");
  // Signals close together count as one: repeats until the server has ended.
  const timer = setInterval(() => server.kill("SIGTERM"), 100);
  assert.equal(await server.code(), 143);
  clearInterval(timer);
});

Deno.test("an address in use is one line with the command that finds its process, exit code 1", async () => {
  await using processes = new Processes();
  const args = ["--addr", "127.0.0.1:0", "--log-level", "error"];
  const taken = await processes.program("server", [...args, "--workers", "2"]).address();
  for (const workers of ["1", "2"]) {
    const second = processes.program("server", [
      "--addr",
      taken,
      "--workers",
      workers,
      "--log-level",
      "error",
    ]);
    assert.equal(await second.code(), 1);
    const port = taken.split(":")[1];
    assert.equal(
      await second.errors(),
      `server: Cannot listen on ${taken}: the address is in use; find the process with: ss -ltnp 'sport = :${port}'\n`,
    );
  }
});

const MISTAKES: [args: string[], env: Record<string, string>, text: RegExp][] = [
  [["--workers", "none"], {}, /--workers.*'none' is invalid.*whole number from 1 to 256/],
  [[], { VRPC_MAX_STREAMS: "0" }, /'0' from env 'VRPC_MAX_STREAMS' is invalid/],
  [[], { VRPC_METRICS_ADDR: "foo" }, /'foo' from env 'VRPC_METRICS_ADDR' is invalid/],
  [[], { VRPC_LOG_FORMAT: "xml" }, /Cannot use VRPC_LOG_FORMAT xml: it must be json or text/],
  [["--addr", "localhost"], {}, /"localhost" has no port.*localhost:50051/],
  [["--addr", "vsock:x:1"], {}, /"vsock:x:1"/],
  [["--log-level", "loud"], {}, /one of trace, debug, info, warn, error/],
  [["--grace-ms", "-1"], {}, /--grace-ms/],
  [
    ["--tls-cert", "/nowhere.pem", "--tls-key", "x"],
    {},
    /Cannot read \/nowhere\.pem \(--tls-cert\)/,
  ],
  [["--metrics-addr", "foo"], {}, /'foo' is invalid.*form 127\.0\.0\.1:9464/],
  [["--tls-key", "x"], {}, /--tls-key needs --tls-cert/],
  [["--tls-client-ca", "x"], {}, /--tls-client-ca needs --tls-cert and --tls-key/],
  [["--crypto-backend", "best"], {}, /auto, libcrypto or webcrypto/],
  [["--reflection", "maybe"], {}, /on or off/],
  [["--wrokers", "1"], {}, /unknown option '--wrokers'/],
  [["extra"], {}, /too many arguments/],
];

for (const [args, env, text] of MISTAKES) {
  const shown = [...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...args].join(
    " ",
  );
  Deno.test(`a mistake is one line and exit code 2: ${shown}`, async () => {
    await using processes = new Processes();
    const server = processes.program("server", args, { env });
    assert.equal(await server.code(), 2);
    const lines = (await server.errors()).trimEnd().split("\n");
    assert.match(lines[0], text);
    // Commander adds a suggestion for a misspelt flag.
    assert.ok(lines.length === 1 || /Did you mean/.test(lines[1]), lines.join("\n"));
  });
}

Deno.test("--help names every option, its environment variable and its default", async () => {
  await using processes = new Processes();
  const server = processes.program("server", ["--help"]);
  assert.equal(await server.code(), 0);
  let help = "";
  for await (const line of server.lines()) help += `${line}\n`;
  const names = [
    ...[
      "SERVER_ADDR",
      "WORKER_THREADS",
      "LOG_LEVEL",
      "RUST_LOG",
      "VRPC_GRACE_MS",
      "VRPC_CRYPTO_BACKEND",
    ],
    ...["VRPC_REFLECTION", "VRPC_COMPRESS", "VRPC_MAX_MESSAGE_BYTES", "VRPC_MAX_STREAMS"],
    ...["VRPC_PID_FILE", "VRPC_TLS_CERT"],
    ...["VRPC_TLS_KEY", "VRPC_TLS_CLIENT_CA", "127.0.0.1:50051"],
  ];
  for (const name of names) assert.ok(help.includes(name), name);
});

Deno.test("without --allow-ffi the server warns once and signs with webcrypto", async () => {
  await using processes = new Processes();
  const permissions = ["--allow-net", "--allow-env", "--allow-sys", "--allow-read"];
  const args = ["--addr", "127.0.0.1:0", "--workers", "2", "--log-level", "warn"];
  const server = processes.program("server", args, { permissions });
  await using channel = connect(await server.address());
  const { signature } = await channel.client(CryptoService).sign({
    keyType: KeyType.ECDSA_P384,
    algorithm: Algorithm.ECDSA_SHA384,
    data: new Uint8Array(3),
  });
  assert.ok(signature.length > 90);
  server.kill("SIGTERM");
  assert.equal(await server.code(), 0);
  const warnings = (await server.errors()).trimEnd().split("\n");
  assert.equal(warnings.length, 1);
  assert.match(warnings[0], /--allow-ffi/);
});

Deno.test("server:stop stops the server of a pid file, and succeeds without one", async () => {
  await using processes = new Processes();
  const directory = await Deno.makeTempDir();
  const pidFile = join(directory, "server.pid");
  const script = join(import.meta.dirname!, "../../scripts/server_stop.ts");
  const stop = async () => {
    const stopping = processes.start([Deno.execPath(), "run", "--quiet", "-A", script, pidFile]);
    const lines = await Array.fromAsync(stopping.lines());
    assert.equal(await stopping.code(), 0);
    return lines.join("\n");
  };
  const server = processes.program("server", [
    ...["--addr", "127.0.0.1:0", "--workers", "1", "--log-level", "error"],
    ...["--pid-file", pidFile],
  ]);
  await server.address();
  assert.match(await stop(), /^Stopped the server \(pid \d+\)$/);
  assert.equal(await server.code(), 0);
  assert.match(await stop(), /^No server/);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a pid file belongs to one server and is removed when it ends, also after a failure", async () => {
  await using processes = new Processes();
  const directory = await Deno.makeTempDir();
  const pidFile = join(directory, "server.pid");
  const args = ["--addr", "127.0.0.1:0", "--workers", "1", "--log-level", "error"];
  const first = processes.program("server", [...args, "--pid-file", pidFile]);
  const taken = await first.address();
  const pid = (await Deno.readTextFile(pidFile)).trim();
  const failing: [args: string[], text: string][] = [
    [["--pid-file", pidFile], `process ${pid} uses it; stop that process, or use another`],
    [["--pid-file", join(directory, "no/x.pid")], `folder ${join(directory, "no")} does not exist`],
    [["--pid-file", `${pidFile}2`, "--metrics-addr", taken], "(--metrics-addr): the address is in"],
  ];
  for (const [more, text] of failing) {
    const second = processes.program("server", [...args, ...more]);
    assert.equal(await second.code(), 1, more.join(" "));
    const errors = await second.errors();
    assert.ok(errors.startsWith("server: Cannot ") && errors.includes(text), errors);
    assert.equal(errors.trimEnd().split("\n").length, 1, errors);
  }
  assert.deepEqual((await Array.fromAsync(Deno.readDir(directory))).map((one) => one.name), [
    "server.pid",
  ]);
  first.kill("SIGKILL");
  await first.code();
  // The pid file of a killed process does not block a new one.
  const third = processes.program("server", [...args, "--pid-file", pidFile]);
  await third.address();
  assert.notEqual((await Deno.readTextFile(pidFile)).trim(), pid);
  third.kill("SIGTERM");
  assert.equal(await third.code(), 0);
  await assert.rejects(Deno.stat(pidFile), Deno.errors.NotFound);
  await Deno.remove(directory, { recursive: true });
});
