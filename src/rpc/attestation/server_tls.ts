/**
 * The key of a server that attests itself.
 *
 * @module
 */

import type { Attester } from "../../attestation/types.ts";
import type { TlsServerOptions } from "../../transport/tls_options.ts";
import type { TlsWatch } from "../../transport/tls_watch.ts";

/** Options of `serve` that decide on its TLS. */
export interface ServerTlsOptions {
  readonly tls?: TlsServerOptions | TlsWatch;
  readonly attestation?: Attester;
}

/** Returns the TLS options of the listeners: those given, or a new key for attestation that is in memory alone. */
export async function serverTls(
  { tls, attestation }: ServerTlsOptions,
): Promise<TlsServerOptions | TlsWatch | undefined> {
  if (tls !== undefined || attestation === undefined || attestation.channel === "vsock") return tls;
  const { selfSigned } = await import("../../transport/certs.ts");
  // Clients verify the key by the document, neither name nor validity.
  return await selfSigned({ commonName: "attested", days: 3_650 });
}
