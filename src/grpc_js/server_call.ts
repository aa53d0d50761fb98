/**
 * Calls of a server behind its interceptors: encoded messages, from and to the dispatcher's streams.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { isInstance, RpcError } from "../errors.ts";
import type { HandlerContext } from "../rpc/core/types.ts";
import type { AuthContext } from "./call_interface.ts";
import {
  addTo,
  authContextIn,
  connectionInfoIn,
  deadlineIn,
  errorOf,
  sendHeaders,
} from "./context_facts.ts";
import { Status } from "./constants.ts";
import type { Deadline } from "./deadline.ts";
import { fromWire, type Metadata } from "./metadata.ts";
import { type HandledMethod, oversizeStatus, replyStatus, requestStatus } from "./methods.ts";
import type {
  ConnectionInfo,
  InterceptingServerListener,
  ServerInterceptingCallInterface,
} from "./server_interceptors.ts";
import type { PartialStatusObject } from "./status.ts";

/** The innermost call. Requests are read one by one, replies are written with back-pressure. */
export class StreamServerCall implements ServerInterceptingCallInterface {
  /** Called once after the status was sent. */
  onEnded: (() => void) | undefined = undefined;
  readonly #method: HandledMethod;
  readonly #requests: AsyncIterator<Uint8Array>;
  readonly #context: HandlerContext;
  readonly #maxSendBytes: number;
  readonly #local: string | undefined;
  #listener: InterceptingServerListener | undefined = undefined;
  #reading = false;
  #headersSent = false;
  /** Whether the status was sent, or the call was cancelled. */
  #over = false;

  /** Makes a call on the streams of a dispatched one. */
  constructor(
    method: HandledMethod,
    requests: AsyncIterable<Uint8Array>,
    context: HandlerContext,
    maxSendBytes: number,
    local: string | undefined,
  ) {
    this.#local = local;
    this.#method = method;
    this.#requests = requests[Symbol.asyncIterator]();
    this.#context = context;
    this.#maxSendBytes = maxSendBytes;
  }

  start(listener: InterceptingServerListener): void {
    if (this.#over) return;
    this.#listener = listener;
    const { signal } = this.#context;
    if (signal.aborted) return this.#cancel();
    signal.addEventListener("abort", () => this.#cancel(), { once: true });
    listener.onReceiveMetadata(fromWire(this.#context.metadata));
  }

  #cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#listener?.onCancel();
  }

  startRead(): void {
    if (this.#over || this.#reading) return;
    this.#reading = true;
    this.#requests.next().then(
      (step) => this.#onRequest(step),
      (error) => this.#onReadError(error),
    );
  }

  #onRequest(step: IteratorResult<Uint8Array>): void {
    this.#reading = false;
    if (this.#over) return;
    if (step.done) return this.#listener!.onReceiveHalfClose();
    const { buffer, byteOffset, byteLength } = step.value;
    let message: unknown;
    try {
      message = this.#method.deserialize(Buffer.from(buffer, byteOffset, byteLength));
    } catch (error) {
      return this.sendStatus(requestStatus(error));
    }
    this.#listener!.onReceiveMessage(message);
  }

  #onReadError(error: unknown): void {
    this.#reading = false;
    // A cancelled call rejects its reads as well.
    if (this.#over || this.#context.signal.aborted) return;
    const { code, message } = isInstance(error, RpcError) ? error : RpcError.from(error);
    this.sendStatus({ code, details: message });
  }

  sendMetadata(metadata: Metadata): void {
    if (this.#over || this.#headersSent) return;
    this.#headersSent = true;
    sendHeaders(this.#context, metadata);
  }

  sendMessage(message: unknown, callback: () => void): void {
    if (this.#over) return;
    let reply: Buffer;
    try {
      reply = this.#method.serialize(message);
    } catch (error) {
      return this.sendStatus(replyStatus(error));
    }
    if (reply.length > this.#maxSendBytes) {
      return this.sendStatus(oversizeStatus(reply.length, this.#maxSendBytes));
    }
    this.#headersSent = true;
    // A write rejects when the call is cancelled, which the signal reports.
    this.#context.stream.write(reply).then(callback, () => {});
  }

  sendStatus(status: PartialStatusObject): void {
    if (this.#over) return;
    this.#over = true;
    const { stream, responseTrailers } = this.#context;
    if (status.code === Status.OK) {
      addTo(responseTrailers, status.metadata);
      stream.end();
    } else {
      stream.fail(errorOf(status));
    }
    if (this.onEnded !== undefined) queueMicrotask(this.onEnded);
  }

  getPeer(): string {
    return this.#context.peer.address;
  }

  getDeadline(): Deadline {
    return deadlineIn(this.#context);
  }

  getHost(): string {
    return this.#context.authority;
  }

  getAuthContext(): AuthContext {
    return authContextIn(this.#context);
  }

  getConnectionInfo(): ConnectionInfo {
    return connectionInfoIn(this.#context, this.#local);
  }
}
