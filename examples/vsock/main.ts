/**
 * Vsock: a server that virtual machines and their host reach without a network.
 *
 *     deno run -A examples/vsock/main.ts [ADDRESS]
 *
 * The default address is the loopback of vsock, which needs the kernel module `vsock_loopback` and Deno's flag
 * `--unstable-vsock` (in the deno.json of this project). Nothing differs on other transports but the address, so that
 * the program can be tried with a Unix socket: `unix:/tmp/app.sock`.
 *
 * @module
 */

import { authorize, connect, serve, vsockPeer } from "@vrpc/vrpc";

const LOCAL_CID = 1;
const address = Deno.args[0] ?? "vsock:local:5000"; // for all peers: vsock:any:5000
const isVsock = address.startsWith("vsock:");

await using server = await serve(address, (router) => {
  router.method("/where", {}, (_, { peer }) => {
    return new TextEncoder().encode(`${peer.transport}, context id ${peer.vsockCid ?? "none"}`);
  });
}, {
  // Connections from other context ids are closed at once. For single methods there is a rule.
  allowVsockCids: [LOCAL_CID],
  interceptors: isVsock ? [authorize({ "/where": vsockPeer(LOCAL_CID) })] : [],
}).catch((error) => {
  console.error(`${error.message}. Without vsock, try a Unix socket: unix:/tmp/app.sock`);
  Deno.exit(1);
});

// From a guest: vsock:host:5000; from a Nitro enclave: vsock:parent:5000; from a host: vsock:CID:5000.
await using channel = connect(server.addresses[0]);
const reply = await channel.call("/where", new Uint8Array(), { timeoutMs: 10_000 });
console.log(`called over ${new TextDecoder().decode(reply)}`);
