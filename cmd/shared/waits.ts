/**
 * Waits with an end.
 *
 * @module
 */

/** Longest wait for connections to close. */
const CLOSE_TIMEOUT_MS = 1_000;

/** Resolves to true once `promise` has settled, or to false after `timeoutMs`. */
export async function settledWithin(
  promise: Promise<unknown>,
  timeoutMs: number,
): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), timeoutMs);
  const settled = promise.then(() => true, () => true);
  try {
    return await Promise.race([settled, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Closes something, and waits for it for 1 s at most: a peer that reads nothing can hold up the last frames. */
export async function closeSoon(closing: { close(): Promise<void> }): Promise<void> {
  await settledWithin(closing.close(), CLOSE_TIMEOUT_MS);
}
