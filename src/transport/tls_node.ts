/**
 * TLS servers on any {@link ByteStream}, by node:tls.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate } from "node:timers";
import tls from "node:tls";
import { systemTurns } from "../event_loop/turns.ts";
import { channelBinding } from "./channel_binding.ts";
import { ClientCertificates, verifyError } from "./client_certificates.ts";
import { peekAlpnOffer } from "./client_hello.ts";
import { codedError } from "./failure.ts";
import { checkKeyPair } from "./key_pair.ts";
import { ByteStreamDuplex } from "./node_duplex.ts";
import { loadCertificateReader } from "./peer_certificate.ts";
import { checkPem, pemBlocks, type TlsServerOptions } from "./tls_options.ts";
import { COMMON, handshakeError, secureStream } from "./tls_stream.ts";
import { TrustBundles } from "./trust_bundles.ts";
import type { ByteStream } from "./types.ts";

/** Time limit for a server's TLS handshake, in ms. */
export const TLS_HANDSHAKE_TIMEOUT_MS = 10_000;

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
  /** Authorities by trust domain; undefined without. */
  readonly #bundles: TrustBundles | undefined;

  /**
   * Accepts the protocols `alpn`; of those that a client offers, selects the one that the client prefers. Throws a
   * TypeError if the certificate, key or authority is not valid PEM.
   */
  constructor(options: TlsServerOptions, alpn?: readonly string[]) {
    const pairs = [options, ...options.alternatives ?? []];
    for (const { cert, key } of pairs) {
      checkPem("tls.cert", cert, "CERTIFICATE");
      checkPem("tls.key", key, "PRIVATE KEY");
    }
    if (options.clientCa !== undefined) checkPem("tls.clientCa", options.clientCa, "CERTIFICATE");
    if (options.clientAuth !== undefined && authoritiesOf(options) === undefined) {
      throw new TypeError(
        "tls.clientAuth requires tls.clientCa, the authorities that verify clients",
      );
    }
    if (options.clientCa !== undefined && options.trustBundles !== undefined) {
      throw new TypeError("Cannot use tls.clientCa with tls.trustBundles, which take its place");
    }
    this.#options = { ...options };
    this.#alpn = alpn;
    this.#clients = undefined;
    if (options.trustBundles !== undefined) this.#bundles = new TrustBundles(options.trustBundles);
    const authorities = authoritiesOf(options);
    if (authorities !== undefined) {
      // The domains are part of what a session was verified with.
      const domains = Object.keys(options.trustBundles ?? {}).join();
      this.#clients = new ClientCertificates(
        `${domains}${authorities}`,
        options.clientAuth !== "request",
      );
      void loadCertificateReader();
    }
    for (const { cert, key } of pairs) checkKeyPair(cert, key);
    // The first server is created here, because its creation may throw.
    this.#serverFor(alpn?.[0] ?? "");
  }

  #serverFor(preferred: string): tls.Server {
    const known = this.#servers.get(preferred);
    if (known !== undefined) return known;
    const options = this.#options;
    const authorities = authoritiesOf(options);
    const pairs = [options, ...options.alternatives ?? []];
    const others = this.#alpn?.filter((name) => name !== preferred);
    const server = tls.createServer({
      ...COMMON,
      cert: pairs.map(({ cert }) => pemBlocks(cert, "CERTIFICATE")),
      key: pairs.map(({ key }) => pemBlocks(key, "PRIVATE KEY")),
      ca: authorities && pemBlocks(authorities, "CERTIFICATE"),
      requestCert: authorities !== undefined,
      rejectUnauthorized: authorities !== undefined && options.clientAuth !== "request",
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
        const onEnd = () => setImmediate(() => reject(codedError("EOF", "handshake eof")));
        duplex.on("error", reject).on("end", onEnd).on("close", onEnd);
        this.#waiting.run({ resolve, reject }, () => chosen.server.emit("connection", duplex));
      });
    } catch (error) {
      inner.close();
      throw handshakeError(inner.peer.address, duplex.failure ?? error);
    }
    duplex.readsInTurn = false;
    socket.on("error", () => {});
    const binding = () => channelBinding(socket, "server", this.#options.cert);
    if (this.#clients === undefined) {
      return secureStream(duplex, socket, { channelBinding: binding });
    }
    try {
      // Before `check`, which remembers the certificate for resumed sessions: those have no chain.
      if (this.#bundles && socket.authorized && !socket.isSessionReused()) {
        await this.#bundles.check(socket.getPeerCertificate(true));
      }
      const certificate = this.#clients.check(socket, Date.now());
      const reader = await loadCertificateReader();
      return secureStream(duplex, socket, {
        identity: { certificate, reader },
        channelBinding: binding,
      });
    } catch (error) {
      socket.destroy();
      throw handshakeError(inner.peer.address, error);
    }
  }
}

/** Authorities of clients, of all trust domains; undefined without mutual TLS. */
function authoritiesOf({ clientCa, trustBundles }: TlsServerOptions): string | undefined {
  return trustBundles === undefined ? clientCa : Object.values(trustBundles).join("\n");
}

interface Waiting {
  resolve(socket: tls.TLSSocket): void;
  reject(error: unknown): void;
}
