/**
 * Server of the soak: short connection ages, handlers of every kind, and a method with its figures.
 *
 * @module
 */

import { RpcError, serve, Status } from "../../../mod.ts";
import { addBatch } from "../../../src/rpc/batch/mod.ts";
import { addHealth } from "../../../src/services/mod.ts";
import { createAuthority } from "../../../src/transport/certs.ts";
import { measure } from "./figures.ts";

/** Time that a handler of `/slow` waits unless cancelled. */
const SLOW_MS = 1_000;

const authority = await createAuthority();
const { cert, key } = await authority.issueServer();

/** Short age limit: connections get GOAWAY repeatedly. */
const limits = { maxConnectionAgeMs: 3_000, maxConnectionAgeGraceMs: 10_000 };

function start(address: string, tls?: { cert: string; key: string }) {
  return serve(address, (router) => {
    router.method("/echo", {}, (request) => request);
    router.method("/fail", {}, () => {
      throw new RpcError(Status.FAILED_PRECONDITION, "It always fails");
    });
    router.method("/soak/SecondTime", {}, (request, { metadata }) => {
      if (metadata.has("grpc-previous-rpc-attempts")) return request;
      throw new RpcError(Status.UNAVAILABLE, "It fails the first time");
    });
    router.method("/slow", {}, (request, { signal }) => {
      const { promise, resolve } = Promise.withResolvers<typeof request>();
      const timer = setTimeout(() => resolve(request), SLOW_MS);
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve(request);
      });
      return promise;
    });
    router.method("/count", { kind: "client_streaming" }, async (requests) => {
      let count = 0;
      for await (const _ of requests) count++;
      return new Uint8Array([count]);
    });
    router.method("/ticks", { kind: "server_streaming" }, async function* (request) {
      for (let i = 0; i < 1_000; i++) {
        yield request;
        if (i % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 1));
      }
    });
    router.method("/chat", { kind: "bidi_streaming" }, async function* (requests) {
      yield* requests;
    });
    addBatch(router);
    addHealth(router);
  }, { ...limits, tls, compress: true });
}

const servers = await Promise.all([
  start("127.0.0.1:0"),
  start("127.0.0.1:0", { cert, key }),
  serveFigures(),
]);
console.log(JSON.stringify({
  addresses: servers.map(({ addresses }) => addresses[0]),
  ca: authority.cert,
}));

Deno.addSignalListener("SIGTERM", async () => {
  await Promise.all(servers.map((server) => server.shutdown({ graceMs: 1_000 })));
  Deno.exit(0);
});

/** Listener without an age limit, for the one connection that stays open. */
function serveFigures() {
  return serve("127.0.0.1:0", (router) => {
    router.method(
      "/figures",
      {},
      async () => new TextEncoder().encode(JSON.stringify(await measure())),
    );
  });
}
