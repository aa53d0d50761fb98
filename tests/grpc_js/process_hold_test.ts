import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import * as grpc from "../../src/grpc_js/mod.ts";
import { ProcessHold } from "../../src/grpc_js/process_hold.ts";
import { createAuthority } from "../../src/transport/certs.ts";
import { Processes } from "../fixtures/processes.ts";
import { runProgram } from "../fixtures/run_program.ts";
import { bind, implementation, letters, start } from "./fixtures.ts";

const PROGRAM = "tests/grpc_js/unclosed_client.ts";
const ROOT = join(import.meta.dirname!, "../..");

/** Runs the program to its end, and checks what it prints. */
async function endsWith(printed: string, args: readonly string[]): Promise<void> {
  const { stdout, stderr, code } = await runProgram(PROGRAM, args);
  assert.deepEqual({ stdout: stdout.trim(), stderr, code }, {
    stdout: printed,
    stderr: "",
    code: 0,
  });
}

for (
  const [action, printed] of [["none", ""], ["call", "a!"], ["stream", "3"], ["connect", "ready"]]
) {
  Deno.test(`a process ends while a client without calls is open: ${action}`, async () => {
    await using pair = await start();
    await endsWith(printed, [action, `127.0.0.1:${pair.port}`]);
  });
}

Deno.test("a process ends while a client with TLS is open", async () => {
  const authority = await createAuthority();
  const { key, cert } = await authority.issueServer({ names: ["127.0.0.1"] });
  const identity = { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) };
  await using pair = await start({
    serverCredentials: grpc.ServerCredentials.createSsl(null, [identity]),
  });
  const folder = await Deno.makeTempDir();
  try {
    const ca = join(folder, "ca.pem");
    await Deno.writeTextFile(ca, authority.cert);
    await endsWith("a!", ["call", `127.0.0.1:${pair.port}`, ca]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a call that waits for a connection keeps the process alive", async () => {
  const server = new grpc.Server();
  server.addService(letters, implementation);
  // A port that nothing listens on any more.
  const port = await bind(server);
  server.forceShutdown();
  await using processes = new Processes();
  const command = [Deno.execPath(), "run", "--quiet", "-A", join(ROOT, PROGRAM)];
  const client = processes.start([...command, "wait", `127.0.0.1:${port}`]);
  await client.line(/^waits$/);
  const later = new grpc.Server();
  later.addService(letters, implementation);
  await bind(later, `127.0.0.1:${port}`);
  await client.line(/^b!$/);
  assert.equal(await client.code(), 0);
  later.forceShutdown();
});

Deno.test("ProcessHold can begin and end again", () => {
  const hold = new ProcessHold();
  hold.end();
  hold.begin();
  hold.end();
  hold.begin();
  hold.stop();
  hold.stop();
  hold.begin();
  hold.stop();
});
