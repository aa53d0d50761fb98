/**
 * Trailers of gRPC-Web: the last frame of a body, with field lines as in HTTP/1.1, names in lower case (gRPC's
 * PROTOCOL-WEB.md).
 *
 * @module
 */

import type { Metadata } from "../call/metadata.ts";
import type { Status } from "../call/status.ts";
import { encodeMessage } from "../grpc/fields.ts";
import { envelope, TRAILER_FLAG } from "./envelope.ts";
import { eachField, isReservedByGrpc } from "./metadata_fields.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** Limits on received trailers, which the limits on header sections don't cover. */
const MAX_BYTES = 1024 * 1024;
const MAX_FIELDS = 1_000;

/** Builds the frame of trailers that ends a call, with its prefix. */
export function trailerFrame(
  code: Status,
  message: string,
  trailers?: Metadata,
): Uint8Array<ArrayBuffer> {
  let text = `grpc-status: ${code}\r\n`;
  if (message !== "") text += `grpc-message: ${encodeMessage(message)}\r\n`;
  if (trailers !== undefined) {
    eachField(trailers, isReservedByGrpc, (name, value) => {
      text += `${name}: ${value}\r\n`;
    });
  }
  return envelope(encoder.encode(text), TRAILER_FLAG);
}

/**
 * Parses the contents of a frame of trailers into names in lower case and values, in turn. Returns null for a line
 * without a colon, and for more than 1 MiB or 1,000 lines. Lines may end with LF alone, as those of some servers do.
 */
export function parseTrailerFrame(bytes: Uint8Array): string[] | null {
  if (bytes.length > MAX_BYTES) return null;
  const fields: string[] = [];
  for (const line of decoder.decode(bytes).split("\n")) {
    const text = line.endsWith("\r") ? line.slice(0, -1) : line;
    if (text === "") continue;
    const colon = text.indexOf(":");
    if (colon < 1 || fields.length === 2 * MAX_FIELDS) return null;
    fields.push(text.slice(0, colon).trim().toLowerCase(), text.slice(colon + 1).trim());
  }
  return fields;
}
