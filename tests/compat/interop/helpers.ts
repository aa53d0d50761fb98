/**
 * What the interoperability cases share.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Channel, RpcError, type Status } from "../../../mod.ts";

/** One case: makes calls on the channel, throws when something is not as it must be. */
export type Case = (channel: Channel) => Promise<void>;

/** A message's payload of `size` zeros. */
export const zeros = (size: number) => ({ body: new Uint8Array(size) });

/** Request and response of the cases called large. */
export const LARGE_REQUEST = 271828;
/** Size of the reply that the cases called large ask for. */
export const LARGE_RESPONSE = 314159;

/** Awaits a failure with this code. */
export async function failsWith(call: Promise<unknown>, code: Status, message?: string) {
  const error = await call.then(() => undefined, (thrown) => thrown);
  assert(error instanceof RpcError, `The call must fail with an RpcError, got ${error}`);
  assert.equal(error.code, code, `${error.codeName}: ${error.message}`);
  if (message !== undefined) assert.equal(error.message, message);
}

/** Every message of a stream. */
export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const message of stream) all.push(message);
  return all;
}

/** One message as a stream of requests. */
export async function* once<T>(message: T): AsyncGenerator<T> {
  yield message;
}
