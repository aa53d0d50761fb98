/**
 * What Connect's streams and gRPC-Web have different: fields, and the last envelope of a response.
 *
 * @module
 */

import { encodingList, ENCODINGS } from "../../call/encodings.ts";
import { Metadata } from "../../call/metadata.ts";
import { Status, statusFromNumber } from "../../call/status.ts";
import type { CallRequest } from "../../call/wire.ts";
import { decodeMessage, formatTimeout } from "../../grpc/fields.ts";
import { readStreamEnd } from "../connect_error.ts";
import { END_STREAM_FLAG, TRAILER_FLAG } from "../envelope.ts";
import { webContentType } from "../content_types.ts";
import {
  appendField,
  appendFields,
  isReservedByConnect,
  isReservedByGrpc,
} from "../metadata_fields.ts";
import { parseTrailerFrame } from "../trailer_frame.ts";
import { type CallEnd, endOfError, fieldOf } from "./call_end.ts";
import type { WebClientOptions } from "./options.ts";

/** Protocol of calls whose messages are in envelopes. */
export interface StreamFormat {
  /** Content type of requests and responses. */
  contentType(options: WebClientOptions): string;
  /** Whether a response's content type is that of `options`. */
  accepts(contentType: string, options: WebClientOptions): boolean;
  /** Returns the fields of a request. */
  requestFields(request: CallRequest, options: WebClientOptions): string[];
  /** Name of the field with the compression of the response. */
  readonly encodingField: string;
  /** Flag of the envelope that ends a response. */
  readonly endFlag: number;
  /** Whether a name of a response's field is not metadata. */
  readonly isReserved: (name: string) => boolean;
  /** Reads the end of a call that has no body: its status is in the head (gRPC's Trailers-Only). */
  readHead(fields: readonly string[]): CallEnd | undefined;
  /** Reads the contents of the last envelope. */
  readEnd(bytes: Uint8Array): CallEnd;
}

/** Formats a timeout for Connect: whole milliseconds of at most 10 digits. */
export function formatTimeoutMs(timeoutMs: number): string {
  return String(Math.min(9_999_999_999, Math.max(1, Math.ceil(timeoutMs))));
}

/** Whether a call has a deadline to send. */
export function hasTimeout({ timeoutMs }: CallRequest): boolean {
  return timeoutMs !== undefined && timeoutMs !== Infinity;
}

const invalid = (what: string): CallEnd => ({
  code: Status.INTERNAL,
  message: `Cannot read the end of the response: ${what}`,
  trailers: new Metadata(),
});

/** Streams of Connect ("Streaming RPCs"). */
export const CONNECT_STREAM: StreamFormat = {
  contentType: ({ format }) => `application/connect+${format}`,

  accepts(contentType, { format }) {
    const type = webContentType(contentType);
    return type?.protocol === "connect-stream" && type.format === format;
  },

  requestFields(request, options) {
    const fields = [
      ...["content-type", this.contentType(options)],
      ...["connect-protocol-version", "1"],
      ...["connect-accept-encoding", (options.encodings ?? ENCODINGS).join()],
      ...["user-agent", options.userAgent],
    ];
    if (request.encoding !== undefined) fields.push("connect-content-encoding", request.encoding);
    if (hasTimeout(request)) {
      fields.push("connect-timeout-ms", formatTimeoutMs(request.timeoutMs!));
    }
    if (request.metadata !== undefined) {
      appendFields(fields, request.metadata, isReservedByConnect);
    }
    return fields;
  },

  encodingField: "connect-content-encoding",
  endFlag: END_STREAM_FLAG,
  isReserved: isReservedByConnect,
  readHead: () => undefined,

  readEnd(bytes) {
    const end = readStreamEnd(bytes);
    if (end === null) return invalid("it is not the JSON of an end of stream");
    const { error, trailers } = end;
    if (error === undefined) return { code: Status.OK, message: "", trailers };
    return endOfError(error, trailers);
  },
};

/** Calls of gRPC-Web (gRPC's PROTOCOL-WEB.md). */
export const GRPC_WEB: StreamFormat = {
  contentType: ({ format }) => `application/grpc-web+${format}`,

  accepts(contentType, { format }) {
    const type = webContentType(contentType);
    return type?.protocol === "grpc-web" && !type.text &&
      (type.format === format || type.format === "" && format === "proto");
  },

  requestFields(request, options) {
    const fields = [
      ...["content-type", this.contentType(options)],
      ...["x-grpc-web", "1"],
      ...["grpc-accept-encoding", encodingList(options.encodings ?? ENCODINGS)],
      ...["user-agent", options.userAgent],
    ];
    if (request.encoding !== undefined) fields.push("grpc-encoding", request.encoding);
    if (hasTimeout(request)) fields.push("grpc-timeout", formatTimeout(request.timeoutMs!));
    if (request.metadata !== undefined) appendFields(fields, request.metadata, isReservedByGrpc);
    return fields;
  },

  encodingField: "grpc-encoding",
  endFlag: TRAILER_FLAG,
  isReserved: isReservedByGrpc,

  readHead(fields) {
    return fieldOf(fields, "grpc-status") === undefined ? undefined : grpcEnd(fields);
  },

  readEnd(bytes) {
    const fields = parseTrailerFrame(bytes);
    return fields === null
      ? invalid("its trailers are too many, or a line has no colon")
      : grpcEnd(fields);
  },
};

/** Reads the status and the trailers of gRPC from fields. */
function grpcEnd(fields: readonly string[]): CallEnd {
  const trailers = metadataFrom(fields, isReservedByGrpc);
  const text = fieldOf(fields, "grpc-status");
  if (text === undefined) {
    return { code: Status.UNKNOWN, message: "The response ended without grpc-status", trailers };
  }
  const code = /^[0-9]{1,3}$/.test(text) ? statusFromNumber(Number(text)) : Status.UNKNOWN;
  return { code, message: decodeMessage(fieldOf(fields, "grpc-message") ?? ""), trailers };
}

/** Makes metadata of received fields; values that are not valid are dropped. */
export function metadataFrom(
  fields: readonly string[],
  isReserved: (name: string) => boolean,
): Metadata {
  const metadata = new Metadata();
  for (let i = 0; i < fields.length; i += 2) {
    if (!isReserved(fields[i])) appendField(metadata, fields[i], fields[i + 1]);
  }
  return metadata;
}
