/**
 * Uses the installed npm package as an application does. Run by `check.ts`, compiled by TypeScript, in a folder outside
 * of the checkout.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Worker } from "node:worker_threads";
import { connect, RpcError, serve } from "@vrpc/vrpc";
import { createAuthority, selfSigned } from "@vrpc/vrpc/certs";
import { addCrypto, addEcho } from "@vrpc/vrpc/services";
import { EchoService } from "@vrpc/vrpc/services/echo";
import { dial } from "@vrpc/vrpc/transport";
import { WorkerPool } from "@vrpc/vrpc/workers";

const { cert, key } = await selfSigned({ names: ["localhost"] });
const clients = await createAuthority();
const client = await clients.issueClient({ commonName: "client" });
const twice = (request: Uint8Array) => new Uint8Array([...request, ...request]);
const addresses = ["127.0.0.1:0", `unix:${process.cwd()}/s`, "memory:check"];
if (process.platform === "linux") addresses.push(`unix-abstract:vrpc-check-${process.pid}`);

const SECURITY = {
  plain: {},
  tls: { server: { cert, key }, client: { ca: cert, serverName: "localhost" } },
  mutual: {
    server: { cert, key, clientCa: clients.cert },
    client: { ca: cert, serverName: "localhost", cert: client.cert, key: client.key },
  },
} as Record<string, { server?: { cert: string; key: string }; client?: { ca: string } }>;

for (const address of addresses) {
  for (const wire of ["grpc", "lean"] as const) {
    for (const [name, tls] of Object.entries(SECURITY)) {
      await using server = await serve(address, (router) => {
        addEcho(router);
        addCrypto(router);
        router.method("/twice", {}, twice);
      }, tls.server ? { tls: tls.server } : {});
      await using channel = connect(server.addresses[0], {
        wire,
        ...(tls.client ? { tls: tls.client } : {}),
      });
      assert.equal((await channel.call("/twice", new Uint8Array(3))).length, 6);
      const echo = channel.client(EchoService);
      const payload = new Uint8Array(100_000).fill(7);
      assert.deepEqual((await echo.echo({ payload })).payload, payload);
      await assert.rejects(channel.call("/missing", new Uint8Array()), RpcError);
      console.log(`${address.replace(/:.*/, "")} ${wire} ${name}`);
    }
  }
}

{
  const pool = new WorkerPool({
    create: () => new Worker(new URL("./worker.js", import.meta.url)),
    methods: ["/twice"],
    workers: 1,
  });
  await using server = await serve("127.0.0.1:0", (router) => {
    router.method("/twice", {}, twice);
  }, { dispatcher: pool.dispatcher });
  await using channel = connect(server.addresses[0]);
  assert.equal((await channel.call("/twice", new Uint8Array(4))).length, 8);
  assert.equal(pool.stats().answered, 1);
  console.log("workers");
}

await assert.rejects(serve("vsock:any:5000", () => {}), /has no vsock sockets/);
await assert.rejects(dial("vsock:2:5000"), /has no vsock sockets/);
console.log("errors");
