/**
 * Common parts of the interoperability cases.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Channel, RpcError, type Status } from "../../../mod.ts";

/** Case: makes calls on the channel, and throws when a check fails. */
export type Case = (channel: Channel) => Promise<void>;

/** Creates a payload of `size` zeros. */
export const zeros = (size: number) => ({ body: new Uint8Array(size) });

/** Size of requests in the large cases. */
export const LARGE_REQUEST = 271828;
/** Size of replies in the large cases. */
export const LARGE_RESPONSE = 314159;

/** Checks that a call fails with a code. */
export async function failsWith(call: Promise<unknown>, code: Status, message?: string) {
  const error = await call.then(() => undefined, (thrown) => thrown);
  assert(error instanceof RpcError, `The call must fail with an RpcError, got ${error}`);
  assert.equal(error.code, code, `${error.codeName}: ${error.message}`);
  if (message !== undefined) assert.equal(error.message, message);
}

/** Collects the messages of a stream. */
export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const message of stream) all.push(message);
  return all;
}

/** Yields one request. */
export async function* once<T>(message: T): AsyncGenerator<T> {
  yield message;
}
