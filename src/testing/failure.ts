/**
 * Failures of calls.
 *
 * @module
 */

import { RpcError } from "../errors.ts";

/**
 * Resolves to the RpcError with which a call fails. Rejects with an Error if the call succeeds, and with what it fails
 * with if that is no RpcError.
 *
 * ```ts
 * import { Status } from "@vrpc/vrpc";
 * import { failure, testServer } from "@vrpc/vrpc/testing";
 *
 * await using test = await testServer(() => {});
 * const error = await failure(test.channel.call("/missing", new Uint8Array()));
 * console.assert(error.code === Status.UNIMPLEMENTED);
 * ```
 *
 * @category Testing
 */
export async function failure(call: PromiseLike<unknown>): Promise<RpcError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof RpcError) return error;
    throw error;
  }
  throw new Error("The call succeeded: expected it to fail");
}
