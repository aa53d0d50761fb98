import assert from "node:assert/strict";
import { join } from "node:path";
import { createAuthority } from "../../src/transport/certs.ts";
import { Processes } from "../testing/processes.ts";

const program = (name: string) => [
  ...[Deno.execPath(), "run", "--quiet", "-A"],
  join(import.meta.dirname!, `../../cmd/${name}.ts`),
];

Deno.test("server and client speak mutual TLS by their options, and a client without certificate is told so", async () => {
  await using processes = new Processes();
  const directory = await Deno.makeTempDir();
  const file = (name: string) => join(directory, name);
  const authority = await createAuthority();
  const server = await authority.issueServer();
  const client = await authority.issueClient({ commonName: "client" });
  const files = {
    "ca.pem": authority.cert,
    "server.pem": server.cert,
    "server.key": server.key,
    "client.pem": client.cert,
    "client.key": client.key,
  };
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(file(name), text);

  const serving = processes.start([
    ...[...program("server"), "--addr", "127.0.0.1:0", "--workers", "1", "--log-level", "error"],
    ...["--tls-cert", file("server.pem"), "--tls-key", file("server.key")],
    ...["--tls-client-ca", file("ca.pem")],
  ]);
  const [, address] = await serving.line(/^listening (\S+)$/);

  const known = processes.start([...program("client"), "--addr", address], {
    TLS_CA: file("ca.pem"),
    TLS_CERT: file("client.pem"),
    TLS_KEY: file("client.key"),
  });
  const lines = await Array.fromAsync(known.lines());
  assert.equal(await known.code(), 0, await known.errors());
  assert.equal(lines.at(-1), "7 passed, 0 failed");

  const unknown = processes.start([
    ...[...program("client"), "--addr", address, "--connect-timeout-ms", "500"],
    ...["--tls-ca", file("ca.pem")],
  ]);
  assert.equal(await unknown.code(), 1);
  const errors = await unknown.errors();
  assert.match(errors, /certificate/i);
  assert.equal(errors.trimEnd().split("\n").length, 1);
  await Deno.remove(directory, { recursive: true });
});
