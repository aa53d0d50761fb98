/**
 * What users say about TLS. Certificates and keys are PEM text.
 *
 * @module
 */

/** TLS of a server. */
export interface TlsServerOptions {
  /** The certificate chain in PEM, the server's own certificate first. */
  cert: string;
  /** The private key in PEM (PKCS#8, or a traditional RSA or EC key), without a password. */
  key: string;
  /** Authorities in PEM that client certificates must chain to; asks for client certificates (mutual TLS). */
  clientCa?: string;
  /**
   * With `clientCa`: `require` (the default) refuses a client that shows no certificate; `request` lets it
   * in as not authorized. A certificate that does not verify is refused in both cases.
   */
  clientAuth?: "require" | "request";
}

/** TLS of a client. */
export interface TlsClientOptions {
  /**
   * Authorities in PEM that the server's certificate must chain to. Default: the runtime's own. Over TCP
   * without a client certificate the runtime's own stay trusted beside these; in every other case (a client
   * certificate, Unix, vsock, memory, any stream) these alone are.
   */
  ca?: string;
  /** The client's certificate chain in PEM, for mutual TLS; needs `key`. */
  cert?: string;
  /** The private key of `cert` in PEM. */
  key?: string;
  /**
   * The name that is sent (SNI) and that the server's certificate must bear. Default: the host of the
   * address; `localhost` on transports whose addresses have none (unix, vsock, hvsock, memory).
   */
  serverName?: string;
  /** Development only: verify nothing. A warning is logged once. Default false. */
  insecure?: boolean;
}

/** Throws a TypeError unless `text` is PEM that holds such a block. */
export function checkPem(name: string, text: string, label: string): void {
  if (typeof text === "string" && new RegExp(`-----BEGIN [A-Z ]*${label}-----`).test(text)) return;
  throw new TypeError(
    `${name} holds no PEM block "-----BEGIN ${label}-----"; give the file's text, not its path`,
  );
}

/**
 * The blocks of `text` with such a label. A file may hold others beside them, of which the runtime's parsers
 * would take the first for what is meant.
 */
export function pemBlocks(text: string, label: string): string {
  const block = new RegExp(
    `-----BEGIN ([A-Z0-9 ]*)${label}-----[^]*?-----END \\1${label}-----`,
    "g",
  );
  return Array.from(text.matchAll(block), ([found]) => `${found}\n`).join("") || text;
}
