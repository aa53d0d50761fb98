/**
 * Protocol engines of client connections.
 *
 * @module
 */

import type { ClientConnection, ClientConnectionSink } from "../../call/wire.ts";
import { ProtocolError } from "../../errors.ts";
import { GrpcClientConnection } from "../../grpc/client.ts";
import { LeanClientConnection } from "../../lean/client.ts";
import { HTTP2_LIMITS, MIN_CLIENT_KEEPALIVE_MS } from "../../limits/connection_limits.ts";
import type { ByteStream } from "../../transport/types.ts";
import { type ChannelOptions, CONNECT_TIMEOUT_MS, USER_AGENT } from "./options.ts";

const LEAN_ALPN = "vrpc-lean/1";

/** Makes the engines of connections to one address. */
export class ClientEngineFactory {
  readonly #options: ChannelOptions;
  readonly #authority: string;
  #keepaliveTimeMs: number | undefined;

  /** `authority` is the default `:authority` of calls. */
  constructor(options: ChannelOptions, authority: string) {
    this.#options = options;
    this.#authority = authority;
    this.#keepaliveTimeMs = options.keepaliveTimeMs;
  }

  /** Doubles the keepalive time of further connections, after a GOAWAY for too many pings (gRPC A8). */
  doubleKeepaliveTime(): void {
    if (this.#keepaliveTimeMs !== undefined) {
      this.#keepaliveTimeMs = Math.max(this.#keepaliveTimeMs, MIN_CLIENT_KEEPALIVE_MS) * 2;
    }
  }

  /** Makes the engine for an open byte stream. Throws ProtocolError if TLS negotiated another protocol. */
  make(sink: ClientConnectionSink, stream: ByteStream, nowMs: number): ClientConnection {
    const options = this.#options;
    const engine = {
      ...options.limits,
      keepaliveTimeMs: this.#keepaliveTimeMs,
      keepaliveTimeoutMs: options.keepaliveTimeoutMs,
      keepaliveWithoutCalls: options.keepaliveWithoutCalls,
    };
    const alpn = stream.peer.tls?.alpn;
    const expected = options.wire === "lean" ? LEAN_ALPN : "h2";
    if (alpn !== undefined && alpn !== expected) {
      throw new ProtocolError(
        "connection",
        0,
        `The server negotiated ${alpn} by ALPN, expected ${expected}`,
      );
    }
    if (options.wire === "lean") {
      const peerKnowsHello = alpn === LEAN_ALPN;
      return new LeanClientConnection(
        sink,
        {
          ...engine,
          prefaceTimeoutMs: Infinity,
          peerKnowsHello,
          allowVersion1: options.allowVersion1,
        },
        nowMs,
      );
    }
    return new GrpcClientConnection(sink, {
      ...engine,
      authority: this.#authority,
      secure: stream.peer.tls !== undefined,
      userAgent: options.userAgent ?? USER_AGENT,
      // No timeout here: the connect timeout of `Connection` covers the dial and the peer's first SETTINGS.
      prefaceTimeoutMs: Infinity,
      settingsTimeoutMs: Math.max(
        HTTP2_LIMITS.settingsTimeoutMs,
        options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      ),
    }, nowMs);
  }
}
