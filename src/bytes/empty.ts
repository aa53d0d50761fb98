/**
 * The shared empty byte array.
 *
 * @module
 */

/** No bytes. Shared: never use it as an owned or growing buffer. */
export const EMPTY_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array(0);
