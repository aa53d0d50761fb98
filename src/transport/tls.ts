/**
 * TLS of clients on any transport: choice between the runtime's TLS and node:tls.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { parseSpiffeId } from "../call/spiffe.ts";
import type { PeerInfo } from "../call/wire.ts";
import { TransportError } from "../errors.ts";
import { runtime, type TcpConn } from "../runtime/mod.ts";
import type { TcpAddress } from "./address.ts";
import { ConnStream } from "./conn_stream.ts";
import { checkKeyPair } from "./key_pair.ts";
import { netAddress } from "./tcp.ts";
import { ATTESTED_TLS, checkPem, pemBlocks, type TlsClientOptions } from "./tls_options.ts";
import { EARLY_END, handshakeReason, tlsReason } from "./tls_reason.ts";
import { checkTrustBundles } from "./trust_bundles.ts";
import type { ByteStream } from "./types.ts";

let warned = false;

/** Loads node:tls on demand, because that takes 30 ms. */
const loadClient = () => import("./tls_client.ts");

/** Options whose key was checked against their certificate; the check takes half a millisecond, so it runs once. */
const paired = new WeakSet<TlsClientOptions>();

/** Throws a TypeError if certificates or keys are not valid PEM, or don't match. */
export function checkTlsClientOptions(options: TlsClientOptions): void {
  checkSpiffeOptions(options);
  if (options.ca !== undefined) checkPem("tls.ca", options.ca, "CERTIFICATE");
  if ((options.cert === undefined) !== (options.key === undefined)) {
    throw new TypeError("tls.cert and tls.key must be given together");
  }
  if (options.cert !== undefined) checkPem("tls.cert", options.cert, "CERTIFICATE");
  if (options.key !== undefined) checkPem("tls.key", options.key, "PRIVATE KEY");
  if (options.cert !== undefined && options.key !== undefined && !paired.has(options)) {
    checkKeyPair(options.cert, options.key);
    paired.add(options);
  }
}

function checkSpiffeOptions({ ca, trustBundles, serverSpiffeIds }: TlsClientOptions): void {
  if (trustBundles !== undefined) {
    if (ca !== undefined) {
      throw new TypeError("Cannot use tls.ca with tls.trustBundles, which take its place");
    }
    checkTrustBundles(trustBundles);
  }
  if (serverSpiffeIds === undefined) return;
  if (trustBundles === undefined) {
    throw new TypeError("tls.serverSpiffeIds requires tls.trustBundles, which verify them");
  }
  for (const id of serverSpiffeIds) {
    if (typeof id === "string" && parseSpiffeId(id) !== undefined) continue;
    throw new TypeError(`tls.serverSpiffeIds has ${JSON.stringify(id)}: must be a SPIFFE ID`);
  }
}

/** Logs a warning, once, if `insecure` is set. */
export function warnOfInsecure(options: TlsClientOptions): void {
  if (!options.insecure || options === ATTESTED_TLS || warned) return;
  warned = true;
  getLogger(["vrpc", "transport"]).warn(
    "TLS option insecure is set: certificates are not verified, and connections can be intercepted. " +
      "For development only",
  );
}

/** Options of {@link startTls}. */
export interface StartTlsOptions {
  /** Authorities and certificate. Default: the runtime's authorities, no certificate. */
  tls?: TlsClientOptions;
  /** ALPN protocols to offer, in order of preference. */
  alpn?: readonly string[];
  /** Name to verify, unless `tls.serverName` is set. Default `localhost`. */
  serverName?: string;
  /** Closes the stream if it fires before the handshake is complete. */
  signal?: AbortSignal;
}

/**
 * Runs TLS as a client on a byte stream; resolves once the handshake is complete. Rejects with a
 * {@link TransportError} and closes `stream` if it fails.
 */
export async function startTls(
  stream: ByteStream,
  options: StartTlsOptions = {},
): Promise<ByteStream> {
  const tls = options.tls ?? {};
  checkTlsClientOptions(tls);
  warnOfInsecure(tls);
  const { secureClient } = await loadClient();
  const serverName = tls.serverName ?? options.serverName ?? "localhost";
  return await closedOnAbort(
    secureClient(stream, { tls, alpn: options.alpn, serverName }),
    options.signal,
    () => stream.close(),
  );
}

/** Connects to an IP address and runs TLS by node:tls; rejects with a {@link TransportError}. */
export async function dialNodeTls(
  address: TcpAddress,
  options: {
    tls: TlsClientOptions;
    alpn?: readonly string[];
    serverName: string;
    signal: AbortSignal;
    tcpKeepAlive?: boolean;
  },
): Promise<ByteStream> {
  const { dialSecure } = await loadClient();
  return await dialSecure(address, options);
}

/** Returns `promise`; calls `close` if the signal fires before it settles. */
async function closedOnAbort<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  close: () => void,
): Promise<T> {
  if (signal?.aborted) close();
  signal?.addEventListener("abort", close);
  try {
    return await promise;
  } finally {
    signal?.removeEventListener("abort", close);
  }
}

/**
 * Whether the runtime has a TLS that is faster than node:tls and can be used: verified, without a client certificate.
 */
export function runtimeTlsSuffices(options: TlsClientOptions): boolean {
  return runtime.startTls !== undefined && options.cert === undefined && !options.insecure &&
    options.trustBundles === undefined;
}

/** Starts the runtime's TLS on a TCP connection. */
export async function startRuntimeTls(
  conn: TcpConn,
  options: {
    tls: TlsClientOptions;
    alpn?: readonly string[];
    serverName: string;
    signal: AbortSignal;
  },
): Promise<ByteStream> {
  const address = netAddress(conn.remoteAddr);
  const localAddress = netAddress(conn.localAddr);
  const { serverName, alpn, signal, tls } = options;
  const ca = tls.ca && pemBlocks(tls.ca, "CERTIFICATE");
  try {
    const secure = await runtime.startTls!(conn, { serverName, ca, alpn, signal });
    const peer: PeerInfo = {
      address,
      transport: "tls",
      // The runtime doesn't expose the certificate. It was verified, or the handshake would have failed.
      tls: { alpn: secure.alpn ?? undefined, authorized: true },
    };
    return new ConnStream(secure, peer, localAddress, { reason: tlsReason, earlyEnd: EARLY_END });
  } catch (error) {
    throw new TransportError(`TLS handshake with ${address} failed: ${handshakeReason(error)}`, {
      address,
      cause: error,
    });
  }
}
