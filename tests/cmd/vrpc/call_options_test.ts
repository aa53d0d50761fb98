import assert from "node:assert/strict";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { serve, Status } from "../../../mod.ts";
import { EchoRequestSchema, EchoResponseSchema } from "../../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { addEcho, addHealth, addReflection } from "../../../src/services/mod.ts";
import { createAuthority } from "../../../src/transport/certs.ts";
import { Processes } from "../../fixtures/processes.ts";
import { runProgram } from "../../fixtures/run_program.ts";

const ECHO = "vrpc.echo.v1.EchoService/Echo";
const STREAM = "vrpc.echo.v1.EchoService/EchoStream";
const vrpc = (args: string[], stdin?: string) => runProgram("cmd/vrpc.ts", args, stdin);

function server(options: Parameters<typeof serve>[2] = {}) {
  return serve("127.0.0.1:0", (router) => {
    addEcho(router);
    addReflection(router);
    router.method("/who", {}, (_, context) => {
      context.responseHeaders.set("reply-head", "one");
      context.responseTrailers.set("reply-tail", "two");
      return new TextEncoder().encode(JSON.stringify(context.metadata.getAll("who")));
    });
    router.method("/slow", {}, async (_, { signal }) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      return new Uint8Array();
    });
  }, options);
}

Deno.test("-H takes entries, files, and with --expand-headers variables of the environment", async () => {
  await using running = await server();
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, "# tokens\n\nwho: file\nwho:${HOME}\n");
    const args = ["call", running.addresses[0], "/who", "x", "-H", "who: entry", "-H", `@${file}`];
    const plain = await vrpc(args);
    assert.equal(plain.code, 0, plain.stderr);
    assert.deepEqual(JSON.parse(plain.stdout), ["entry", "file", "${HOME}"]);
    const expanded = await vrpc(["--expand-headers", ...args]);
    assert.deepEqual(JSON.parse(expanded.stdout), ["entry", "file", Deno.env.get("HOME")]);
    const missing = await vrpc(["--expand-headers", ...args, "-H", "who:${NO_SUCH_VARIABLE}"]);
    assert.equal(missing.code, 2);
    assert.match(missing.stderr, /^vrpc: Cannot use metadata who:.*no NO_SUCH_VARIABLE$/m);
    const noFile = await vrpc([...args.slice(0, 4), "-H", "@/not/there"]);
    assert.match(noFile.stderr, /^vrpc: Cannot read \/not\/there \(--header\): no such file$/m);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("-d has the data, as grpcurl takes it, @ from standard input", async () => {
  await using running = await server();
  const call = ["call", "-d", '{"payload":"aGk="}', running.addresses[0], ECHO];
  assert.equal(JSON.parse((await vrpc(call)).stdout).payload, "aGk=");
  const piped = await vrpc(["call", "-d", "@", running.addresses[0], ECHO], '{"payload":"aGk="}');
  assert.equal(JSON.parse(piped.stdout).payload, "aGk=");
  const both = await vrpc([...call, "{}"]);
  assert.equal(both.code, 2);
  assert.equal(both.stderr, "vrpc: Cannot use both [data] and --data\n");
});

Deno.test("--emit-defaults off leaves default values out", async () => {
  await using running = await server();
  const call = ["call", running.addresses[0], ECHO, "{}"];
  assert.ok("payload" in JSON.parse((await vrpc(call)).stdout));
  const { stdout } = await vrpc(["--emit-defaults", "off", ...call]);
  assert.ok(!("payload" in JSON.parse(stdout)));
});

Deno.test("--format raw sends and prints encoded messages", async () => {
  await using running = await server();
  const request = toBinary(
    EchoRequestSchema,
    create(EchoRequestSchema, { payload: new Uint8Array([7]) }),
  );
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeFile(file, request);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", "--quiet", join(import.meta.dirname!, "../../../cmd/vrpc.ts")],
        ...["--format", "raw", "call", running.addresses[0], ECHO, `@${file}`],
      ],
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    assert.deepEqual(fromBinary(EchoResponseSchema, stdout).payload, new Uint8Array([7]));
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("streams take JSON values over several lines, from standard input and from files", async () => {
  await using running = await server();
  const values = '{\n  "payload": "YQ=="\n}{"payload":"Yg=="}\n\n{"payload":"Yw=="}';
  const replies = (stdout: string) =>
    stdout.trimEnd().split("\n").map((line) => JSON.parse(line).payload);
  const piped = await vrpc(["call", running.addresses[0], STREAM], values);
  assert.deepEqual(replies(piped.stdout), ["YQ==", "Yg==", "Yw=="], piped.stderr);
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, values);
    const read = await vrpc(["call", running.addresses[0], STREAM, `@${file}`]);
    assert.deepEqual(replies(read.stdout), ["YQ==", "Yg==", "Yw=="], read.stderr);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("-v shows metadata, sizes and the time of each phase, over mutual TLS", async () => {
  const authority = await createAuthority();
  const { cert, key } = await authority.issueServer();
  const client = await authority.issueClient({ names: ["client.test"] });
  await using running = await server({ tls: { cert, key, clientCa: authority.cert } });
  const folder = await Deno.makeTempDir();
  try {
    const files = { ca: authority.cert, cert: client.cert, key: client.key };
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(join(folder, name), text);
    }
    const args = [
      ...["--tls-ca", join(folder, "ca"), "--tls-server-name", "localhost"],
      ...["--tls-cert", join(folder, "cert"), "--tls-key", join(folder, "key")],
      ...["-v", "call", running.addresses[0], "/who", "xyz", "-H", "who: me"],
    ];
    const text = await vrpc(args);
    assert.equal(text.code, 0, text.stderr);
    assert.equal(text.stdout, '["me"]\n');
    assert.match(text.stderr, /^\* \/who \(unary\)\n> who: me\n> 1 message, 3 bytes\n/);
    assert.match(text.stderr, /^< reply-head: one$/m);
    assert.match(text.stderr, /^< reply-tail: two \(trailer\)$/m);
    assert.match(text.stderr, /^< 1 message, 6 bytes$/m);
    assert.match(
      text.stderr,
      /^\* DNS [\d.]+ ms, connect [\d.]+ ms, TLS [\d.]+ ms, handshake [\d.]+ ms, lookup [\d.]+ ms, first byte [\d.]+ ms, total [\d.]+ ms$/m,
    );
    const json = await vrpc(["--format", "json", ...args]);
    const { method, requestMetadata, headers, responseBytes, timingMs } = JSON.parse(json.stderr);
    assert.deepEqual([method, requestMetadata, headers], [
      "/who",
      [["who", "me"]],
      [["reply-head", "one"]],
    ]);
    assert.deepEqual(responseBytes, [6]);
    assert.deepEqual(Object.keys(timingMs), [
      ...["dns", "connect", "tls", "handshake", "lookup", "firstByte", "total"],
    ]);
    const sum = Object.entries(timingMs as Record<string, number>)
      .reduce((all, [name, ms]) => name === "total" ? all : all + ms, 0);
    assert.ok(timingMs.total >= sum * 0.99, JSON.stringify(timingMs));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("--max-time bounds the call, and --connect-timeout the connection", async () => {
  await using running = await server();
  const slow = await vrpc(["--max-time", "1500ms", "call", running.addresses[0], "/slow", "x"]);
  assert.equal(slow.code, 64 + Status.DEADLINE_EXCEEDED, slow.stderr);
  await running.close();
  const gone = await vrpc(["--connect-timeout", "0.3", "list", running.addresses[0]]);
  assert.equal(gone.code, 64 + Status.UNAVAILABLE);
  assert.match(gone.stderr, /not ready after 300 ms/);
  const wrong = await vrpc(["--max-time", "soon", "list", running.addresses[0]]);
  assert.equal(wrong.code, 2);
});

Deno.test("vrpc health prints the status, and with --watch each change", async () => {
  let health!: ReturnType<typeof addHealth>;
  await using running = await serve("127.0.0.1:0", (router) => {
    health = addHealth(router);
    health.set("shop", "NOT_SERVING");
  });
  const [address] = running.addresses;
  const serving = await vrpc(["health", address]);
  assert.deepEqual([serving.code, serving.stdout], [0, "SERVING\n"], serving.stderr);
  const not = await vrpc(["--format", "json", "health", address, "shop"]);
  assert.equal(not.code, 4);
  assert.deepEqual(JSON.parse(not.stdout), { service: "shop", status: "NOT_SERVING" });
  assert.equal((await vrpc(["health", address, "none"])).code, 64 + Status.NOT_FOUND);
  await using processes = new Processes();
  const watch = processes.program("vrpc", ["health", address, "shop", "--watch"]);
  await watch.line(/^NOT_SERVING$/);
  health.set("shop", "SERVING");
  await watch.line(/^SERVING$/);
});

Deno.test("methods and types are found by the unique end of their name", async () => {
  await using running = await server();
  const [address] = running.addresses;
  for (const wire of ["grpc", "lean"]) {
    for (const name of ["Echo", "EchoService/Echo", "vrpc.echo.v1.EchoService.Echo"]) {
      const call = await vrpc(["--wire", wire, "call", address, name, '{"payload":"aGk="}']);
      assert.equal(call.code, 0, call.stderr);
      assert.equal(JSON.parse(call.stdout).payload, "aGk=");
    }
  }
  // Routes are found as they were.
  assert.equal((await vrpc(["call", address, "who", "x"])).stdout, "[]\n");
  const cases: [string[], number, RegExp][] = [
    [
      ["call", address, "Ech", "{}"],
      76,
      /^UNIMPLEMENTED: .*Ech.*; did you mean Echo\?$/m,
    ],
    [
      ["call", address, "EchoService"],
      2,
      /^vrpc: vrpc\.echo\.v1\.EchoService is a service; add a method: .* \(Echo, EchoStream\)$/m,
    ],
    [
      ["call", address, "ServerReflectionInfo"],
      2,
      /may be .*v1\.ServerReflection.* or .*v1alpha.*: use more of the name$/m,
    ],
    [
      ["describe", address, "vrpc.echo.v1.EchoService/Eco"],
      69,
      /did you mean vrpc\.echo\.v1\.EchoService\/Echo\?$/m,
    ],
    [[address, "list"], 2, /^The command comes first: vrpc list 127\.0\.0\.1:\d+$/m],
  ];
  for (const [args, code, text] of cases) {
    const failed = await vrpc(args);
    assert.match(failed.stderr, text);
    assert.equal(failed.code, code, args.join(" "));
  }
  assert.match(
    (await vrpc(["describe", address, "EchoRequest"])).stdout,
    /^message EchoRequest \{$/m,
  );
});

Deno.test("failures of TLS name the option that helps", async () => {
  const authority = await createAuthority();
  const { cert, key } = await authority.issueServer();
  await using secure = await server({ tls: { cert, key, clientCa: authority.cert } });
  await using plain = await server();
  const list = (address: string, ...flags: string[]) =>
    vrpc([...flags, "--connect-timeout", "1s", "list", address]);
  const folder = await Deno.makeTempDir();
  try {
    const ca = join(folder, "ca");
    await Deno.writeTextFile(ca, authority.cert);
    const [without, unknown, noClient, noTls] = await Promise.all([
      list(secure.addresses[0]),
      list(secure.addresses[0], "--tls", "on"),
      list(secure.addresses[0], "--tls-ca", ca, "--tls-server-name", "localhost"),
      list(plain.addresses[0], "--tls", "on"),
    ]);
    assert.match(without.stderr, /; if the server uses TLS, pass --tls on$/m);
    assert.match(unknown.stderr, / with --tls-ca$/m);
    assert.match(noClient.stderr, /; pass it with --tls-cert and --tls-key$/m);
    assert.match(noTls.stderr, /; leave out the --tls options$/m);
    for (const { code } of [without, unknown, noClient, noTls]) assert.equal(code, 78);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
