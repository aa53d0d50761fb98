/**
 * Checks that a value passed by the application is a readable Uint8Array.
 *
 * @module
 */

/** Whether a value is a readable Uint8Array. A Proxy of one passes `instanceof`, but its bytes cannot be read. */
export function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && value instanceof Uint8Array;
}
