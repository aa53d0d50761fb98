/**
 * Enclave: a service that has vsock and no network, and a host in front that answers HTTP and calls it over one pooled,
 * batched channel.
 *
 *     deno run -A examples/enclave/main.ts
 *
 * A Unix socket stands for vsock here. In a Nitro enclave it is `vsock:any:5000`, on the parent `vsock:16:5000`; nothing
 * else changes. `deno task enclave` and `deno task host` are the same as programs.
 *
 * @module
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, serve } from "@vrpc/vrpc";
import { addBatch } from "@vrpc/vrpc/batch";
import { Gateway, serveHttp } from "@vrpc/vrpc/gateway";
import { addEnclave, addHealth, addReflection } from "@vrpc/vrpc/services";
import { EnclaveService } from "@vrpc/vrpc/services/enclave";
import { Health } from "@vrpc/vrpc/services/health";

const directory = await mkdtemp(join(tmpdir(), "vrpc-"));

// In the enclave. On vsock with `allowVsockCids: [3]`, so that only the parent can connect.
const enclave = await serve(`unix:${directory}/enclave.sock`, (router) => {
  addEnclave(router); // stands for your own service: turns text around
  addBatch(router);
  addHealth(router);
  addReflection(router); // the host asks it for the types
});

// On the host: health checks go to the enclave, everything else to its methods.
const channel = connect(enclave.addresses[0], { batch: true, poolSize: { min: 1, max: 4 } });
const gateway = new Gateway(channel, {
  routes: { "/echo": `/${EnclaveService.typeName}/Echo` },
});
const host = await serveHttp("127.0.0.1:0", async (request) => {
  const { pathname } = new URL(request.url);
  if (pathname !== "/healthz") return await gateway.handle(request, pathname);
  const healthy = await channel.client(Health).check({}, { timeoutMs: 2_000 })
    .then(({ status }) => status === 1, () => false);
  return new Response(healthy ? "ok\n" : "the enclave does not answer\n", {
    status: healthy ? 200 : 503,
  });
});

async function echo(xid: string): Promise<string> {
  const response = await fetch(`http://${host.address}/echo`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ xid }),
  });
  return (await response.text()).trim();
}
const health = async () => (await fetch(`http://${host.address}/healthz`)).status;

console.log(await echo("hello"));
console.log(await echo("pâté 👩‍🚀")); // by grapheme: the astronaut stays whole

await Promise.all(Array.from({ length: 50 }, (_, i) => echo(`request ${i}`)));
const { batchedCalls, connections } = channel.stats();
console.log(`calls in batches: ${batchedCalls >= 50}, on ${connections.length} connection`);

console.log(`the enclave is up: ${await health()}`);
await enclave.shutdown();
console.log(`the enclave is down: ${await health()}`);

await host.close();
await channel.close();
await rm(directory, { recursive: true });
