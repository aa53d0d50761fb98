/**
 * When a reply has ended: at once for a single one, with its last message for a stream.
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import { RpcError } from "../../errors.ts";
import type { InterceptedReply } from "./types.ts";

/** Calls `end` once when `reply` has ended, with the error if it failed. Returns the reply to pass on. */
export function onReplyEnd(
  reply: InterceptedReply,
  end: (error?: unknown) => void,
  within: <T>(body: () => T) => T = (body) => body(),
): InterceptedReply {
  if (!reply.stream) {
    end();
    return reply;
  }
  reply.message = watched(reply.message as AsyncIterable<unknown>, end, within);
  return reply;
}

/** The messages of `source`, each asked for by `within`. */
async function* watched(
  source: AsyncIterable<unknown>,
  end: (error?: unknown) => void,
  within: <T>(body: () => T) => T,
): AsyncGenerator<unknown, void, void> {
  const iterator = source[Symbol.asyncIterator]();
  // Leaving the iteration early gives the call up.
  let error: unknown = new RpcError(Status.CANCELLED, "The replies were not read to their end");
  let done = false;
  try {
    for (;;) {
      const step = await within(() => iterator.next());
      if (step.done) {
        done = true;
        error = undefined;
        return;
      }
      yield step.value;
    }
  } catch (thrown) {
    done = true;
    error = thrown;
    throw thrown;
  } finally {
    if (!done) await iterator.return?.();
    end(error);
  }
}
