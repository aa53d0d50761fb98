/**
 * TLS options of servers and clients. Certificates and keys are PEM text.
 *
 * @module
 */

import type { X509Certificate } from "node:crypto";
import { builtinModule } from "../bytes/builtin_module.ts";
import { textOf } from "../errors.ts";

const CERTIFICATE_BLOCK =
  /-----BEGIN ((?:TRUSTED |X509 )?)CERTIFICATE-----[^]*?-----END \1CERTIFICATE-----/g;

/** TLS options of a server. */
export interface TlsServerOptions {
  /** Certificate chain in PEM, the server's own certificate first. */
  cert: string;
  /** Private key in PEM (PKCS#8, or a traditional RSA or EC key), without a password. */
  key: string;
  /**
   * Further certificates with their keys, one for each other type of key (RSA, ECDSA): a handshake uses a type that the
   * client supports. Deno uses `cert` alone. Default none.
   */
  alternatives?: readonly { readonly cert: string; readonly key: string }[];
  /** Authorities in PEM that verify client certificates; enables mutual TLS. Default: no client certificates. */
  clientCa?: string;
  /**
   * Treatment of clients without a certificate, with `clientCa`: `require` rejects them, `request` accepts them as not
   * authorized. Certificates that fail verification are rejected in both cases. Default `require`.
   */
  clientAuth?: "require" | "request";
  /**
   * Authorities in PEM by SPIFFE trust domain, in place of `clientCa`: a client's certificate must have a SPIFFE ID, and come
   * from the authorities of its domain. Enables mutual TLS. Default none.
   */
  trustBundles?: Readonly<Record<string, string>>;
}

/** TLS options of a client. */
export interface TlsClientOptions {
  /**
   * Authorities in PEM that verify the server's certificate. Over TCP without a client certificate they are trusted in
   * addition to the runtime's; in all other cases (client certificate, Unix, vsock, memory, other streams) instead of
   * them. Default: the runtime's.
   */
  ca?: string;
  /** Certificate chain of the client in PEM, for mutual TLS; requires `key`. */
  cert?: string;
  /** Private key of `cert` in PEM. */
  key?: string;
  /**
   * Name that is sent (SNI) and that the server's certificate must contain. Default: the host of the address;
   * `localhost` for addresses without one (unix, vsock, hvsock, memory).
   */
  serverName?: string;
  /**
   * Authorities in PEM by SPIFFE trust domain, in place of `ca`: the server's certificate must have a SPIFFE ID, and come
   * from the authorities of its domain. Default none.
   */
  trustBundles?: Readonly<Record<string, string>>;
  /** SPIFFE IDs that the server may have, in place of a name in its certificate; needs `trustBundles`. Default: the name. */
  serverSpiffeIds?: readonly string[];
  /** Skips all verification, for development only; logs a warning once. Default false. */
  insecure?: boolean;
}

/**
 * Options of a client that verifies the server's key by an attestation document instead of its certificate. The one
 * object that switches verification off without a warning.
 */
export const ATTESTED_TLS: TlsClientOptions = Object.freeze({ insecure: true });

/** Throws a TypeError unless `text` contains a PEM block with the label. */
export function checkPem(name: string, text: string, label: string): void {
  if (typeof text === "string" && new RegExp(`-----BEGIN [A-Z ]*${label}-----`).test(text)) return;
  throw new TypeError(
    `${name} contains no PEM block "-----BEGIN ${label}-----"; pass the file's content, not its path`,
  );
}

/** Throws a TypeError unless `pem` has certificates that can be read; `name` is the option's. */
export function checkAuthorities(name: string, pem: string): void {
  checkPem(name, pem, "CERTIFICATE");
  try {
    certificatesOf(pem);
  } catch (error) {
    throw new TypeError(`${name} has a damaged certificate: ${textOf(error)}`, { cause: error });
  }
}

/** Returns the certificates in a text. Throws an Error for one that can't be read. */
export function certificatesOf(pem: string): X509Certificate[] {
  const { X509Certificate } = builtinModule("node:crypto");
  return Array.from(pem.matchAll(CERTIFICATE_BLOCK), ([block]) => new X509Certificate(block));
}

/**
 * Extracts the PEM blocks with a label. The runtime's parsers would use the first block of the text, whatever its
 * label.
 */
export function pemBlocks(text: string, label: string): string {
  const block = new RegExp(
    `-----BEGIN ([A-Z0-9 ]*)${label}-----[^]*?-----END \\1${label}-----`,
    "g",
  );
  return Array.from(text.matchAll(block), ([found]) => `${found}\n`).join("") || text;
}
