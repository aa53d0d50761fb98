import assert from "node:assert/strict";
import { join } from "node:path";
import { connect } from "../../mod.ts";
import { EnclaveService } from "../../proto/gen/vrpc/enclave/v1/enclave_pb.ts";
import { sendStartup } from "../../src/guest/mod.ts";
import { selfSigned } from "../../src/transport/certs.ts";
import { type LineProcess, Processes } from "../fixtures/processes.ts";

const startupOf = async (enclave: LineProcess) => (await enclave.line(/^startup (\S+)$/))[1];

Deno.test("an enclave serves after its start-up call, with the TLS of its secrets, and ships its log", async () => {
  await using processes = new Processes();
  const folder = await Deno.makeTempDir();
  try {
    const { cert, key } = await selfSigned();
    const [certFile, keyFile, config] = ["cert.pem", "key.pem", "app.json"].map((name) =>
      join(folder, name)
    );
    await Deno.writeTextFile(certFile, cert);
    await Deno.writeTextFile(keyFile, key);
    await Deno.writeTextFile(config, '{"logLevel":"debug"}');
    const logs = processes.program("host", [
      ...["--addr", "127.0.0.1:0", "--enclave", "127.0.0.1:1", "--clock-interval-ms", "0"],
      ...["--logs", "127.0.0.1:0"],
    ]);
    const [, logAddress] = await logs.line(/^logs (\S+)$/);
    const enclave = processes.program("enclave", [
      ...["--addr", "127.0.0.1:0", "--startup", "127.0.0.1:0", "--logs-to", logAddress],
    ]);
    const startup = await startupOf(enclave);
    const sender = processes.program("host", [
      ...["--addr", "127.0.0.1:0", "--enclave", "127.0.0.1:1", "--clock-interval-ms", "0"],
      ...["--startup", startup, "--startup-config", config],
      ...["--startup-secret", `tls.cert=${certFile}`, "--startup-secret", `tls.key=${keyFile}`],
    ]);
    const address = await enclave.address();
    await sender.address();
    await using channel = connect(address, { tls: { ca: cert, serverName: "localhost" } });
    assert.equal((await channel.client(EnclaveService).echo({ xid: "abc" })).dix, "cba");
    await assert.rejects(sendStartup(startup, {}, { timeoutMs: 200 }));
    enclave.kill("SIGTERM");
    assert.equal(await enclave.code(), 0);
    for (const host of [sender, logs]) {
      host.kill("SIGTERM");
      assert.equal(await host.code(), 0);
    }
    const log = await logs.errors();
    assert.match(log, /127\.0\.0\.1:\d+"? .*vrpc·guest·startup.*Taken: the start-up call/);
    assert.doesNotMatch(log + await enclave.errors(), /PRIVATE KEY/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("an enclave that gets no start-up call, or one that it does not know, does not serve", async () => {
  await using processes = new Processes();
  const args = ["--addr", "127.0.0.1:0", "--startup", "127.0.0.1:0"];
  const alone = processes.program("enclave", [...args, "--startup-timeout-ms", "1"]);
  assert.equal(await alone.code(), 1);
  assert.match(await alone.errors(), /No start-up call has come within 1 ms/);
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ config: { level: "debug" } }, /has no level: only logLevel/],
    [{ config: [1] }, /must be a JSON object/],
    [{ secrets: { "tls.key": "x" } }, /only one of the secrets tls\.cert and tls\.key/],
  ];
  await Promise.all(wrong.map(async ([contents, message]) => {
    const enclave = processes.program("enclave", args);
    await sendStartup(await startupOf(enclave), contents);
    assert.equal(await enclave.code(), 1);
    assert.match(await enclave.errors(), message);
  }));
});

Deno.test("the host forwards calls to several enclaves, and measures their clocks", async () => {
  await using processes = new Processes();
  const enclaves = await Promise.all([1, 2].map(async () => {
    const enclave = processes.program("enclave", ["--addr", "127.0.0.1:0"]);
    return { enclave, address: await enclave.address() };
  }));
  const [one, two] = enclaves.map(({ address }) => address);
  const host = processes.program("host", [
    ...["--addr", "127.0.0.1:0", "--enclave", one, "--enclave", two, "--ingress", "127.0.0.1:0"],
  ]);
  const [, ingress] = await host.line(/^ingress (\S+)$/);
  const url = await host.address();
  for (const wire of ["grpc", "lean"] as const) {
    await using channel = connect(ingress, { wire });
    assert.equal((await channel.client(EnclaveService).echo({ xid: "abc" })).dix, "cba");
  }
  const metrics = async () => await (await fetch(`${url}/metrics`)).text();
  const offset = /^vrpc_guest_clock_offset\{vrpc_guest="([^"]+)"\} (\S+)$/gm;
  let found = [...(await metrics()).matchAll(offset)];
  while (found.length < 2) found = [...(await metrics()).matchAll(offset)];
  assert.deepEqual(found.map(([, guest]) => guest).sort(), [one, two].sort());
  for (const [, , seconds] of found) assert.ok(Math.abs(Number(seconds)) < 5, seconds);
  const methods = await (await fetch(`${url}/methods.json`)).text();
  assert.doesNotMatch(methods, /vrpc\.guest/);
  enclaves[0].enclave.kill("SIGKILL");
  await enclaves[0].enclave.code();
  await using channel = connect(ingress);
  for (let i = 0; i < 20; i++) {
    const { dix } = await channel.client(EnclaveService).echo({ xid: "abc" }, {
      waitForReady: true,
    });
    assert.equal(dix, "cba");
  }
  host.kill("SIGTERM");
  assert.equal(await host.code(), 0);
});
