/**
 * Kinds of methods, independent of wire and codec.
 *
 * @module
 */

/**
 * Kind of a method: one message or any number, in each direction.
 *
 * @category Interceptors
 */
export type MethodKind = "unary" | "client_streaming" | "server_streaming" | "bidi_streaming";

/** All kinds. */
export const METHOD_KINDS: readonly MethodKind[] = [
  "unary",
  "client_streaming",
  "server_streaming",
  "bidi_streaming",
];

/** Whether the caller sends any number of messages, instead of exactly one. */
export function clientStreams(kind: MethodKind): boolean {
  return kind === "client_streaming" || kind === "bidi_streaming";
}

/** Whether the server sends any number of messages, instead of exactly one. */
export function serverStreams(kind: MethodKind): boolean {
  return kind === "server_streaming" || kind === "bidi_streaming";
}
