/**
 * Calls inside a worker of a {@link WorkerPool}.
 *
 * @module
 */

import { LOST_MESSAGE } from "../../bytes/lost_message.ts";
import { releaseMessage } from "../../bytes/pool.ts";
import { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import type { ServerCall, ServerCallSink } from "../../call/wire.ts";
import { epochMs, type FromWorker, postableMetadata, type ToWorker } from "./messages.ts";

const NO_SINK: ServerCallSink = {
  onMessage() {},
  onHalfClose() {},
  onCancel() {},
  onWritable() {},
};

/** Server call received by a worker from its pool, as a message instead of over a connection. */
export class WorkerCall implements ServerCall {
  readonly path: string;
  readonly encoding = "identity";
  readonly acceptedEncodings = "";
  readonly authority: string;
  readonly writable = true;
  readonly metadata: Metadata;
  sink: ServerCallSink = NO_SINK;
  closed = false;
  readonly #deadlineMs: number;
  readonly #id: number;
  readonly #post: (message: FromWorker, transfer: Transferable[]) => void;
  #headers: Metadata | undefined;
  #payload: Uint8Array | undefined;

  /** Creates the call of a message; `post` sends its reply, once. */
  constructor(
    call: Extract<ToWorker, { kind: "call" }>,
    post: (message: FromWorker, transfer: Transferable[]) => void,
  ) {
    this.path = call.path;
    this.authority = call.authority;
    this.#deadlineMs = call.deadlineMs;
    this.metadata = new Metadata(call.metadata);
    this.#id = call.id;
    this.#post = post;
  }

  get timeoutMs(): number {
    return Math.max(0, this.#deadlineMs - epochMs());
  }

  sendHeaders(metadata?: Metadata): void {
    this.#headers = metadata;
  }

  sendMessage(message: Uint8Array): void {
    this.#payload ??= message;
  }

  respond(message: Uint8Array): void {
    this.#payload = message;
    this.sendStatus(Status.OK, "");
  }

  sendStatus(code: Status, message: string, trailers?: Metadata): void {
    if (this.closed) return;
    this.closed = true;
    const reply = this.#payload;
    try {
      // Posting a view would copy its whole buffer.
      const payload = code === Status.OK ? reply?.slice() : undefined;
      const metadata = {
        headers: postableMetadata(this.#headers),
        trailers: postableMetadata(trailers),
      };
      const posted = { kind: "reply", id: this.#id, code, message, payload, ...metadata } as const;
      this.#post(posted, payload ? [payload.buffer] : []);
    } catch {
      // The pool waits for a reply, whatever became of the buffers that the handler gave.
      this.#post(lostReply(this.#id), []);
    }
    if (reply !== undefined) releaseMessage(reply);
  }

  setReadPaused(): void {}

  handlerDone(): void {}

  /** Cancels the call. Replies, so that the pool knows that the worker is idle. */
  cancel(): void {
    this.sink.onCancel(Status.CANCELLED, "The caller cancelled");
    this.sendStatus(Status.CANCELLED, "The caller cancelled");
  }
}

function lostReply(id: number): FromWorker {
  return {
    kind: "reply",
    id,
    code: Status.INTERNAL,
    message: LOST_MESSAGE,
    payload: undefined,
    headers: [],
    trailers: [],
  };
}
