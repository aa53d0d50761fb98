/**
 * A single call before the load, to report a missing method once.
 *
 * @module
 */

import { RpcError, Status } from "../../mod.ts";
import {
  type CallSpec,
  channelTarget,
  type RawChannel,
} from "../../src/load/generate/channel_target.ts";
import { UsageError } from "../shared/program.ts";

/**
 * Makes one call. Rejects with {@link UsageError} when the server has no such method or can't be reached; the
 * run counts other failures.
 */
export async function probe(
  channel: RawChannel,
  spec: CallSpec,
  timeoutMs: number,
): Promise<void> {
  try {
    await channelTarget([channel], 1, { timeoutMs, ...spec }).call(0, 0);
  } catch (error) {
    const { code, message } = RpcError.from(error);
    if (code === Status.UNIMPLEMENTED) {
      throw new UsageError(`The server has no method ${spec.path}: ${message}`);
    }
    if (code === Status.UNAVAILABLE) throw new UsageError(message);
  }
}
