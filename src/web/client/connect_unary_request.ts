/**
 * Requests of unary Connect calls: POST with the bare message, or GET with the message in the query ("Unary-Get-Request").
 *
 * @module
 */

import { base64Text } from "../../bytes/base64_text.ts";
import { ENCODINGS } from "../../call/encodings.ts";
import { EMPTY_BYTES } from "../../bytes/empty.ts";
import type { CallRequest } from "../../call/wire.ts";
import { appendFields, isReservedByConnect } from "../metadata_fields.ts";
import type { HttpRequest } from "./exchange.ts";
import type { WebClientOptions } from "./options.ts";
import { formatTimeoutMs, hasTimeout } from "./stream_format.ts";

// Longest path and query of a GET, in characters: servers accept request lines of 8 KiB at least (RFC 9112 §3); a call
// that needs more is sent as POST.
const MAX_GET_CHARACTERS = 8_000;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A request and its whole body. */
export interface UnaryRequest {
  readonly head: HttpRequest;
  readonly body: Uint8Array;
}

/** Makes the request of a unary call. `message` is compressed by `request.encoding` if `compressed` is true. */
export function unaryRequest(
  request: CallRequest,
  options: WebClientOptions,
  message: Uint8Array,
  compressed: boolean,
): UnaryRequest {
  const path = options.pathPrefix + request.path;
  const common = {
    authority: request.authority,
    idempotent: request.method?.idempotent ?? false,
  };
  if (options.useGet && request.method?.safe) {
    const target = `${path}?${
      query(options.format, message, compressed ? request.encoding : undefined)
    }`;
    if (target.length <= MAX_GET_CHARACTERS) {
      const fields = fieldsOf(request, options, []);
      const head = { ...common, method: "GET", path: target, fields, bodyBytes: 0 } as const;
      return { head, body: EMPTY_BYTES };
    }
  }
  const first = ["content-type", `application/${options.format}`, "connect-protocol-version", "1"];
  if (compressed) first.push("content-encoding", request.encoding!);
  const fields = fieldsOf(request, options, first);
  const head = { ...common, method: "POST", path, fields, bodyBytes: message.length } as const;
  return { head, body: message };
}

function fieldsOf(
  request: CallRequest,
  options: WebClientOptions,
  fields: string[],
): string[] {
  const accepted = (options.encodings ?? ENCODINGS).join();
  fields.push("accept-encoding", accepted, "user-agent", options.userAgent);
  if (hasTimeout(request)) fields.push("connect-timeout-ms", formatTimeoutMs(request.timeoutMs!));
  if (request.metadata !== undefined) appendFields(fields, request.metadata, isReservedByConnect);
  return fields;
}

/** The query of a GET, in the order that Connect recommends, so that equal calls have equal URLs. */
function query(format: string, message: Uint8Array, encoding: string | undefined): string {
  const text = format === "json" && encoding === undefined ? textOf(message) : undefined;
  if (text !== undefined) {
    return `connect=v1&encoding=${format}&message=${encodeURIComponent(text)}`;
  }
  const compression = encoding === undefined ? "" : `&compression=${encoding}`;
  const base64 = base64Text(message, { alphabet: "base64url", omitPadding: true });
  return `connect=v1&base64=1${compression}&encoding=${format}&message=${base64}`;
}

function textOf(message: Uint8Array): string | undefined {
  try {
    return utf8.decode(message);
  } catch {
    return undefined;
  }
}
