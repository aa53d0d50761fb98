/**
 * Mutual TLS: server and client have certificates of the same authority, and the names in the client's decide what it
 * may call.
 *
 *     deno run -A examples/auth_mtls/main.ts
 *
 * @module
 */

import { authorize, connect, principalOf, RpcError, serve, tlsPeer } from "@vrpc/vrpc";
import { createAuthority } from "@vrpc/vrpc/certs";

// An authority for development, in memory. In production the certificates come from files.
const authority = await createAuthority();
const { cert, key } = await authority.issueServer({ names: ["localhost"] });

await using server = await serve("127.0.0.1:0", (router) => {
  for (const path of ["/shop.Orders/List", "/shop.Orders/Refund"]) {
    router.method(path, {}, (_, context) => {
      return new TextEncoder().encode(`${path} as ${principalOf(context)}`);
    });
  }
}, {
  tls: { cert, key, clientCa: authority.cert }, // refuses connections without a certificate
  interceptors: [authorize({
    "/shop.Orders/Refund": tlsPeer("DNS:operator.internal"),
    "/shop.Orders/*": tlsPeer(), // any certificate of the authority
  })],
});

for (const commonName of ["operator.internal", "web.internal"]) {
  const client = await authority.issueClient({ commonName, names: [commonName] });
  await using channel = connect(server.addresses[0], {
    tls: { ca: authority.cert, cert: client.cert, key: client.key, serverName: "localhost" },
  });
  for (const path of ["/shop.Orders/List", "/shop.Orders/Refund"]) {
    try {
      console.log(new TextDecoder().decode(await channel.call(path, new Uint8Array())));
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      console.log(`${path} as ${commonName}: ${error.codeName}`);
    }
  }
}

await using stranger = connect(server.addresses[0], {
  tls: { ca: authority.cert, serverName: "localhost" },
});
const refused = await stranger.call("/shop.Orders/List", new Uint8Array()).catch((error) => error);
console.log(`without a certificate: ${refused.codeName}`);
