/**
 * What the server program serves, in one thread.
 *
 * @module
 */

import { type Interceptor, logCalls, serve, type Server } from "../../mod.ts";
import { addBatch } from "../../src/rpc/batch/mod.ts";
import {
  addCrypto,
  addEcho,
  addHealth,
  addReflection,
  type CryptoBackend,
  type CryptoKeys,
} from "../../src/services/mod.ts";
import type { TlsServerOptions } from "../../src/transport/mod.ts";
import { observeServer, serverMetrics } from "../../src/telemetry/mod.ts";
import type { ThreadMetrics } from "./metrics.ts";

/** What a thread is told to serve; can be posted to a worker. */
export interface ServingSettings {
  /** Where to listen, with real ports. */
  addresses: string[];
  /** Whether TCP ports are shared with other threads. */
  reusePort: boolean;
  /** TLS for all addresses. */
  tls?: TlsServerOptions;
  /** Who computes signatures. */
  cryptoBackend: CryptoBackend;
  /** Whether to answer questions of grpcurl and the like. */
  reflection: boolean;
  /** The largest request message, in bytes. */
  maxReceiveMessageBytes: number;
  /** How many calls one connection may have open. */
  maxConcurrentStreams: number;
  /** Whether to compress responses for clients that take gzip. */
  compress: boolean;
  /** Whether figures are wanted. */
  metrics: boolean;
  /** Whether to log a line for each call. */
  logCalls: boolean;
}

/** Starts serving. `keys` may come later: crypto calls wait for them. What happens goes into `metrics`. */
export async function startServing(
  settings: ServingSettings,
  keys: Promise<CryptoKeys>,
  metrics?: ThreadMetrics,
): Promise<Server> {
  const { addresses, reusePort, tls, maxReceiveMessageBytes, maxConcurrentStreams, compress } =
    settings;
  const meterProvider = metrics?.provider;
  const observer = metrics && serverMetrics({ meterProvider });
  const interceptors: Interceptor[] = settings.logCalls ? [logCalls({ level: "debug" })] : [];
  const server = await serve(addresses, (router) => {
    addEcho(router);
    addCrypto(router, { backend: settings.cryptoBackend, keys });
    addHealth(router);
    addBatch(router);
    if (settings.reflection) addReflection(router);
  }, {
    ...{ reusePort, tls, maxReceiveMessageBytes, compress, interceptors, observer },
    limits: { maxConcurrentStreams },
  });
  if (metrics) observeServer(server, { meterProvider });
  return server;
}
