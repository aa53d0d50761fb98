/**
 * Protocol engines of client connections.
 *
 * @module
 */

import type { ClientConnection, ClientConnectionSink } from "../../call/wire.ts";
import { encodingsOf } from "../core/encodings_option.ts";
import { ProtocolError } from "../../errors.ts";
import { GrpcClientConnection } from "../../grpc/client.ts";
import { LeanClientConnection } from "../../lean/client.ts";
import { inflated } from "../../lean/inflate.ts";
import {
  HTTP2_LIMITS,
  MIN_CLIENT_KEEPALIVE_MS,
  SHARED_LIMITS,
} from "../../limits/connection_limits.ts";
import type { ByteStream } from "../../transport/types.ts";
import { Http1WebClient } from "../../web/client/http1_client.ts";
import { Http2WebClient } from "../../web/client/http2_client.ts";
import { type ChannelOptions, CONNECT_TIMEOUT_MS, isWeb, USER_AGENT } from "./options.ts";
import { alpnOf } from "./target.ts";

/** Makes the engines of connections to one address. */
export class ClientEngineFactory {
  readonly #options: ChannelOptions;
  readonly #authority: string;
  readonly #pathPrefix: string;
  #keepaliveTimeMs: number | undefined;

  /** `authority` is the default `:authority` of calls, `pathPrefix` the path before those of methods. */
  constructor(options: ChannelOptions, authority: string, pathPrefix = "") {
    this.#options = options;
    this.#authority = authority;
    this.#pathPrefix = pathPrefix;
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
    const expected = alpnOf(options);
    if (alpn !== undefined && alpn !== expected) {
      throw new ProtocolError(
        "connection",
        0,
        `The server negotiated ${alpn} by ALPN, expected ${expected}`,
      );
    }
    if (options.wire === "lean") {
      return new LeanClientConnection(
        sink,
        {
          ...engine,
          ...{ prefaceTimeoutMs: Infinity, peerKnowsHello: alpn === expected },
          allowVersion1: options.allowVersion1,
          inflate: inflated,
        },
        nowMs,
      );
    }
    const calls = {
      authority: this.#authority,
      secure: stream.peer.tls !== undefined,
      userAgent: options.userAgent ?? USER_AGENT,
      format: options.codec ?? "proto",
      encodings: encodingsOf(options.encodings),
    };
    const http2 = {
      ...engine,
      ...calls,
      // No timeout here: the connect timeout of `Connection` covers the dial and the peer's first SETTINGS.
      prefaceTimeoutMs: Infinity,
      settingsTimeoutMs: Math.max(
        HTTP2_LIMITS.settingsTimeoutMs,
        options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      ),
    };
    const { wire, httpVersion } = options;
    if (!isWeb(wire)) return new GrpcClientConnection(sink, http2, nowMs);
    const web = {
      protocol: wire,
      useGet: options.useHttpGet ?? false,
      pathPrefix: this.#pathPrefix,
    };
    if (httpVersion !== "1.1") return new Http2WebClient(sink, { ...http2, ...web }, nowMs);
    const limits = {
      maxHeaderBytes: options.limits?.maxHeaderListBytes ?? SHARED_LIMITS.maxHeaderListBytes,
      maxHeaderFields: options.limits?.maxHeaderFields ?? SHARED_LIMITS.maxHeaderFields,
    };
    return new Http1WebClient(sink, { ...calls, ...web, ...limits }, nowMs);
  }
}
