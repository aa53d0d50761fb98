/**
 * What differs between gRPC-Web and Connect in calls whose bodies are envelopes.
 *
 * @module
 */

import type { Metadata } from "../../call/metadata.ts";
import type { Status } from "../../call/status.ts";
import type { ServerCall } from "../../call/wire.ts";
import { encodeStreamEnd } from "../connect_error.ts";
import type { WebContentType } from "../content_types.ts";
import { END_STREAM_FLAG, envelope } from "../envelope.ts";
import { isReservedByConnect, isReservedByGrpc } from "../metadata_fields.ts";
import { trailerFrame } from "../trailer_frame.ts";

/** One of the protocols. */
export interface StreamDialect {
  readonly protocol: NonNullable<ServerCall["protocol"]>;
  /** Field with the compression of messages. */
  readonly encodingField: string;
  /** Field with the compressions that a peer accepts. */
  readonly acceptEncodingField: string;
  /** Field with the time that the caller allows. */
  readonly timeoutField: string;
  /** Whether the protocol answers 415 to calls of kinds and formats that it cannot carry. */
  readonly refusesByHttp: boolean;
  /** Whether metadata may not have this name. */
  isReserved(name: string): boolean;
  /** Builds the envelope that ends a response. */
  endEnvelope(code: Status, message: string, trailers?: Metadata): Uint8Array<ArrayBuffer>;
}

const GRPC_WEB: StreamDialect = {
  protocol: "grpc-web",
  encodingField: "grpc-encoding",
  acceptEncodingField: "grpc-accept-encoding",
  timeoutField: "grpc-timeout",
  refusesByHttp: false,
  isReserved: isReservedByGrpc,
  endEnvelope: trailerFrame,
};

const CONNECT: StreamDialect = {
  protocol: "connect",
  encodingField: "connect-content-encoding",
  acceptEncodingField: "connect-accept-encoding",
  timeoutField: "connect-timeout-ms",
  refusesByHttp: true,
  isReserved: isReservedByConnect,
  endEnvelope: (code, message, trailers) =>
    envelope(encodeStreamEnd(code, message, trailers), END_STREAM_FLAG),
};

/** The protocol of a content type with envelopes. */
export function streamDialect({ protocol }: WebContentType): StreamDialect {
  return protocol === "grpc-web" ? GRPC_WEB : CONNECT;
}
