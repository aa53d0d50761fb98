/**
 * Turns the events of a call into those of what its caller got: events, replies and the callback.
 *
 * @module
 */

import type { EventEmitter } from "node:events";
import type { Readable } from "node:stream";
import type { InterceptingCallInterface } from "./client_interceptors.ts";
import { Status } from "./constants.ts";
import type { InterceptingListener } from "./listener.ts";
import type { Metadata } from "./metadata.ts";
import { callErrorFromStatus, type ServiceError, type StatusObject } from "./status.ts";

/** Receives the events of a call for its caller. */
export interface CallEvents extends InterceptingListener {
  /** Sets the call, before it starts. */
  begin(call: InterceptingCallInterface): void;
}

/** Events of calls with one reply. */
export class SingleReplyEvents implements CallEvents {
  readonly #emitter: EventEmitter;
  readonly #callback: (error: ServiceError | null, value?: never) => void;
  /** Stack of the code that made the call; dropped with the status. */
  #caller: Error | undefined = new Error();
  #call: InterceptingCallInterface | undefined;
  #reply: unknown = null;
  #ended = false;

  /** `callback` gets the reply or the error, `emitter` the other events. */
  constructor(
    emitter: EventEmitter,
    callback: (error: ServiceError | null, value?: never) => void,
  ) {
    this.#emitter = emitter;
    this.#callback = callback;
  }

  begin(call: InterceptingCallInterface): void {
    this.#call = call;
  }

  onReceiveMetadata(metadata: Metadata): void {
    this.#emitter.emit("metadata", metadata);
  }

  onReceiveMessage(message: unknown): void {
    if (this.#reply !== null) {
      this.#call!.cancelWithStatus(Status.UNIMPLEMENTED, "Too many responses received");
    }
    this.#reply = message;
    this.#call!.startRead();
  }

  onReceiveStatus(status: StatusObject): void {
    if (this.#ended) return;
    this.#ended = true;
    const caller = this.#caller;
    this.#caller = undefined;
    if (status.code !== Status.OK) {
      this.#callback(callErrorFromStatus(status, caller));
    } else if (this.#reply === null) {
      const { metadata } = status;
      const missing = { code: Status.UNIMPLEMENTED, details: "No message received", metadata };
      this.#callback(callErrorFromStatus(missing, caller));
    } else {
      this.#callback(null, this.#reply as never);
    }
    this.#emitter.emit("status", status);
  }
}

/** Events of calls with a stream of replies. */
export class ReplyStreamEvents implements CallEvents {
  readonly #stream: Readable;
  #caller: Error | undefined = new Error();
  #ended = false;

  /** `stream` gets the replies and all events. */
  constructor(stream: Readable) {
    this.#stream = stream;
  }

  begin(): void {}

  onReceiveMetadata(metadata: Metadata): void {
    this.#stream.emit("metadata", metadata);
  }

  onReceiveMessage(message: unknown): void {
    this.#stream.push(message);
  }

  onReceiveStatus(status: StatusObject): void {
    if (this.#ended) return;
    this.#ended = true;
    const caller = this.#caller;
    this.#caller = undefined;
    this.#stream.push(null);
    if (status.code !== Status.OK) this.#stream.emit("error", callErrorFromStatus(status, caller));
    this.#stream.emit("status", status);
  }
}
