/**
 * The engines that a client's connections run on.
 *
 * @module
 */

import type { ClientConnection, ClientConnectionSink } from "../call/wire.ts";
import { ProtocolError } from "../errors.ts";
import { GrpcClientConnection } from "../grpc/client.ts";
import { LeanClientConnection } from "../lean/client.ts";
import type { ByteStream } from "../transport/types.ts";
import type { ChannelOptions } from "./channel_options.ts";

const LEAN_ALPN = "vrpc-lean/1";

/** Makes the engine of a connection, once its byte stream is open. */
export type EngineFactory = (
  sink: ClientConnectionSink,
  stream: ByteStream,
  nowMs: number,
) => ClientConnection;

/** The engines of a channel's connections. */
export function makeClientEngine(options: ChannelOptions, authority: string): EngineFactory {
  const shared = {
    keepaliveTimeMs: options.keepaliveTimeMs,
    keepaliveTimeoutMs: options.keepaliveTimeoutMs,
    keepaliveWithoutCalls: options.keepaliveWithoutCalls,
  };
  if (options.wire === "lean") {
    return (sink, stream, nowMs) =>
      new LeanClientConnection(sink, {
        ...shared,
        peerKnowsHello: stream.peer.tls?.alpn === LEAN_ALPN,
      }, nowMs);
  }
  return (sink, stream, nowMs) => {
    const alpn = stream.peer.tls?.alpn;
    if (alpn !== undefined && alpn !== "h2") {
      throw new ProtocolError("connection", 0, `The server speaks ${alpn} here, not h2`);
    }
    return new GrpcClientConnection(sink, {
      ...shared,
      authority,
      secure: stream.peer.tls !== undefined,
      userAgent: options.userAgent,
      // A connection that gets no settings in time is given up by the pool.
      prefaceTimeoutMs: options.connectTimeoutMs,
    }, nowMs);
  };
}
