/**
 * A Nitro Secure Module as a process of its own, for one start of a virtual machine: QEMU connects the guest's `/dev/nsm`
 * to it. Standard input has one JSON text a line: first a {@link ModuleStart}, then each a {@link Documents} to make from
 * now on. Each is answered by the line `ok`.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createInterface } from "node:readline";
import process from "node:process";
import { type Chain, EmulatedNsm } from "../../fixtures/emulated_nsm.ts";
import { NsmModule } from "../../fixtures/nsm_module.ts";
import { serveDevice } from "./vhost_user.ts";

/** Documents that a module makes: good ones, or what a policy must refuse. */
export type Documents = "good" | "unsigned" | "replayed" | "expired";

/** A chain as text: certificates and key (PKCS #8) in base64. */
export interface ChainText {
  readonly certificates: readonly string[];
  readonly key: string;
}

/** What a module is started with. */
export interface ModuleStart {
  /** Path of the socket for QEMU. */
  readonly socket: string;
  /** Measurements by their registers, in hex. */
  readonly pcrs: Readonly<Record<number, string>>;
  /** Signs documents. */
  readonly chain: ChainText;
  /** Signs documents that are `expired`. */
  readonly expired: ChainText;
}

const ES384 = { name: "ECDSA", namedCurve: "P-384" } as const;

/** Writes a chain as text. */
export async function chainText({ certificates, key }: Chain): Promise<ChainText> {
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", key);
  return {
    certificates: certificates.map((der) => Buffer.from(der).toString("base64")),
    key: Buffer.from(pkcs8).toString("base64"),
  };
}

async function readChain({ certificates, key }: ChainText): Promise<Chain> {
  const pkcs8 = Uint8Array.from(Buffer.from(key, "base64"));
  return {
    certificates: certificates.map((text) => Uint8Array.from(Buffer.from(text, "base64"))),
    key: await crypto.subtle.importKey("pkcs8", pkcs8, ES384, true, ["sign"]),
  };
}

if (import.meta.main) {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const next = async () => {
    const { value } = await lines.next();
    if (value === undefined) Deno.exit(0);
    return JSON.parse(value);
  };
  const { socket, pcrs, chain, expired }: ModuleStart = await next();
  const nsm = await EmulatedNsm.create(pcrs, await readChain(chain));
  const old = await EmulatedNsm.create(pcrs, await readChain(expired));
  let documents: Documents = "good";
  let last: Promise<Uint8Array> = nsm.document();
  const module = new NsmModule(nsm, (request) => {
    switch (documents) {
      case "replayed":
        return last;
      case "expired":
        return old.document(request);
      case "unsigned":
        return nsm.document({
          ...request,
          bend: ([header, open, payload]) => [header, open, payload, new Uint8Array(96)],
        });
      default:
        return last = nsm.document(request);
    }
  });
  serveDevice(socket, (request) => module.answer(request), () => console.log("ok"))
    .then(() => Deno.exit(0));
  for (;;) {
    documents = await next();
    console.log("ok");
  }
}
