/**
 * TLS on any transport: which implementation serves which case, and the listener that offers it.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import type { PeerInfo } from "../call/wire.ts";
import { TransportError } from "../errors.ts";
import { ConnStream } from "./conn_stream.ts";
import { checkKeyPair } from "./key_pair.ts";
import { netAddress } from "./tcp.ts";
import type { TlsAcceptor } from "./tls_node.ts";
import { checkPem, type TlsClientOptions, type TlsServerOptions } from "./tls_options.ts";
import { EARLY_END, handshakeReason, tlsReason } from "./tls_reason.ts";
import type { ByteStream, Listener } from "./types.ts";

let warned = false;

/** node:tls takes some 30 ms to load, so only those who need it do. */
const loadTls = () => import("./tls_node.ts");

/** Options whose key was found to be the certificate's, which takes half a millisecond. */
const paired = new WeakSet<TlsClientOptions>();

/** Throws a TypeError when the options don't hold usable PEM. */
export function checkTlsClientOptions(options: TlsClientOptions): void {
  if (options.ca !== undefined) checkPem("tls.ca", options.ca, "CERTIFICATE");
  if ((options.cert === undefined) !== (options.key === undefined)) {
    throw new TypeError("tls.cert and tls.key belong together: give both or neither");
  }
  if (options.cert !== undefined) checkPem("tls.cert", options.cert, "CERTIFICATE");
  if (options.key !== undefined) checkPem("tls.key", options.key, "PRIVATE KEY");
  if (options.cert !== undefined && options.key !== undefined && !paired.has(options)) {
    checkKeyPair(options.cert, options.key);
    paired.add(options);
  }
}

/** Says once that `insecure` is set. */
export function warnOfInsecure(options: TlsClientOptions): void {
  if (!options.insecure || warned) return;
  warned = true;
  getLogger(["vrpc", "transport"]).warn(
    "TLS option insecure is set: certificates are not verified, anybody can listen in. " +
      "For development only",
  );
}

/** Options of {@link startTls}. */
export interface StartTlsOptions {
  /** What to trust and show. Default: the runtime's authorities. */
  tls?: TlsClientOptions;
  /** Application protocols to offer, best first. */
  alpn?: readonly string[];
  /** The name to verify when `tls.serverName` gives none. Default `localhost`. */
  serverName?: string;
  /** Closes the stream when it fires before the handshake is complete. */
  signal?: AbortSignal;
}

/**
 * Speaks TLS as a client inside `stream`, any byte stream; resolves when the handshake is complete. Rejects
 * with a {@link TransportError} and closes `stream` when it fails.
 */
export async function startTls(
  stream: ByteStream,
  options: StartTlsOptions = {},
): Promise<ByteStream> {
  const tls = options.tls ?? {};
  checkTlsClientOptions(tls);
  warnOfInsecure(tls);
  const { secureClient } = await loadTls();
  const serverName = tls.serverName ?? options.serverName ?? "localhost";
  return await closedOnAbort(
    secureClient(stream, { tls, alpn: options.alpn, serverName }),
    options.signal,
    () => stream.close(),
  );
}

/** `promise`; `close` is called when the signal fires before it has settled. */
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

/** Whether the runtime's own TLS, faster than node:tls, can do it: no client certificate, all verified. */
export function runtimeTlsSuffices(options: TlsClientOptions): boolean {
  return options.cert === undefined && !options.insecure;
}

/**
 * The runtime's TLS on a TCP connection. `Deno.connectTls` would leave Nagle's algorithm on (40 ms on every
 * handshake), so the connection is made first, and the caller sets its socket options.
 */
export async function startRuntimeTls(
  conn: Deno.TcpConn,
  options: {
    tls: TlsClientOptions;
    alpn?: readonly string[];
    serverName: string;
    signal: AbortSignal;
  },
): Promise<ByteStream> {
  const address = netAddress(conn.remoteAddr);
  const localAddress = netAddress(conn.localAddr);
  let secure: Deno.TlsConn | undefined;
  const close = () => {
    try {
      (secure ?? conn).close();
    } catch {
      // Closed by the runtime already.
    }
  };
  try {
    secure = await Deno.startTls(conn, {
      hostname: options.serverName,
      caCerts: options.tls.ca === undefined ? [] : [options.tls.ca],
      alpnProtocols: options.alpn === undefined ? undefined : [...options.alpn],
    });
    const { alpnProtocol } = await closedOnAbort(secure.handshake(), options.signal, close);
    const peer: PeerInfo = {
      address,
      transport: "tls",
      // The runtime shows no certificate; that it verified is certain, or the handshake had failed.
      tls: { alpn: alpnProtocol ?? undefined, authorized: true },
    };
    return new ConnStream(secure, peer, localAddress, { reason: tlsReason, earlyEnd: EARLY_END });
  } catch (error) {
    close();
    throw new TransportError(`TLS handshake with ${address} failed: ${handshakeReason(error)}`, {
      address,
      cause: error,
    });
  }
}

/**
 * Offers TLS on what `listener` accepts; the handshake is left to the accepted stream's `handshake`. Rejects
 * with a TypeError when the options hold no usable certificate and key.
 */
export async function tlsListener(
  listener: Listener,
  options: { tls: TlsServerOptions; alpn?: readonly string[] },
): Promise<Listener> {
  const { TlsAcceptor } = await loadTls();
  // Deno.listenTls cannot ask for client certificates, nor switch Nagle's algorithm off.
  const acceptor = new TlsAcceptor(options.tls, options.alpn);
  return {
    address: listener.address,
    async accept() {
      const stream = await listener.accept();
      return stream === null ? null : new TlsServerStream(stream, acceptor);
    },
    close: () => listener.close(),
  };
}

/** An accepted connection before, during and after its TLS handshake. */
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
    return this.#handshake ??= this.#shake();
  }

  async #shake(): Promise<void> {
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
}
