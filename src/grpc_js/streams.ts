/**
 * Types of Node's streams of objects.
 *
 * @module
 */

import type { Readable, Writable } from "node:stream";

/** Stream of received messages. */
export type ObjectReadable<T> = Readable & {
  /** Takes a message; null if there is none. */
  read(size?: number): T;
  /** Adds a listener for messages. */
  on(event: "data", listener: (message: T) => void): ObjectReadable<T>;
};

/** Stream of messages to send. */
export type ObjectWritable<T> = Writable & {
  /** Sends a message; false when the next one should wait for `drain`. */
  // deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
  write(message: T, encoding?: any, callback?: (error: Error | null | undefined) => void): boolean;
};
