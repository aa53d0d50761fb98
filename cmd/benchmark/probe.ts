/**
 * A single call before the load, to report a missing method or a silent server once.
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
 * Makes one call, with the deadline of the spec, else `timeoutMs`. Rejects with {@link UsageError} when the server has no
 * such method, can't be reached or does not answer within `timeoutMs`; the run counts other failures.
 */
export async function probe(
  channel: RawChannel,
  spec: CallSpec,
  timeoutMs: number,
): Promise<void> {
  const probed = { ...spec, timeoutMs: spec.timeoutMs ?? timeoutMs };
  const startMs = performance.now();
  try {
    await channelTarget([channel], 1, probed).call(0, 0);
  } catch (error) {
    const { code, message } = RpcError.from(error);
    if (code === Status.UNIMPLEMENTED) {
      throw new UsageError(`The server has no method ${spec.path}: ${message}`);
    }
    if (code === Status.UNAVAILABLE && channel.state !== "READY") throw new UsageError(message);
    // A handler may fail with the same code at once; its timer may be a little early.
    const late = performance.now() - startMs > timeoutMs * 0.9;
    if (code === Status.DEADLINE_EXCEEDED && spec.timeoutMs === undefined && late) {
      throw new UsageError(
        `A first call of ${spec.path} did not end within ${timeoutMs} ms: ` +
          "set the deadline of slow calls with --timeout",
      );
    }
  }
}
