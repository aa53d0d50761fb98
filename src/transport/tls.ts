/**
 * TLS on any transport: choice between the runtime's TLS and node:tls, and the TLS listener.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import type { PeerInfo } from "../call/wire.ts";
import { TransportError } from "../errors.ts";
import { runtime, type TcpConn } from "../runtime/mod.ts";
import type { TcpAddress } from "./address.ts";
import type { ChannelBinding } from "./channel_binding.ts";
import { ConnStream } from "./conn_stream.ts";
import { checkKeyPair } from "./key_pair.ts";
import { netAddress } from "./tcp.ts";
import type { TlsAcceptor } from "./tls_node.ts";
import {
  ATTESTED_TLS,
  checkPem,
  type TlsClientOptions,
  type TlsServerOptions,
} from "./tls_options.ts";
import { EARLY_END, handshakeReason, tlsReason } from "./tls_reason.ts";
import type { ByteStream, Listener } from "./types.ts";

let warned = false;

/** Loads node:tls on demand, because that takes 30 ms. */
const loadClient = () => import("./tls_client.ts");

/** Options whose key was checked against their certificate; the check takes half a millisecond, so it runs once. */
const paired = new WeakSet<TlsClientOptions>();

/** Throws a TypeError if certificates or keys are not valid PEM, or don't match. */
export function checkTlsClientOptions(options: TlsClientOptions): void {
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
  return runtime.startTls !== undefined && options.cert === undefined && !options.insecure;
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
  const { serverName, alpn, signal, tls: { ca } } = options;
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

/**
 * Accepts TLS connections on `listener`. The handshake runs in the accepted stream's `handshake`. Rejects with a
 * TypeError if certificate and key are not valid, or the runtime has no TLS servers.
 */
export async function tlsListener(
  listener: Listener,
  options: { tls: TlsServerOptions; alpn?: readonly string[] },
): Promise<Listener> {
  const secure = await tlsServer(options);
  return {
    address: listener.address,
    async accept() {
      const stream = await listener.accept();
      return stream === null ? null : secure(stream);
    },
    close: () => listener.close(),
  };
}

/**
 * Returns a function that runs TLS as a server on accepted streams. The handshake runs in the stream's `handshake`.
 * Rejects with a TypeError if certificate and key are not valid, or the runtime has no TLS servers.
 */
export async function tlsServer(
  options: { tls: TlsServerOptions; alpn?: readonly string[] },
): Promise<(accepted: ByteStream) => ByteStream> {
  const lack = await runtime.lacks("tlsServer");
  if (lack !== undefined) throw new TypeError(`Cannot serve TLS: ${lack}`);
  const { TlsAcceptor } = await import("./tls_node.ts");
  // Not the runtime's TLS: Deno's can't request client certificates, and can't turn off Nagle's algorithm.
  const acceptor = new TlsAcceptor(options.tls, options.alpn);
  return (accepted) => new TlsServerStream(accepted, acceptor);
}

/** Accepted connection before, during and after its TLS handshake. */
class TlsServerStream implements ByteStream {
  readonly localAddress: string;
  readonly #inner: ByteStream;
  readonly #acceptor: TlsAcceptor;
  #secure: ByteStream | undefined;
  #handshake: Promise<void> | undefined;
  #closed = false;

  constructor(inner: ByteStream, acceptor: TlsAcceptor) {
    this.#inner = inner;
    this.#acceptor = acceptor;
    this.localAddress = inner.localAddress;
  }

  get peer(): PeerInfo {
    return (this.#secure ?? this.#inner).peer;
  }

  handshake(): Promise<void> {
    return this.#handshake ??= this.#startHandshake();
  }

  async #startHandshake(): Promise<void> {
    await this.#inner.handshake?.();
    const secure = await this.#acceptor.handshake(this.#inner);
    this.#secure = secure;
    if (this.#closed) secure.close();
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#secure !== undefined) return this.#secure.read(buffer);
    return this.handshake().then(() => this.#secure!.read(buffer));
  }

  write(data: Uint8Array): Promise<number> {
    if (this.#secure !== undefined) return this.#secure.write(data);
    return this.handshake().then(() => this.#secure!.write(data));
  }

  async closeWrite(): Promise<void> {
    await this.handshake();
    await this.#secure!.closeWrite();
  }

  close(): void {
    this.#closed = true;
    (this.#secure ?? this.#inner).close();
  }

  channelBinding(): ChannelBinding | undefined {
    return this.#secure?.channelBinding?.();
  }

  async released(): Promise<void> {
    await (this.#secure ?? this.#inner).released?.();
  }
}
