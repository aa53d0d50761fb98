/**
 * TLS clients by node:tls: on any {@link ByteStream}, or on a TCP socket of its own, which takes less time per message.
 *
 * @module
 */

import net from "node:net";
import tls, { type ConnectionOptions, type SecureContext } from "node:tls";
import type { Duplex } from "node:stream";
import type { PeerInfo } from "../call/wire.ts";
import { formatAddress, formatHostPort, ipFamily, type TcpAddress } from "./address.ts";
import { channelBinding } from "./channel_binding.ts";
import { codedError, connectError } from "./failure.ts";
import { ByteStreamDuplex } from "./node_duplex.ts";
import { loadCertificateReader, refuseVersion1 } from "./peer_certificate.ts";
import { pemBlocks, type TlsClientOptions } from "./tls_options.ts";
import { EARLY_END, handshakeReason } from "./tls_reason.ts";
import { type Carrier, COMMON, handshakeError, secureStream } from "./tls_stream.ts";
import { TrustBundles } from "./trust_bundles.ts";
import type { ByteStream } from "./types.ts";

/** Options of a client's handshake. */
export interface SecureClientOptions {
  readonly tls: TlsClientOptions;
  /** ALPN protocols to offer, in order of preference. */
  readonly alpn?: readonly string[];
  /** Name to send and to verify. */
  readonly serverName: string;
  /** Context of node:tls, in place of the authorities and the certificate of `tls`. */
  readonly context?: SecureContext;
  /** Replaces node:tls's check of the name in the certificate. */
  readonly checkServerIdentity?: ConnectionOptions["checkServerIdentity"];
}

/** Performs a client's TLS handshake on `inner`; rejects with a TransportError. */
export function secureClient(inner: ByteStream, options: SecureClientOptions): Promise<ByteStream> {
  const duplex = new ByteStreamDuplex(inner);
  return handshake(duplex, duplex, options);
}

/**
 * Connects to an IP address and performs a client's TLS handshake; rejects with a TransportError. An abort closes the
 * connection.
 */
export async function dialSecure(
  address: TcpAddress,
  options: SecureClientOptions & { signal: AbortSignal; tcpKeepAlive?: boolean },
): Promise<ByteStream> {
  const { signal } = options;
  const socket = net.connect({
    host: address.host,
    port: address.port,
    noDelay: true,
    keepAlive: options.tcpKeepAlive ?? true,
    allowHalfOpen: true,
  });
  // This listener is never removed: an error without a listener would end the process.
  let failure: unknown;
  socket.on("error", (error) => failure ??= error);
  const onAbort = () => socket.destroy();
  signal.addEventListener("abort", onAbort);
  if (signal.aborted) onAbort();
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once(
        "close",
        () => reject(connectError(formatAddress(address), failure ?? signal.reason)),
      );
    });
    return await handshake(socket, new TcpCarrier(socket, address), options);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** TCP socket of Node, from which node:tls reads without a JavaScript stream in between. */
class TcpCarrier implements Carrier {
  readonly peer: PeerInfo;
  readonly localAddress: string;
  readonly #socket: net.Socket;
  failure: unknown;

  constructor(socket: net.Socket, { host, port }: TcpAddress) {
    this.#socket = socket;
    // A socket that the peer has reset has no addresses.
    const { remoteAddress = host, remotePort = port, localAddress = "", localPort = 0 } = socket;
    this.peer = { address: formatHostPort(remoteAddress, remotePort), transport: "tcp" };
    this.localAddress = formatHostPort(localAddress, localPort);
    socket.on("error", (error) => this.failure ??= error);
  }

  hold(held: boolean): void {
    // Both sockets share one flag that says whether the handle is read; only a change of it reaches the handle.
    if (held) this.#socket.resume().pause();
    else this.#socket.pause().resume();
  }

  close(): void {
    this.#socket.destroy();
  }

  unref(): void {
    this.#socket.unref();
  }

  async released(): Promise<void> {
    if (this.#socket.closed) return;
    await new Promise<void>((resolve) => this.#socket.once("close", () => resolve()));
  }
}

async function handshake(
  duplex: Duplex,
  carrier: Carrier,
  { tls: identity, alpn, serverName: name, context, checkServerIdentity }: SecureClientOptions,
): Promise<ByteStream> {
  const { address } = carrier.peer;
  // The certificate reader loads during the handshake.
  const reader = loadCertificateReader();
  const authorities = authoritiesOf(identity);
  let socket: tls.TLSSocket;
  try {
    socket = tls.connect({
      ...COMMON,
      socket: duplex,
      // RFC 6066 §3: an IP address must not be sent as a server name. It is verified all the same.
      ...(ipFamily(name) === 0 ? { servername: name } : { host: name, servername: "" }),
      // If set, replaces the runtime's 151 authorities, which would add 15 ms to each handshake.
      ca: authorities && pemBlocks(authorities, "CERTIFICATE"),
      cert: identity.cert && pemBlocks(identity.cert, "CERTIFICATE"),
      key: identity.key && pemBlocks(identity.key, "PRIVATE KEY"),
      ALPNProtocols: alpn === undefined ? undefined : [...alpn],
      rejectUnauthorized: !identity.insecure,
      ...(context && { secureContext: context }),
      ...(identity.serverSpiffeIds && { checkServerIdentity: () => undefined }),
      ...(checkServerIdentity && { checkServerIdentity }),
    });
  } catch (error) {
    carrier.close();
    throw error;
  }
  await new Promise<void>((resolve, reject) => {
    const settle = (error?: unknown) => {
      socket.off("secureConnect", settle).off("end", onEnd).off("close", onEnd);
      if (error === undefined) return resolve();
      socket.destroy();
      carrier.close();
      reject(handshakeError(address, carrier.failure ?? error, handshakeReason));
    };
    const onEnd = () => settle(codedError("EOF", "handshake eof"));
    socket.on("secureConnect", () => settle());
    // This listener is never removed: an error without a listener would end the process.
    socket.on("error", settle);
    socket.on("end", onEnd).on("close", onEnd);
  });
  const certificate = socket.getPeerCertificate();
  try {
    if (!identity.insecure) {
      refuseVersion1(certificate.raw);
      await checkSpiffe(identity, socket);
    }
    return secureStream(carrier, socket, {
      identity: { certificate, reader: await reader },
      earlyEnd: EARLY_END,
      channelBinding: () => channelBinding(socket, "client", certificate.raw),
    });
  } catch (error) {
    socket.destroy();
    throw handshakeError(address, error);
  }
}

/** Authorities of servers, of all trust domains; undefined for the runtime's. */
function authoritiesOf({ ca, trustBundles }: TlsClientOptions): string | undefined {
  return trustBundles === undefined ? ca : Object.values(trustBundles).join("\n");
}

/** Rejects with an Error unless the server's SPIFFE ID is one of those that are allowed, from its domain's authorities. */
async function checkSpiffe(
  { trustBundles, serverSpiffeIds }: TlsClientOptions,
  socket: tls.TLSSocket,
): Promise<void> {
  if (trustBundles === undefined) return;
  const id = await new TrustBundles(trustBundles).check(socket.getPeerCertificate(true));
  if (serverSpiffeIds === undefined || serverSpiffeIds.includes(id)) return;
  throw new Error(`the peer is ${id}, which is not in tls.serverSpiffeIds`);
}
