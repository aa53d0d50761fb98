/**
 * Changes of a server's certificates.
 *
 * @module
 */

import type { TlsServerOptions } from "../../transport/tls_options.ts";
import { TlsWatch } from "../../transport/tls_watch.ts";
import type { DrainOptions } from "./drain.ts";

/** Error text of `updateTls` on a server without TLS. */
export const NO_TLS = "Cannot update TLS: the server was started without the option tls";

/** Drains open connections after each change of watched files, if that was asked for; returns a function that ends it. */
export function drainOnChange(
  tls: TlsServerOptions | TlsWatch | undefined,
  server: { drain(options: DrainOptions): Promise<void> },
): (() => void) | undefined {
  if (!(tls instanceof TlsWatch)) return undefined;
  const graceMs = tls.drainGraceMs;
  if (graceMs === undefined) return undefined;
  return tls.onChange(() => void server.drain({ graceMs }));
}
