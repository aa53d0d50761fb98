/**
 * Metadata as header fields of gRPC-Web and Connect: bytes of `-bin` keys in base64, and the names that the protocols
 * keep for themselves. Lists of fields alternate names in lower case and values.
 *
 * @module
 */

import { base64Text, decodeBase64Text } from "../bytes/base64_text.ts";
import { CONNECTION_FIELDS } from "../call/field_text.ts";
import { Metadata } from "../call/metadata.ts";
import { isReservedKey } from "../grpc/fields.ts";

const HTTP_NAMES: ReadonlySet<string> = new Set([
  ...CONNECTION_FIELDS,
  "accept",
  "accept-encoding",
  "content-encoding",
  "content-length",
  "content-type",
  "date",
  "expect",
  "trailer",
  "user-agent",
]);
/** Names of request fields that are metadata all the same: handlers may want to know them. */
const INFORMATIVE: ReadonlySet<string> = new Set(["accept", "date", "user-agent"]);

/** Whether gRPC-Web keeps a name for itself, so that applications may not send it. */
export function isReservedByGrpc(name: string): boolean {
  return HTTP_NAMES.has(name) || isReservedKey(name);
}

/** Whether Connect keeps a name for itself, so that applications may not send it. */
export function isReservedByConnect(name: string): boolean {
  return HTTP_NAMES.has(name) || name.startsWith("connect-") || name.startsWith("trailer-") ||
    name === "grpc-status-details-bin";
}

/** Calls `each` with each pair of `metadata` as a field, except for names that `isReserved`. */
export function eachField(
  metadata: Metadata,
  isReserved: (name: string) => boolean,
  each: (name: string, value: string) => void,
): void {
  for (const [name, value] of metadata) {
    if (isReserved(name)) continue;
    each(name, typeof value === "string" ? value : base64Text(value, { omitPadding: true }));
  }
}

/** Appends the fields of `metadata`, with `prefix` before each name, except for names that `isReserved`. */
export function appendFields(
  fields: string[],
  metadata: Metadata,
  isReserved: (name: string) => boolean,
  prefix = "",
): void {
  eachField(metadata, isReserved, (name, value) => fields.push(prefix + name, value));
}

/**
 * Adds a received field to `metadata`. A `-bin` value may be several base64 values joined with commas. Returns false
 * when a value of a `-bin` name is not base64; text that gRPC cannot carry is dropped.
 */
export function appendField(metadata: Metadata, name: string, value: string): boolean {
  if (!name.endsWith("-bin")) {
    metadata.appendReceived(name, value);
    return true;
  }
  for (const part of value.split(",")) {
    const bytes = decodeBase64Text(part.trim());
    if (bytes === undefined) return false;
    metadata.appendReceived(name, bytes);
  }
  return true;
}

/**
 * Makes metadata of the received fields that `isReserved` lets through, and of `accept`, `date` and `user-agent`.
 * Returns null when a value of a `-bin` name is not base64.
 */
export function metadataOf(
  fields: readonly string[],
  isReserved: (name: string) => boolean,
): Metadata | null {
  const metadata = new Metadata();
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i];
    if (isReserved(name) && !INFORMATIVE.has(name)) continue;
    if (!appendField(metadata, name, fields[i + 1])) return null;
  }
  return metadata;
}
