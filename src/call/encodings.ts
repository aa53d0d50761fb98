/**
 * Compressions of messages, by their names on the wire.
 *
 * @module
 */

/** Supported compressions, as a value of `grpc-accept-encoding` and `accept-encoding`. */
export const ENCODINGS = "identity,gzip";

const KNOWN: ReadonlySet<string> = new Set(ENCODINGS.split(","));

/** Whether messages of this compression can be read; `identity` is no compression. */
export function isKnownEncoding(encoding: string): boolean {
  return KNOWN.has(encoding);
}
