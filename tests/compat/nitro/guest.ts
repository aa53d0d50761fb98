/**
 * Runs in the enclave: the enclave program with the arguments of this one, and in the same process servers for what that
 * program has no options for. Port 5001 has documents without TLS; port 5002 asks clients for documents, too.
 *
 *     VRPC_RIG_ROOT=… deno run -A guest.ts --addr vsock:any:5000 --attest tls
 *
 * VRPC_RIG_ROOT is the root of the documents in base64.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { anyone, attestedPeer, authorize, serve } from "../../../mod.ts";
import { nitro, nitroPolicy } from "../../../src/attestation/mod.ts";
import { PEER_PCRS } from "./peer.ts";

const root = Uint8Array.from(Buffer.from(Deno.env.get("VRPC_RIG_ROOT")!, "base64"));
const text = new TextEncoder();

await serve("vsock:any:5001", (router) => {
  router.method("/enclave/echo", {}, (payload) => payload as Uint8Array);
}, { attestation: nitro({ channel: "vsock" }) });

const peers = nitroPolicy({ pcrs: PEER_PCRS, root });
await serve("vsock:any:5002", (router) => {
  router.method("/enclave/peer", {}, (_payload, { peer }) => {
    return text.encode(peer.attestation!.pcrs[0]);
  });
}, {
  attestation: nitro(),
  attestPeers: peers,
  interceptors: [authorize({ "/enclave/*": attestedPeer(peers), "*": anyone })],
});
await import("../../../cmd/enclave.ts");
