/**
 * TLS of servers: listeners whose certificates may be replaced while they listen.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import type { PeerInfo } from "../call/wire.ts";
import { textOf } from "../errors.ts";
import { runtime } from "../runtime/mod.ts";
import type { ChannelBinding } from "./channel_binding.ts";
import type { TlsAcceptor } from "./tls_node.ts";
import type { TlsServerOptions } from "./tls_options.ts";
import { TlsWatch } from "./tls_watch.ts";
import type { ByteStream, Listener } from "./types.ts";

/** TLS of a server's listeners. */
export interface ServerTlsSettings {
  /** Certificates, or files of them that are watched. */
  readonly tls: TlsServerOptions | TlsWatch;
  /** ALPN protocols to accept, in order of preference. */
  readonly alpn?: readonly string[];
}

/** Accepts TLS connections; each handshake uses the certificates of the moment. */
export class TlsTerminator {
  readonly #make: (tls: TlsServerOptions) => TlsAcceptor;
  readonly #unwatch: (() => void) | undefined;
  #acceptor: TlsAcceptor;

  /** Rejects with a TypeError if certificate and key are not valid, or the runtime has no TLS servers. */
  static async create(settings: ServerTlsSettings): Promise<TlsTerminator> {
    const lack = await runtime.lacks("tlsServer");
    if (lack !== undefined) throw new TypeError(`Cannot serve TLS: ${lack}`);
    // Not the runtime's TLS: Deno's can't request client certificates, and can't turn off Nagle's algorithm.
    const { TlsAcceptor } = await import("./tls_node.ts");
    return new TlsTerminator(settings, (tls) => new TlsAcceptor(tls, settings.alpn));
  }

  private constructor({ tls }: ServerTlsSettings, make: (tls: TlsServerOptions) => TlsAcceptor) {
    this.#make = make;
    const watch = tls instanceof TlsWatch ? tls : undefined;
    this.#acceptor = make(watch?.server ?? tls as TlsServerOptions);
    this.#unwatch = watch?.onChange(() => this.#updateFrom(watch));
  }

  /** Uses other certificates for handshakes that begin from now on. Throws a TypeError if they are not valid. */
  update(tls: TlsServerOptions): void {
    this.#acceptor = this.#make(tls);
  }

  /** Runs TLS as a server on an accepted stream, in its `handshake`. */
  secure(accepted: ByteStream): ByteStream {
    return new TlsServerStream(accepted, () => this.#acceptor);
  }

  /** Returns a listener of `inner`'s connections with TLS. */
  listener(inner: Listener): Listener {
    return {
      address: inner.address,
      accept: async () => {
        const stream = await inner.accept();
        return stream === null ? null : this.secure(stream);
      },
      close: () => inner.close(),
    };
  }

  /** Ends the watch of files. */
  close(): void {
    this.#unwatch?.();
  }

  #updateFrom(watch: TlsWatch): void {
    try {
      this.update(watch.server);
    } catch (error) {
      getLogger(["vrpc", "transport"]).error(
        "Cannot use the new TLS files, keeping the old: {reason}",
        { reason: textOf(error) },
      );
    }
  }
}

/**
 * Accepts TLS connections on `listener`. The handshake runs in the accepted stream's `handshake`. Rejects with a
 * TypeError if certificate and key are not valid, or the runtime has no TLS servers.
 */
export async function tlsListener(
  listener: Listener,
  options: ServerTlsSettings,
): Promise<Listener> {
  const terminator = await TlsTerminator.create(options);
  return {
    ...terminator.listener(listener),
    close() {
      terminator.close();
      return listener.close();
    },
  };
}

/**
 * Returns a function that runs TLS as a server on accepted streams. The handshake runs in the stream's `handshake`.
 * Rejects with a TypeError if certificate and key are not valid, or the runtime has no TLS servers.
 */
export async function tlsServer(
  options: ServerTlsSettings,
): Promise<(accepted: ByteStream) => ByteStream> {
  const terminator = await TlsTerminator.create(options);
  return (accepted) => terminator.secure(accepted);
}

/** Accepted connection before, during and after its TLS handshake. */
class TlsServerStream implements ByteStream {
  readonly localAddress: string;
  readonly #inner: ByteStream;
  readonly #acceptor: () => TlsAcceptor;
  #secure: ByteStream | undefined;
  #handshake: Promise<void> | undefined;
  #closed = false;

  constructor(inner: ByteStream, acceptor: () => TlsAcceptor) {
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
    const secure = await this.#acceptor().handshake(this.#inner);
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
