/**
 * Victim of attacks on the exchange of documents: a server that proves itself and asks clients for documents, beside
 * the echo service. Arguments: files of its certificate and key. Prints its root in base64 before its address.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { serve } from "../../../mod.ts";
import { nitroPolicy } from "../../../src/attestation/mod.ts";
import { addEcho } from "../../../src/services/mod.ts";
import { EmulatedNsm, PCRS } from "../../fixtures/emulated_nsm.ts";

const [cert, key] = await Promise.all(Deno.args.map((path) => Deno.readTextFile(path)));
const nsm = await EmulatedNsm.create();
const server = await serve("127.0.0.1:0", (router) => addEcho(router), {
  tls: { cert, key },
  attestation: nsm,
  attestPeers: nitroPolicy({ pcrs: PCRS, root: nsm.root }),
});
console.log(`root ${Buffer.from(nsm.root).toString("base64")}`);
console.log(`listening ${server.addresses[0]}`);
Deno.addSignalListener("SIGTERM", () => server.shutdown({ graceMs: 100 }).then(() => Deno.exit(0)));
