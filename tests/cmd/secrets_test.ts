// Programs log no metadata, message or key at any level.

import assert from "node:assert/strict";
import { join } from "node:path";
import { connect } from "../../mod.ts";
import { Algorithm, CryptoService, KeyType } from "../../proto/gen/vrpc/crypto/v1/crypto_pb.ts";
import { createAuthority } from "../../src/transport/certs.ts";
import { Processes } from "../fixtures/processes.ts";

const SECRET = "an-utterly-secret-token";
const ECHO = "/vrpc.echo.v1.EchoService/Echo";

for (
  const [program, args] of [
    ["server", ["--workers", "2"]],
    ["server", ["--workers", "1"]],
    ["enclave", []],
  ] as const
) {
  Deno.test(`${program} ${args.join(" ")} logs calls with their ids, and no secrets`, async () => {
    const authority = await createAuthority();
    const { cert, key } = await authority.issueServer();
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(join(folder, "cert"), cert);
    await Deno.writeTextFile(join(folder, "key"), key);
    await using processes = new Processes();
    const child = processes.program(program, [
      ...["--addr", "127.0.0.1:0", "--log-level", "trace"],
      ...["--tls-cert", join(folder, "cert"), "--tls-key", join(folder, "key"), ...args],
    ], { env: { VRPC_LOG_FORMAT: "json" } });
    const address = await child.address();
    for (const wire of ["grpc", "lean"] as const) {
      await using channel = connect(address, {
        wire,
        tls: { ca: authority.cert, serverName: "localhost" },
        credentials: () => ({ authorization: `Bearer ${SECRET}` }),
      });
      const metadata = {
        "x-request-id": `${wire}-id`,
        cookie: SECRET,
        "trace-bin": new TextEncoder().encode(SECRET),
      };
      const payload = new TextEncoder().encode(`\x0a\x17${SECRET}`);
      await channel.call(ECHO, payload, { metadata });
      await assert.rejects(channel.call(ECHO, new TextEncoder().encode(SECRET), { metadata }));
      await assert.rejects(channel.call("/no/such", payload, { metadata }));
      await channel.client(CryptoService).sign({
        keyType: KeyType.ECDSA_P256,
        algorithm: Algorithm.ECDSA_SHA256,
        data: payload,
      });
    }
    child.kill("SIGTERM");
    assert.equal(await child.code(), 0);
    const text = await child.errors();
    const records = text.trimEnd().split("\n").map((line) => JSON.parse(line));
    const calls = records.filter(({ logger }) => logger === "vrpc.calls");
    for (const wire of ["grpc", "lean"]) {
      const [call] = calls.filter(({ properties }) => properties.call === `${wire}-id`);
      assert.equal(call.properties.method, ECHO);
      assert.equal(call.properties.status, "OK");
      // Log lines of the handler have the id too.
      assert.ok(
        records.some(({ logger, properties }) =>
          logger === "vrpc.services.echo" && properties.call === `${wire}-id`
        ),
      );
    }
    assert.ok(!text.includes(SECRET), text);
    assert.ok(!text.includes(btoa(SECRET).slice(0, 24)), text);
    assert.ok(!text.includes("PRIVATE KEY"), text);
    await Deno.remove(folder, { recursive: true });
  });
}
