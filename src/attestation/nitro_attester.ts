/**
 * The attester of AWS Nitro Enclaves.
 *
 * @module
 */

import { isBytes } from "../bytes/is_bytes.ts";
import { checkNames, checkOneOf, checkRange, whole } from "../limits/ranges.ts";
import { toHex } from "./hex.ts";
import { MAX_BYTES, PCR_COUNT } from "./nitro_document.ts";
import { type NsmDevice, openNsm } from "./nsm_device.ts";
import {
  attestationRequest,
  checkDone,
  extendRequest,
  lockRequest,
  responseField,
} from "./nsm_requests.ts";
import type { Attester, ExpectedClaims } from "./types.ts";

/**
 * Options of {@link nitro}.
 *
 * @category Attestation
 */
export interface NitroOptions {
  /** Channel that documents are for; `vsock` is for connections without TLS. Default `tls`. */
  channel?: "tls" | "vsock";
  /** Path of the device. Default `/dev/nsm`. */
  device?: string;
}

/**
 * Attester of a Nitro Enclave, with the requests to its module that an application makes itself.
 *
 * @category Attestation
 */
export interface NitroAttester extends Attester {
  /** `nitro`. */
  readonly format: "nitro";
  /** Channel that documents are for. */
  readonly channel: "tls" | "vsock";
  /**
   * Returns a document with the given nonce and user data, each of at most 512 bytes, and public key, of at most 1,024:
   * AWS KMS, for one, encrypts what it returns for that key.
   */
  document(claims?: ExpectedClaims): Promise<Uint8Array>;
  /**
   * Extends a register, 16 to 31, by data of at most 512 bytes, such as the hash of a configuration, and returns its new
   * value in hex: SHA-384 over the old value and the data. Documents have it once it is locked.
   */
  extendPcr(index: number, data: Uint8Array): Promise<string>;
  /** Locks a register, 16 to 31, until the enclave ends; from then on documents have it, and a policy can pin it. */
  lockPcr(index: number): Promise<void>;
}

const NAMES: Readonly<Record<keyof NitroOptions, true>> = { channel: true, device: true };
const CLAIMS = { nonce: "nonce", userData: "user_data", publicKey: "public_key" } as const;
/** Registers that an enclave may extend; those below hold its measurements. */
const OWN_PCRS = whole(16, PCR_COUNT - 1);
const MAX_EXTENSION_BYTES = 512;

/**
 * Opens the Nitro Secure Module of the enclave that the program runs in. Requests are made one at a time and off the
 * event loop; 128 may wait, others reject with an AttestationError (`busy`).
 *
 * ```ts
 * import { serve } from "@vrpc/vrpc";
 * import { nitro } from "@vrpc/vrpc/attestation";
 *
 * await using server = await serve("vsock:any:5000", () => {}, { attestation: nitro() });
 * ```
 *
 * Throws an AttestationError (`unavailable`) where there is no `/dev/nsm`, without the permission to use FFI
 * (`--allow-ffi`), and on runtimes other than Deno.
 *
 * @category Attestation
 */
export function nitro(options: NitroOptions = {}): NitroAttester {
  checkNames("nitro", options, NAMES);
  const { channel = "tls", device = "/dev/nsm" } = options;
  checkOneOf("channel", channel, ["tls", "vsock"]);
  if (typeof device !== "string" || device === "" || device.includes("\0")) {
    throw new TypeError("Cannot use device: it must be a path");
  }
  return new Nsm(openNsm(device), channel);
}

/** The requests of an enclave to its module. */
export class Nsm implements NitroAttester {
  readonly format = "nitro";
  readonly channel: "tls" | "vsock";
  readonly #device: NsmDevice;

  constructor(device: NsmDevice, channel: "tls" | "vsock") {
    this.#device = device;
    this.channel = channel;
  }

  attest(nonce: Uint8Array, userData: Uint8Array): Promise<Uint8Array> {
    return this.document({ nonce, userData });
  }

  async document(claims: ExpectedClaims = {}): Promise<Uint8Array> {
    checkNames("document", claims, CLAIMS);
    for (const [name, field] of Object.entries(CLAIMS)) {
      const value = claims[name as keyof typeof CLAIMS];
      if (value !== undefined) checkBytes(name, value, MAX_BYTES[field]);
    }
    const response = await this.#device.request(attestationRequest(claims));
    return responseField("Attestation", "document", response);
  }

  async extendPcr(index: number, data: Uint8Array): Promise<string> {
    checkRange("index", index, OWN_PCRS);
    checkBytes("data", data, MAX_EXTENSION_BYTES);
    const response = await this.#device.request(extendRequest(index, data));
    return toHex(responseField("ExtendPCR", "data", response));
  }

  async lockPcr(index: number): Promise<void> {
    checkRange("index", index, OWN_PCRS);
    checkDone("LockPCR", await this.#device.request(lockRequest(index)));
  }
}

function checkBytes(name: string, value: Uint8Array, maxBytes: number): void {
  if (isBytes(value) && value.length <= maxBytes) return;
  throw new TypeError(`Cannot use ${name}: it must be a Uint8Array of at most ${maxBytes} bytes`);
}
