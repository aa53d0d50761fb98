/**
 * Iteration that one exception does not stop.
 *
 * @module
 */

/** Runs `body` for every item, even after it has thrown for an earlier one; then throws the first exception. */
export function forEachItem<T>(items: Iterable<T>, body: (item: T) => void): void {
  let failed = false;
  let failure: unknown;
  for (const item of items) {
    try {
      body(item);
    } catch (error) {
      if (!failed) failure = error;
      failed = true;
    }
  }
  if (failed) throw failure;
}
