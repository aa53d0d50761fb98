/**
 * Check of values that an application gave as bytes.
 *
 * @module
 */

/** Whether a value is a Uint8Array that can be read; a Proxy of one is `instanceof` the class, but cannot. */
export function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && value instanceof Uint8Array;
}
