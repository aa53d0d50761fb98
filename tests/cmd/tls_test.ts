import assert from "node:assert/strict";
import { join } from "node:path";
import { createAuthority } from "../../src/transport/certs.ts";
import { Processes } from "../fixtures/processes.ts";

Deno.test("server and client use mutual TLS, and a client without certificate reports it", async () => {
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

  const serving = processes.program("server", [
    ...["--addr", "127.0.0.1:0", "--workers", "1", "--log-level", "error"],
    ...["--tls-cert", file("server.pem"), "--tls-key", file("server.key")],
    ...["--tls-client-ca", file("ca.pem")],
  ]);
  const address = await serving.address();

  const known = processes.program("client", ["--addr", address], {
    env: {
      VRPC_TLS_CA: file("ca.pem"),
      VRPC_TLS_CERT: file("client.pem"),
      VRPC_TLS_KEY: file("client.key"),
    },
  });
  const lines = await Array.fromAsync(known.lines());
  assert.equal(await known.code(), 0, await known.errors());
  assert.equal(lines.at(-1), "7 passed, 0 failed");

  const unknown = processes.program("client", [
    ...["--addr", address, "--connect-timeout-ms", "500"],
    ...["--tls-ca", file("ca.pem")],
  ]);
  assert.equal(await unknown.code(), 1);
  const errors = await unknown.errors();
  assert.match(errors, /certificate/i);
  assert.equal(errors.trimEnd().split("\n").length, 1);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("unusable TLS files are one line with option and file, exit code 2", async () => {
  await using processes = new Processes();
  const directory = await Deno.makeTempDir();
  const file = (name: string) => join(directory, name);
  const authority = await createAuthority();
  const [one, other] = [await authority.issueServer(), await authority.issueServer()];
  const files = {
    "text": "no PEM",
    "cert": one.cert,
    "key": one.key,
    "other": other.key,
    "damaged": one.cert.replace(/\n.{40}/, "\n"),
    "locked": one.key.replaceAll("PRIVATE", "ENCRYPTED PRIVATE"),
  };
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(file(name), text);
  const pair = (cert: string, key: string) => ["--tls-cert", file(cert), "--tls-key", file(key)];
  const cases: [name: string, args: string[], text: string][] = [
    ["server", pair("text", "text"), "text (--tls-cert): it contains no PEM certificate"],
    ["server", pair("cert", "cert"), "cert (--tls-key): it contains no PEM key"],
    ["server", pair("cert", "other"), "other (--tls-key): it is not the key of"],
    ["server", pair("damaged", "key"), "damaged (--tls-cert): its certificate is damaged"],
    ["enclave", [...pair("cert", "key"), "--tls-client-ca", file("text")], "(--tls-client-ca)"],
    ["host", ["--tls-ca", file("text")], "text (--tls-ca): it contains no PEM certificate"],
    ["client", pair("cert", "locked"), "locked (--tls-key): the key is encrypted"],
    ["vrpc", [...pair("cert", "other"), "list", "127.0.0.1:1"], "other (--tls-key): it is not"],
  ];
  await Promise.all(cases.map(async ([name, args, text]) => {
    const run = processes.program(name, args);
    assert.equal(await run.code(), 2, `${name} ${args}`);
    const errors = await run.errors();
    assert.ok(errors.startsWith(`${name}: Cannot use ${directory}`), errors);
    assert.ok(errors.includes(text), errors);
    assert.equal(errors.trimEnd().split("\n").length, 1, errors);
  }));
  await Deno.remove(directory, { recursive: true });
});
