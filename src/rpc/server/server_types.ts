/**
 * What `serve` returns.
 *
 * @module
 */

import type { TlsServerOptions } from "../../transport/tls_options.ts";
import type { ByteStream } from "../../transport/types.ts";
import type { Router } from "../dispatch/router.ts";
import type { DrainOptions } from "./drain.ts";
import type { ServerStats } from "./options.ts";

/**
 * Options of `Server.updateTls`.
 *
 * @category Server
 */
export interface UpdateTlsOptions {
  /** Drains the connections that are open, so that their clients connect with the new certificates. Default: they live on. */
  drain?: DrainOptions;
}

/**
 * Running server.
 *
 * ```ts
 * import { serve } from "@vrpc/vrpc";
 *
 * const server = await serve("127.0.0.1:50051", (router) => {
 *   router.method("/hello", {}, () => new TextEncoder().encode("hello"));
 * });
 * Deno.addSignalListener("SIGTERM", () => server.shutdown({ graceMs: 10_000 }));
 * await server.finished;
 * ```
 *
 * @category Server
 */
export interface Server extends AsyncDisposable {
  /** Addresses with their actual ports, in the order given to `serve`. */
  readonly addresses: readonly string[];
  /** Registered methods. */
  readonly router: Router;
  /** Resolves when the server has closed for whatever reason. */
  readonly finished: Promise<void>;
  /**
   * Stops listening and lets open calls finish for `graceMs`, then cancels them with `status`. Resolves at most 1 s after that (with callbacks of `onClose` that take long, at most 6 s), when the addresses are free again
   * and all connections are closed. A repeated call waits for the first. Rejects with RangeError for `graceMs` out of
   * range.
   */
  shutdown(options?: DrainOptions): Promise<void>;
  /**
   * Lets the calls on the connections that are open now finish for `graceMs`, then cancels them with `status`, and closes these connections; goes on listening. Resolves when they are closed, at most 1 s after that.
   * Rejects with RangeError for `graceMs` out of range.
   */
  drain(options?: DrainOptions): Promise<void>;
  /**
   * Uses other certificates for handshakes that begin from now on; open connections live on unless `drain` is given. Resolves at
   * once, with `drain` when the connections that were open have closed. Rejects with TypeError for certificates that are not
   * valid, which leaves the old ones in use, and for a server that was started without TLS.
   */
  updateTls(tls: TlsServerOptions, options?: UpdateTlsOptions): Promise<void>;
  /** Closes at once and cancels open calls. Resolves when the addresses are free and all connections are closed. */
  close(): Promise<void>;
  /**
   * Serves a connection that was not accepted by this server's listeners. Throws TypeError for a value without the
   * functions of a {@link ByteStream}.
   */
  serveConnection(stream: ByteStream): void;
  /** Returns the counters of connections and calls. */
  stats(): ServerStats;
}
