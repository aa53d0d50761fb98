/**
 * TLS on any {@link ByteStream}, as client or server, by node:tls.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate } from "node:timers";
import tls from "node:tls";
import type { TlsPeerInfo } from "../call/wire.ts";
import { TransportError } from "../errors.ts";
import { systemTurns } from "../event_loop/turns.ts";
import { DuplexStream } from "./duplex_stream.ts";
import { ClientCertificates, verifyError } from "./client_certificates.ts";
import { peekAlpnOffer } from "./client_hello.ts";
import { checkKeyPair } from "./key_pair.ts";
import {
  type CertificateReader,
  loadCertificateReader,
  refuseVersion1,
} from "./peer_certificate.ts";
import { ByteStreamDuplex } from "./node_duplex.ts";
import { EARLY_END, handshakeReason, tlsReason } from "./tls_reason.ts";
import {
  checkPem,
  pemBlocks,
  type TlsClientOptions,
  type TlsServerOptions,
} from "./tls_options.ts";
import type { ByteStream } from "./types.ts";
import { ipFamily } from "./address.ts";

/** Time limit for a server's TLS handshake, in ms. */
export const TLS_HANDSHAKE_TIMEOUT_MS = 10_000;

/** Options of all TLS sockets. */
const COMMON = { allowHalfOpen: true, minVersion: "TLSv1.2" } as const;

/** Performs a client's TLS handshake on `inner`; rejects with a TransportError. */
export async function secureClient(
  inner: ByteStream,
  options: { tls: TlsClientOptions; alpn?: readonly string[]; serverName: string },
): Promise<ByteStream> {
  const { address } = inner.peer;
  const duplex = new ByteStreamDuplex(inner);
  const name = options.serverName;
  // The certificate reader loads during the handshake.
  const reader = loadCertificateReader();
  let socket: tls.TLSSocket;
  try {
    socket = tls.connect({
      ...COMMON,
      socket: duplex,
      // RFC 6066 §3: an IP address must not be sent as a server name. It is verified all the same.
      ...(ipFamily(name) === 0 ? { servername: name } : { host: name, servername: "" }),
      // If set, replaces the runtime's 151 authorities, which would add 15 ms to each handshake.
      ca: options.tls.ca,
      cert: options.tls.cert && pemBlocks(options.tls.cert, "CERTIFICATE"),
      key: options.tls.key && pemBlocks(options.tls.key, "PRIVATE KEY"),
      ALPNProtocols: options.alpn === undefined ? undefined : [...options.alpn],
      rejectUnauthorized: !options.tls.insecure,
    });
  } catch (error) {
    inner.close();
    throw error;
  }
  await new Promise<void>((resolve, reject) => {
    const settle = (error?: unknown) => {
      socket.off("secureConnect", settle).off("end", onEnd).off("close", onEnd);
      if (error === undefined) return resolve();
      socket.destroy();
      inner.close();
      reject(handshakeError(address, duplex.failure ?? error, handshakeReason));
    };
    const onEnd = () => settle(new Deno.errors.UnexpectedEof("handshake eof"));
    socket.on("secureConnect", () => settle());
    // This listener is never removed: an error without a listener would end the process.
    socket.on("error", settle);
    socket.on("end", onEnd).on("close", onEnd);
  });
  const certificate = socket.getPeerCertificate();
  try {
    if (!options.tls.insecure) refuseVersion1(certificate.raw);
    return secureStream(inner, duplex, socket, { certificate, reader: await reader }, EARLY_END);
  } catch (error) {
    socket.destroy();
    throw handshakeError(address, error);
  }
}

/** Settings of a TLS server, and handshakes with them. */
export class TlsAcceptor {
  readonly #alpn: readonly string[] | undefined;
  /**
   * TLS servers by their preferred protocol: node:tls selects the first protocol in the server's order that the client
   * offers.
   */
  readonly #servers = new Map<string, tls.Server>();
  readonly #waiting = new AsyncLocalStorage<Waiting>();
  readonly #options: TlsServerOptions;
  /** Check of client certificates; undefined without mutual TLS. */
  readonly #clients: ClientCertificates | undefined;

  /**
   * Accepts the protocols `alpn`; of those that a client offers, selects the one that the client prefers. Throws a
   * TypeError if the certificate, key or authority is not valid PEM.
   */
  constructor(options: TlsServerOptions, alpn?: readonly string[]) {
    checkPem("tls.cert", options.cert, "CERTIFICATE");
    checkPem("tls.key", options.key, "PRIVATE KEY");
    if (options.clientCa !== undefined) checkPem("tls.clientCa", options.clientCa, "CERTIFICATE");
    if (options.clientAuth !== undefined && options.clientCa === undefined) {
      throw new TypeError(
        "tls.clientAuth requires tls.clientCa, the authorities that verify clients",
      );
    }
    this.#options = { ...options };
    this.#alpn = alpn;
    this.#clients = undefined;
    if (options.clientCa !== undefined) {
      this.#clients = new ClientCertificates(options.clientCa, options.clientAuth !== "request");
      void loadCertificateReader();
    }
    checkKeyPair(options.cert, options.key);
    // The first server is created here, because its creation may throw.
    this.#serverFor(alpn?.[0] ?? "");
  }

  #serverFor(preferred: string): tls.Server {
    const known = this.#servers.get(preferred);
    if (known !== undefined) return known;
    const options = this.#options;
    const others = this.#alpn?.filter((name) => name !== preferred);
    const server = tls.createServer({
      ...COMMON,
      cert: pemBlocks(options.cert, "CERTIFICATE"),
      key: pemBlocks(options.key, "PRIVATE KEY"),
      ca: options.clientCa,
      requestCert: options.clientCa !== undefined,
      rejectUnauthorized: options.clientCa !== undefined && options.clientAuth !== "request",
      ALPNProtocols: others === undefined ? undefined : [preferred, ...others],
      handshakeTimeout: TLS_HANDSHAKE_TIMEOUT_MS,
    });
    // The server's events don't identify their connection, but run in the async context of the connection's reads.
    server.on("secureConnection", (socket) => this.#waiting.getStore()?.resolve(socket));
    server.on("tlsClientError", (error, socket) => {
      this.#waiting.getStore()?.reject(verifyError(socket) ?? error);
      socket.destroy();
    });
    this.#servers.set(preferred, server);
    return server;
  }

  /** Reads the client's ALPN offer if several protocols are accepted, and selects the TLS server. */
  async #choose(inner: ByteStream): Promise<{ stream: ByteStream; server: tls.Server }> {
    const alpn = this.#alpn ?? [];
    if (alpn.length < 2) return { stream: inner, server: this.#serverFor(alpn[0] ?? "") };
    // Time limit for the ClientHello; node:tls limits the rest of the handshake.
    const timer = setTimeout(() => inner.close(), TLS_HANDSHAKE_TIMEOUT_MS);
    try {
      const { stream, offer } = await peekAlpnOffer(inner);
      // Many hellos may have come at once, and each is followed by the creation of a TLS session.
      await systemTurns.nextTurn();
      const preferred = offer.find((name) => alpn.includes(name)) ?? alpn[0];
      return { stream, server: this.#serverFor(preferred) };
    } finally {
      clearTimeout(timer);
    }
  }

  /** Performs a server's TLS handshake on `inner`; rejects with a TransportError. */
  async handshake(inner: ByteStream): Promise<ByteStream> {
    let chosen: { stream: ByteStream; server: tls.Server };
    try {
      chosen = await this.#choose(inner);
    } catch (error) {
      inner.close();
      throw handshakeError(inner.peer.address, error);
    }
    const duplex = new ByteStreamDuplex(chosen.stream);
    duplex.readsInTurn = true;
    let socket: tls.TLSSocket;
    try {
      socket = await new Promise<tls.TLSSocket>((resolve, reject) => {
        // Rejects later, because node:tls may report a more specific error right after the end.
        const onEnd = () =>
          setImmediate(() => reject(new Deno.errors.UnexpectedEof("handshake eof")));
        duplex.on("error", reject).on("end", onEnd).on("close", onEnd);
        this.#waiting.run({ resolve, reject }, () => chosen.server.emit("connection", duplex));
      });
    } catch (error) {
      inner.close();
      throw handshakeError(inner.peer.address, duplex.failure ?? error);
    }
    duplex.readsInTurn = false;
    socket.on("error", () => {});
    if (this.#clients === undefined) return secureStream(inner, duplex, socket);
    try {
      const certificate = this.#clients.check(socket, Date.now());
      const reader = await loadCertificateReader();
      return secureStream(inner, duplex, socket, { certificate, reader });
    } catch (error) {
      socket.destroy();
      throw handshakeError(inner.peer.address, error);
    }
  }
}

interface Waiting {
  resolve(socket: tls.TLSSocket): void;
  reject(error: unknown): void;
}

function handshakeError(address: string, error: unknown, reason = tlsReason): TransportError {
  return new TransportError(`TLS handshake with ${address} failed: ${reason(error)}`, {
    address,
    cause: error,
  });
}

/** Peer's certificate, undefined if it sent none, and the reader of its names. */
interface Identity {
  readonly certificate: Partial<tls.PeerCertificate> | null | undefined;
  readonly reader: CertificateReader;
}

function secureStream(
  inner: ByteStream,
  duplex: ByteStreamDuplex,
  socket: tls.TLSSocket,
  identity?: Identity,
  earlyEnd?: string,
): ByteStream {
  const { peer } = inner;
  return new DuplexStream(socket, {
    peer: {
      ...peer,
      transport: peer.transport === "tcp" ? "tls" : peer.transport,
      tls: peerInfo(socket, identity),
    },
    localAddress: inner.localAddress,
    reason: tlsReason,
    earlyEnd,
    hold: (held) => duplex.hold(held),
    released: () => duplex.released(),
  });
}

/** Returns TLS information on the peer. */
function peerInfo(socket: tls.TLSSocket, identity: Identity | undefined): TlsPeerInfo {
  const alpn = socket.alpnProtocol || undefined;
  const certificate = identity?.certificate;
  if (!certificate?.raw || certificate.fingerprint256 === undefined) {
    return { alpn, authorized: false };
  }
  const fingerprint256 = certificate.fingerprint256.replaceAll(":", "").toLowerCase();
  const name = certificate.subject?.CN as string | string[] | undefined;
  try {
    const { subject, subjectAltNames } = identity!.reader(certificate.raw, fingerprint256);
    const commonName = Array.isArray(name) ? name[0] : name;
    return {
      alpn,
      authorized: socket.authorized,
      subject: commonName || subject || undefined,
      subjectAltNames,
      fingerprint256,
    };
  } catch {
    // A certificate that OpenSSL accepts but the reader doesn't must not identify the peer.
    return { alpn, authorized: false, fingerprint256 };
  }
}
