/**
 * Header fields of gRPC over HTTP/2: timeouts, status messages, metadata (gRPC, "PROTOCOL-HTTP2.md").
 *
 * @module
 */

import { base64Text, decodeBase64Text } from "../bytes/base64_text.ts";
import type { ByteWriter } from "../bytes/writer.ts";
import { CONNECTION_FIELDS, withoutOuterSpace } from "../call/field_text.ts";
import { Metadata, pairsOf } from "../call/metadata.ts";
import type { HpackEncoder } from "../hpack/encoder.ts";
import type { HeaderList } from "../hpack/header_list.ts";

const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000001,
};

/** Parses `grpc-timeout` to ms; NaN unless it is 1 to 8 digits and a unit. */
export function parseTimeout(text: string): number {
  if (!/^[0-9]{1,8}[HMSmun]$/.test(text)) return NaN;
  return Number(text.slice(0, -1)) * UNIT_MS[text[text.length - 1]];
}

/** Formats a `grpc-timeout` of at most 8 digits; `timeoutMs` of 0 or less becomes 1 ns. */
export function formatTimeout(timeoutMs: number): string {
  if (timeoutMs <= 0) return "1n";
  // Uses the finest unit, from microseconds on, in which the rounded value has at most 8 digits: 99,999.9999 ms would
  // take 9 digits of microseconds.
  if (timeoutMs < 99_999.999) return `${Math.max(1, Math.round(timeoutMs * 1000))}u`;
  if (timeoutMs < 99_999_999) return `${Math.round(timeoutMs)}m`;
  if (timeoutMs < 99_999_999_000) return `${Math.round(timeoutMs / 1000)}S`;
  return `${Math.min(99_999_999, Math.round(timeoutMs / 3_600_000))}H`;
}

// Printable ASCII without "%", and without spaces at its ends, which no field may have (RFC 9113 §8.2.1).
const PLAIN_MESSAGE = /^(?! )[\x20-\x24\x26-\x7e]*(?<! )$/;

// Longest `grpc-message` sent: trailers above the peer's SETTINGS_MAX_HEADER_LIST_SIZE would lose the whole status or
// the connection.
const MAX_MESSAGE_CHARACTERS = 8_192;

/**
 * Percent-encodes a status message for `grpc-message`, cut between two characters to 8,192 bytes, or to `maxCharacters` if
 * that is less.
 */
export function encodeMessage(text: string, maxCharacters = Infinity): string {
  // Most calls end with OK and no message.
  if (text === "") return text;
  const most = Math.max(0, Math.min(MAX_MESSAGE_CHARACTERS, maxCharacters));
  const start = text.length <= most ? text : text.slice(0, most);
  if (PLAIN_MESSAGE.test(start)) return start;
  let out = "";
  for (const character of text) {
    const encoded = out === "" && character === " " ? "%20" : encodeCharacter(character);
    if (out.length + encoded.length > most) break;
    out += encoded;
  }
  if (!out.endsWith(" ")) return out;
  return out.length + 2 <= most ? `${out.slice(0, -1)}%20` : withoutOuterSpace(out);
}

const PLAIN_CHARACTER = /^[\x20-\x24\x26-\x7e]$/;

function encodeCharacter(character: string): string {
  if (PLAIN_CHARACTER.test(character)) return character;
  // An unpaired surrogate, which UTF-8 cannot encode, becomes U+FFFD, as in TextEncoder.
  return character.isWellFormed() ? encodeURIComponent(character) : "%EF%BF%BD";
}

// Octets above 0x7f are UTF-8 from a peer that does not percent-encode.
const ENCODED_MESSAGE = /[%\x80-\xff]/;

/** Decodes `grpc-message`; as gRPC requires, malformed escapes are kept as they are. */
export function decodeMessage(text: string): string {
  if (!ENCODED_MESSAGE.test(text)) return text;
  const bytes = new Uint8Array(text.length);
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const hex = text[i] === "%" ? text.slice(i + 1, i + 3) : "";
    if (/^[0-9a-fA-F]{2}$/.test(hex)) {
      bytes[count++] = parseInt(hex, 16);
      i += 2;
    } else {
      bytes[count++] = text.charCodeAt(i);
    }
  }
  return new TextDecoder().decode(bytes.subarray(0, count));
}

// Names of the header fields that gRPC or HTTP/2 reserves, which are not metadata.
const RESERVED = new Set([
  ...CONNECTION_FIELDS,
  "content-type",
  "content-length",
  "grpc-timeout",
  "grpc-encoding",
  "grpc-accept-encoding",
  "grpc-status",
  "grpc-message",
  "grpc-message-type",
]);

/** Whether the protocol reserves a key, so that applications may not set it. */
export function isReservedKey(key: string): boolean {
  return RESERVED.has(key) || key === "user-agent" ||
    (key.startsWith("grpc-") && !FREE_GRPC_KEYS.has(key));
}

// Names with the prefix `grpc-` that are metadata all the same.
const FREE_GRPC_KEYS = new Set([
  "grpc-status-details-bin",
  "grpc-previous-rpc-attempts",
  "grpc-retry-pushback-ms",
  "grpc-trace-bin",
  "grpc-tags-bin",
]);

/** Writes metadata as header fields, without the keys that applications may not set. */
export function encodeMetadata(
  encoder: HpackEncoder,
  out: ByteWriter,
  metadata: Metadata,
): void {
  for (const [key, value] of pairsOf(metadata)) {
    if (isReservedKey(key)) continue;
    const text = typeof value === "string" ? value : base64Text(value, { omitPadding: true });
    encodeField(encoder, out, key, text);
  }
}

/** Writes one field: short values enter the HPACK table, secrets never. */
export function encodeField(
  encoder: HpackEncoder,
  out: ByteWriter,
  name: string,
  value: string,
): void {
  const short = value.length <= MAX_INDEXED_CHARS;
  encoder.field(out, name, value, SECRET.has(name) ? "never" : short ? "index" : "literal");
}

// Longest value indexed, in characters: longer values rarely repeat, and would evict those that do from the HPACK
// table.
const MAX_INDEXED_CHARS = 64;
// Names of the fields whose values must not enter an HPACK table (RFC 7541 §7.1).
const SECRET = new Set(["authorization", "cookie", "set-cookie", "proxy-authorization"]);

/** Whether any field from index `from` on is metadata. Most calls have none, and need no Metadata object. */
export function hasMetadata(list: HeaderList, from: number): boolean {
  for (let i = from; i < list.count; i++) if (!RESERVED.has(list.names[i])) return true;
  return false;
}

/**
 * Decodes the metadata in the fields from index `from` on. Drops `-bin` values that are not base64, and fields that
 * HTTP/2 allows but gRPC does not (other token characters in keys; tabs and octets above 0x7e in values), because they
 * could not be forwarded.
 */
export function decodeMetadata(
  names: readonly string[],
  values: readonly string[],
  from: number,
  count: number,
): Metadata {
  const metadata = new Metadata();
  for (let i = from; i < count; i++) {
    const name = names[i];
    if (RESERVED.has(name)) continue;
    if (!name.endsWith("-bin")) {
      metadata.appendReceived(name, values[i]);
      continue;
    }
    // Peers may join repeated `-bin` values with commas.
    for (const part of values[i].split(",")) {
      const bytes = decodeBase64Text(part.trim());
      if (bytes !== undefined) metadata.appendReceived(name, bytes);
    }
  }
  return metadata;
}

/** Whether every `-bin` field from index `from` on is base64, or several base64 values joined with commas. */
export function binaryFieldsAreValid(list: HeaderList, from: number): boolean {
  for (let i = from; i < list.count; i++) {
    if (!list.names[i].endsWith("-bin")) continue;
    for (const part of list.values[i].split(",")) {
      if (decodeBase64Text(part.trim()) === undefined) return false;
    }
  }
  return true;
}

/** Returns new, empty metadata; calls without metadata use this function as their `metadata()` or `trailers()`. */
export function noMetadata(): Metadata {
  return new Metadata();
}

/** Whether a content-type is gRPC's: `application/grpc`, alone or followed by `+` or `;`. */
export function isGrpcContentType(value: string): boolean {
  if (value === "application/grpc" || value === "application/grpc+proto") return true;
  const lower = value.toLowerCase();
  if (!lower.startsWith("application/grpc")) return false;
  const next = lower[16];
  return next === undefined || next === "+" || next === ";";
}

/**
 * Message format of a gRPC content-type: `proto` for `application/grpc+proto`, empty for `application/grpc`, where the
 * method determines it.
 */
export function contentSubtype(contentType: string): string {
  if (contentType.length === 16 || contentType[16] !== "+") return "";
  const end = contentType.indexOf(";");
  return contentType.slice(17, end < 0 ? undefined : end).trim().toLowerCase();
}
