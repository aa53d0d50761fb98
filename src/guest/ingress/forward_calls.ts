/**
 * Calls of programs on the parent, forwarded to guests over one shared channel.
 *
 * @module
 */

import type { Metadata } from "../../call/metadata.ts";
import { bytesCodec } from "../../codec/bytes.ts";
import type { Channel } from "../../rpc/channel/channel.ts";
import type { Session } from "../../rpc/client/session.ts";
import type { HandlerContext, MethodInfo } from "../../rpc/core/types.ts";
import type { Dispatcher, DispatcherWrapper } from "../../rpc/dispatch/dispatcher.ts";

/** Longest path that is forwarded, in UTF-16 units. */
const MAX_PATH_CHARS = 1_024;

/**
 * Forwards every call that the server has no method for to a channel, as bytes: the messages are not decoded. Use it as the
 * option `dispatcher` of `serve`, so that many programs share the connections of one channel to a guest. Metadata,
 * deadlines, cancellation, trailers and error details pass; so does back-pressure.
 *
 * ```ts
 * import { connect, serve } from "@vrpc/vrpc";
 * import { forwardCalls } from "@vrpc/vrpc/guest";
 *
 * const guests = connect(["vsock:16:5000", "vsock:17:5000"], { healthCheck: { service: "" } });
 * await serve("unix:/run/guests.sock", () => {}, { dispatcher: forwardCalls(guests) });
 * ```
 *
 * @category Ingress
 */
export function forwardCalls(channel: Channel): DispatcherWrapper {
  return (next) => new Forwarder(channel, next);
}

/** Runs the calls of another dispatcher, and forwards the others. */
class Forwarder implements Dispatcher {
  readonly #channel: Channel;
  readonly #own: Dispatcher;

  constructor(channel: Channel, own: Dispatcher) {
    this.#channel = channel;
    this.#own = own;
  }

  find(path: string): MethodInfo | undefined {
    const own = this.#own.find(path);
    if (own !== undefined || path.length > MAX_PATH_CHARS) return own;
    // On the wire, every kind of method is a stream of messages each way.
    return { path, kind: "bidi_streaming", requestCodec: bytesCodec, responseCodec: bytesCodec };
  }

  dispatch(
    method: MethodInfo,
    request: Uint8Array | AsyncIterable<Uint8Array>,
    context: HandlerContext,
    lend?: boolean,
  ) {
    if (this.#own.find(method.path) !== undefined) {
      return this.#own.dispatch(method, request, context, lend);
    }
    return this.#forward(method.path, request as AsyncIterable<Uint8Array>, context);
  }

  async *#forward(
    path: string,
    requests: AsyncIterable<Uint8Array>,
    context: HandlerContext,
  ): AsyncGenerator<Uint8Array> {
    const session = this.#channel.session(path, {
      metadata: context.metadata,
      signal: context.signal,
      parent: context,
      onHeaders: (headers) => copy(headers, context.responseHeaders),
      onTrailers: (trailers) => copy(trailers, context.responseTrailers),
    });
    try {
      sendAll(requests, session);
      for await (const reply of session) yield reply;
    } finally {
      session.cancel();
    }
  }
}

/** Sends the requests as they come. Never rejects: the session's own error ends the call. */
async function sendAll(requests: AsyncIterable<Uint8Array>, session: Session): Promise<void> {
  try {
    for await (const request of requests) await session.send(request);
    session.closeSend();
  } catch {
    // The caller has gone, or the guest has ended the call already.
    session.cancel();
  }
}

function copy(from: Metadata, to: Metadata): void {
  for (const [key, value] of from) to.append(key, value);
}
