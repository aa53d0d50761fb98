/**
 * Handles promises that the application returned where none is expected.
 *
 * @module
 */

import { isInstance } from "../../errors.ts";

/**
 * Calls `onReject` when `value` is a promise that rejects. Without that its rejection would be an unhandled one, which
 * ends the process. Never throws.
 */
export function onRejection(value: unknown, onReject: (reason: unknown) => void): void {
  if (typeof value !== "object" || !isInstance(value, Promise)) return;
  try {
    // `value.then` is not used, because the application may have replaced it.
    Promise.prototype.then.call(value, undefined, onReject);
  } catch {
    // `then` throws for a Proxy of a promise.
  }
}

/** Ignores the rejection of a promise; has no effect on other values. Never throws. */
export function ignoreRejection(value: unknown): void {
  onRejection(value, () => {});
}
