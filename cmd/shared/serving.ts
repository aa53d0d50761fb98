/**
 * Services of the server program in one thread.
 *
 * @module
 */

import type { Interceptor, Server } from "../../mod.ts";
import { addBatch } from "../../src/rpc/batch/mod.ts";
import { logCalls } from "../../src/rpc/dispatch/call_log.ts";
import { serve } from "../../src/rpc/server/server.ts";
import {
  addCrypto,
  addEcho,
  addHealth,
  addReflection,
  type CryptoBackend,
  type CryptoKeys,
} from "../../src/services/mod.ts";
import { type TlsFiles, watchTls } from "../../src/transport/mod.ts";
import type { ThreadMetrics } from "./metrics.ts";

/** Settings of a serving thread; can be posted to a worker. */
export interface ServingSettings {
  /** Addresses to listen on, without port 0 if threads share them. */
  addresses: string[];
  /** Whether TCP ports are shared with other threads. */
  reusePort: boolean;
  /** Permissions of the files of Unix sockets. Default 0o600. */
  unixMode?: number;
  /** Files of the TLS of all addresses, which are watched. */
  tls?: TlsFiles;
  /** Certificate and key of the TLS of all addresses, as PEM, in place of files. */
  certificate?: { readonly cert: string; readonly key: string };
  /** Implementation that signs. */
  cryptoBackend: CryptoBackend;
  /** Whether to serve reflection. */
  reflection: boolean;
  /** Largest request message accepted, in bytes. */
  maxReceiveMessageBytes: number;
  /** Maximum number of open calls per connection. */
  maxConcurrentStreams: number;
  /** Whether to gzip responses to clients that accept it. */
  compress: boolean;
  /** Whether to speak gRPC-Web and Connect. */
  web: boolean;
  /** Origins of web pages that may call. */
  webOrigins: readonly string[];
  /** Further hosts that web requests may name. */
  webHosts: readonly string[];
  /** Whether to measure. */
  metrics: boolean;
  /** Whether to log a line for each call. */
  logCalls: boolean;
}

/** Starts serving. Crypto calls wait for `keys`; calls and connections are measured in `metrics`. */
export async function startServing(
  settings: ServingSettings,
  keys: Promise<CryptoKeys>,
  metrics?: ThreadMetrics,
): Promise<Server> {
  const { addresses, maxConcurrentStreams } = settings;
  const { reusePort, unixMode, maxReceiveMessageBytes, compress } = settings;
  const tls = settings.certificate ?? (settings.tls && watchTls(settings.tls));
  const telemetry = metrics && await import("../../src/telemetry/mod.ts");
  const meterProvider = metrics?.provider;
  const observer = telemetry?.serverMetrics({ meterProvider });
  const interceptors: Interceptor[] = settings.logCalls ? [logCalls({ level: "debug" })] : [];
  const server = await serve(addresses, (router) => {
    addEcho(router);
    addCrypto(router, { backend: settings.cryptoBackend, keys });
    addHealth(router);
    addBatch(router);
    if (settings.reflection) addReflection(router);
  }, {
    ...{ reusePort, unixMode, tls, maxReceiveMessageBytes, compress, interceptors, observer },
    web: settings.web && {
      cors: { origins: settings.webOrigins },
      allowedHosts: settings.webHosts,
    },
    limits: { maxConcurrentStreams },
  });
  telemetry?.observeServer(server, { meterProvider });
  return server;
}
