/**
 * Kinds of methods, independent of wire and codec.
 *
 * @module
 */

/** How many messages go each way. */
export type MethodKind = "unary" | "client_streaming" | "server_streaming" | "bidi_streaming";

/** All of them. */
export const METHOD_KINDS: readonly MethodKind[] = [
  "unary",
  "client_streaming",
  "server_streaming",
  "bidi_streaming",
];

/** Whether the caller may send any number of messages (else exactly one). */
export function clientStreams(kind: MethodKind): boolean {
  return kind === "client_streaming" || kind === "bidi_streaming";
}

/** Whether the server may send any number of messages (else exactly one). */
export function serverStreams(kind: MethodKind): boolean {
  return kind === "server_streaming" || kind === "bidi_streaming";
}
