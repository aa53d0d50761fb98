/**
 * The engines that a client's connections run on.
 *
 * @module
 */

import type { ClientConnection, ClientConnectionSink } from "../../call/wire.ts";
import { ProtocolError } from "../../errors.ts";
import { GrpcClientConnection } from "../../grpc/client.ts";
import { LeanClientConnection } from "../../lean/client.ts";
import { HTTP2_LIMITS, MIN_CLIENT_KEEPALIVE_MS } from "../../limits/connection_limits.ts";
import type { ByteStream } from "../../transport/types.ts";
import { type ChannelOptions, CONNECT_TIMEOUT_MS } from "./options.ts";

const LEAN_ALPN = "vrpc-lean/1";

/** Makes the engines of the connections to one address. */
export class ClientEngines {
  readonly #options: ChannelOptions;
  readonly #authority: string;
  #keepaliveTimeMs: number | undefined;

  /** `authority` is what calls go to by name. */
  constructor(options: ChannelOptions, authority: string) {
    this.#options = options;
    this.#authority = authority;
    this.#keepaliveTimeMs = options.keepaliveTimeMs;
  }

  /** The server objected to pings: from now on half as many (gRPC A8). */
  slowDown(): void {
    if (this.#keepaliveTimeMs !== undefined) {
      this.#keepaliveTimeMs = Math.max(this.#keepaliveTimeMs, MIN_CLIENT_KEEPALIVE_MS) * 2;
    }
  }

  /** The engine of a connection, once its byte stream is open. Throws ProtocolError. */
  make(sink: ClientConnectionSink, stream: ByteStream, nowMs: number): ClientConnection {
    const options = this.#options;
    const engine = {
      ...options.limits,
      keepaliveTimeMs: this.#keepaliveTimeMs,
      keepaliveTimeoutMs: options.keepaliveTimeoutMs,
      keepaliveWithoutCalls: options.keepaliveWithoutCalls,
    };
    const alpn = stream.peer.tls?.alpn;
    if (options.wire === "lean") {
      const peerKnowsHello = alpn === LEAN_ALPN;
      return new LeanClientConnection(
        sink,
        { ...engine, prefaceTimeoutMs: Infinity, peerKnowsHello },
        nowMs,
      );
    }
    if (alpn !== undefined && alpn !== "h2") {
      throw new ProtocolError("connection", 0, `The server speaks ${alpn} here, not h2`);
    }
    return new GrpcClientConnection(sink, {
      ...engine,
      authority: this.#authority,
      secure: stream.peer.tls !== undefined,
      userAgent: options.userAgent,
      // One timer of `Connection` runs from the dial to the peer's first settings, and it is `connectTimeoutMs`.
      prefaceTimeoutMs: Infinity,
      settingsTimeoutMs: Math.max(
        HTTP2_LIMITS.settingsTimeoutMs,
        options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      ),
    }, nowMs);
  }
}
