import assert from "node:assert/strict";
import { RpcError, serve, type Server, Status } from "../../mod.ts";
import { addCrypto, addEcho } from "../../src/services/mod.ts";
import { EchoService } from "../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { Processes } from "../fixtures/processes.ts";

/** Runs the client to its end. */
async function run(args: string[], env?: Record<string, string>) {
  await using processes = new Processes();
  const client = processes.program("client", args, { env });
  const lines = await Array.fromAsync(client.lines());
  return { lines, code: await client.code(), errors: await client.errors() };
}

function goodServer(): Promise<Server> {
  return serve("127.0.0.1:0", (router) => {
    addEcho(router);
    addCrypto(router);
  }, { web: true });
}

const WIRES = [
  ["--wire", "grpc"],
  ["--wire", "lean"],
  ["--wire", "connect"],
  ["--wire", "grpc-web"],
  ["--wire", "connect", "--http-version", "1.1"],
];

for (const wire of WIRES) {
  Deno.test(`the client passes its seven checks with ${wire.join(" ")}`, async () => {
    await using server = await goodServer();
    const { lines, code, errors } = await run(wire, { SERVER_ADDR: server.addresses[0] });
    assert.equal(errors, "");
    assert.equal(lines.at(-1), "7 passed, 0 failed");
    assert.equal(code, 0);
    for (const line of lines.slice(2, -1)) assert.match(line, / ok +\d+ +\d+$/);
  });
}

Deno.test("the client exits with 1 when a check fails, and reports why", async () => {
  await using server = await serve("127.0.0.1:0", (router) => {
    router.service(EchoService, {
      echo({ payload }) {
        if (payload.length === 0) throw new RpcError(Status.FAILED_PRECONDITION, "no bytes");
        return { payload: payload.toReversed(), receivedAtNs: 1n, sentAtNs: 2n };
      },
    });
  });
  const { lines, code, errors } = await run(["--addr", server.addresses[0]]);
  assert.equal(code, 1);
  assert.equal(lines.at(-1), "0 passed, 7 failed");
  assert.match(errors, /^echo, empty: FAILED_PRECONDITION: no bytes$/m);
  assert.match(errors, /^echo, small: Received byte 0 as 111, sent 72$/m);
  assert.match(errors, /^sign, ECDSA P-256: UNIMPLEMENTED: /m);
});

Deno.test("an unreachable server is one line and exit code 1", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const { code, errors } = await run([`--addr=127.0.0.1:${port}`, "--connect-timeout-ms", "300"]);
  assert.equal(code, 1);
  assert.match(errors, /^client: .*connection refused.*\n$/);
});

const MISTAKES: [args: string[], text: RegExp][] = [
  [["--addr", "nowhere"], /"nowhere" has no port/],
  [["--addr", "/run/a.sock"], /"\/run\/a\.sock" is a path; .*unix:\/run\/a\.sock/],
  [["--addr", "127.0.0.1:0"], /Cannot connect to 127\.0\.0\.1:0: port 0 is for listening/],
  [["--addr", "memory:x"], /Cannot connect to memory:x: it only works within one process/],
  [["--addr", "vsock:any:1"], /Cannot connect to vsock:any:1: cid any is for listening/],
  [["--wire", "soap"], /grpc, lean, connect or grpc-web/],
  [["--http-version", "1.1"], /only connect and grpc-web have it/],
  [["--wire", "lean", "--addr", "http://127.0.0.1:1"], /URL of HTTP, and the wire is lean/],
  [["--addr", "http://127.0.0.1:1/rpc"], /has a path, which only the wires connect and grpc-web/],
  [["--wire", "connect", "--addr", "nowhere"], /"nowhere" has no port/],
  [["--timeout-ms", "soon"], /whole number from 1/],
  [["--tls-cert", "x"], /--tls-cert needs --tls-key/],
  [["--tls-ca", "/nowhere.pem"], /Cannot read \/nowhere\.pem/],
];

for (const [args, text] of MISTAKES) {
  Deno.test(`a mistake is one line and exit code 2: ${args.join(" ")}`, async () => {
    const { code, errors } = await run(args);
    assert.equal(code, 2);
    assert.match(errors, text);
    assert.equal(errors.trimEnd().split("\n").length, 1);
  });
}
