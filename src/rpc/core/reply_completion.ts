/**
 * Detects the end of a reply: at once for a single one, after the last message for a stream.
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import { RpcError } from "../../errors.ts";
import type { InterceptedReply } from "./types.ts";

/** Calls `end` once at the end of `reply`, with the error if it failed. Returns the reply to forward. */
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

/** Iterates over `source`; runs each `next()` inside `within`. */
async function* watched(
  source: AsyncIterable<unknown> | Iterable<unknown>,
  end: (error?: unknown) => void,
  within: <T>(body: () => T) => T,
): AsyncGenerator<unknown, void, void> {
  const iterator = Symbol.asyncIterator in source
    ? source[Symbol.asyncIterator]()
    : source[Symbol.iterator]();
  // Error for an iteration that is left early, which cancels the call.
  let error: unknown = new RpcError(Status.CANCELLED, "The replies were not read to the end");
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
