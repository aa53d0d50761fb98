/**
 * Runs in the enclave: the enclave program with the arguments of this one, and in the same process servers for what that
 * program has no options for. Port 5001 has documents without TLS; port 5002 asks clients for documents, too; port 5003
 * has the enclave's side of the guest kit.
 *
 *     VRPC_RIG_ROOT=… deno run -A guest.ts --addr vsock:any:5000 --attest tls
 *
 * VRPC_RIG_ROOT is the root of the documents in base64.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { anyone, attestedPeer, authorize, serve, textCodec } from "../../../mod.ts";
import { addClock, dialEgress, receiveStartup, shipLogs } from "../../../src/guest/mod.ts";
import { nitro, nitroPolicy } from "../../../src/attestation/mod.ts";
import { PEER_PCRS } from "./peer.ts";

const root = Uint8Array.from(Buffer.from(Deno.env.get("VRPC_RIG_ROOT")!, "base64"));
const text = new TextEncoder();
const KIT = { requestCodec: textCodec, responseCodec: textCodec } as const;

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
const startup = receiveStartup("vsock:any:4999", { timeoutMs: Infinity });
await serve("vsock:any:5003", (router) => {
  addClock(router);
  router.method("/kit/read", KIT, readByEgress);
  router.method("/kit/startup", KIT, async () => {
    const data = await startup;
    return `${JSON.stringify(data.config)} ${data.secretText("key")}`;
  });
  router.method("/kit/log", KIT, async (count) => {
    await using shipper = shipLogs("vsock:host:7000");
    for (let i = 0; i < Number(count); i++) {
      shipper.sink({
        category: ["kit"],
        level: "info",
        message: ["Record ", i, ""],
        rawMessage: "Record {i}",
        timestamp: Date.now(),
        properties: { i },
      });
    }
    await shipper.close({ timeoutMs: 30_000 });
    return "ok";
  });
});

/** Reads as many bytes of a destination as a text `host:port bytes` says. Resolves to a text, also for failures. */
async function readByEgress(request: string): Promise<string> {
  const [destination, count] = request.split(" ");
  const before = Deno.memoryUsage().rss;
  let most = before;
  try {
    const stream = await dialEgress("vsock:host:8000", destination);
    await stream.write(text.encode(count));
    const buffer = new Uint8Array(65_536);
    let bytes = 0;
    let nextCheck = 0;
    for (let read; bytes < Number(count) && (read = await stream.read(buffer)) !== null;) {
      bytes += read;
      if (bytes < nextCheck) continue;
      nextCheck = bytes + 2 ** 24;
      most = Math.max(most, Deno.memoryUsage().rss);
    }
    stream.close();
    return `${bytes} bytes, ${Math.round((most - before) / 2 ** 20)} MiB more`;
  } catch (error) {
    return (error as Error).message;
  }
}
await import("../../../cmd/enclave.ts");
