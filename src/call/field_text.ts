/**
 * Keys and values that both wires carry as metadata: HTTP/2 fields (RFC 9113 §8.2) within gRPC's rules ("Custom-Metadata"
 * in PROTOCOL-HTTP2.md).
 *
 * @module
 */

/**
 * Fields that belong to one connection, not to a call: HTTP/2 forbids them (RFC 9113 §8.2.2) or replaces them
 * by a pseudo-header field (§8.3.1).
 */
export const CONNECTION_FIELDS: readonly string[] = [
  "connection",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
];

/** Longest key, in characters: the lean wire has one byte for the length of a key. */
export const MAX_KEY_CHARACTERS = 255;

const FORBIDDEN: ReadonlySet<string> = new Set(CONNECTION_FIELDS);
const KEY = /^[0-9a-z_.-]+$/;
const VALUE = /^[\x20-\x7e]*$/;

/** Returns why a lower-case key cannot be sent, as a clause for an error text; undefined if it can be sent. */
export function keyFault(key: string): string | undefined {
  if (!KEY.test(key)) return "only a-z 0-9 _ - . are allowed";
  if (FORBIDDEN.has(key)) return "it is a field of the connection (RFC 9113 §8.2.2)";
  if (key.length > MAX_KEY_CHARACTERS) {
    return `it has ${key.length} characters, limit is ${MAX_KEY_CHARACTERS}`;
  }
  return undefined;
}

/** Whether a value without surrounding whitespace can be sent, as it is printable ASCII. */
export function isValue(value: string): boolean {
  return VALUE.test(value);
}

/** Removes spaces and tabs from both ends, where no field may have them (RFC 9113 §8.2.1). */
export function withoutOuterSpace(value: string): string {
  const { length } = value;
  if (length === 0) return value;
  if (!isSpace(value.charCodeAt(0)) && !isSpace(value.charCodeAt(length - 1))) return value;
  let start = 0;
  let end = length;
  while (start < end && isSpace(value.charCodeAt(start))) start++;
  while (end > start && isSpace(value.charCodeAt(end - 1))) end--;
  return value.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
