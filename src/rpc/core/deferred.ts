/**
 * Promises that are settled from outside.
 *
 * @module
 */

/** Promise with its functions. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T | PromiseLike<T>): void;
  reject(reason?: unknown): void;
}

/** Creates a promise with the functions that settle it. */
export const deferred: <T>() => Deferred<T> =
  // Node has this function from version 22 on.
  typeof Promise.withResolvers === "function" ? <T>() => Promise.withResolvers<T>() : ownDeferred;

function ownDeferred<T>(): Deferred<T> {
  let resolve!: Deferred<T>["resolve"];
  let reject!: Deferred<T>["reject"];
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
