/**
 * Listeners of client calls: events on their way from the wire through interceptors to the caller.
 *
 * @module
 */

import type { Metadata } from "./metadata.ts";
import type { StatusObject } from "./status.ts";

/** Passes response headers on with `next`. */
export type MetadataListener = (metadata: Metadata, next: (metadata: Metadata) => void) => void;

/** Passes a reply on with `next`. */
// deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
export type MessageListener = (message: any, next: (message: any) => void) => void;

/** Passes the status on with `next`. */
export type StatusListener = (status: StatusObject, next: (status: StatusObject) => void) => void;

/** Listener of an interceptor with all its functions. */
export interface FullListener {
  /** Called with the response headers. */
  onReceiveMetadata: MetadataListener;
  /** Called with each reply. */
  onReceiveMessage: MessageListener;
  /** Called with the status. */
  onReceiveStatus: StatusListener;
}

/** Listener of an interceptor. What is absent passes events on. */
export type Listener = Partial<FullListener>;

/** Receives the events of a call. */
export interface InterceptingListener {
  /** Called with the response headers. */
  onReceiveMetadata(metadata: Metadata): void;
  /** Called with each reply. */
  // deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
  onReceiveMessage(message: any): void;
  /** Called once with the status. */
  onReceiveStatus(status: StatusObject): void;
}

/** Whether a listener receives events, as opposed to that of an interceptor, whose functions also take `next`. */
export function isInterceptingListener(
  listener: Partial<FullListener> | InterceptingListener,
): listener is InterceptingListener {
  return listener.onReceiveMetadata?.length === 1;
}

/** Listener of an interceptor, in front of the next one. It keeps the order of events that are passed on late. */
export class ChainedListener implements InterceptingListener {
  readonly #own: Listener;
  readonly #next: InterceptingListener;
  #metadataPending = false;
  #messagePending = false;
  #heldMessage: { message: unknown } | undefined;
  #heldStatus: StatusObject | undefined;

  /** Puts `own` in front of `next`. */
  constructor(own: Listener, next: InterceptingListener) {
    this.#own = own;
    this.#next = next;
  }

  onReceiveMetadata(metadata: Metadata): void {
    const { onReceiveMetadata } = this.#own;
    if (onReceiveMetadata === undefined) return this.#next.onReceiveMetadata(metadata);
    this.#metadataPending = true;
    this.#own.onReceiveMetadata!(metadata, (passed) => {
      this.#metadataPending = false;
      this.#next.onReceiveMetadata(passed);
      const held = this.#heldMessage;
      this.#heldMessage = undefined;
      if (held !== undefined) this.#next.onReceiveMessage(held.message);
      this.#passHeldStatus();
    });
  }

  onReceiveMessage(message: unknown): void {
    this.#messagePending = true;
    const pass = (passed: unknown) => {
      this.#messagePending = false;
      if (this.#metadataPending) {
        this.#heldMessage = { message: passed };
        return;
      }
      this.#next.onReceiveMessage(passed);
      this.#passHeldStatus();
    };
    if (this.#own.onReceiveMessage === undefined) pass(message);
    else this.#own.onReceiveMessage(message, pass);
  }

  onReceiveStatus(status: StatusObject): void {
    const pass = (passed: StatusObject) => {
      if (this.#metadataPending || this.#messagePending) this.#heldStatus = passed;
      else this.#next.onReceiveStatus(passed);
    };
    if (this.#own.onReceiveStatus === undefined) pass(status);
    else this.#own.onReceiveStatus(status, pass);
  }

  #passHeldStatus(): void {
    const held = this.#heldStatus;
    if (held === undefined || this.#metadataPending || this.#messagePending) return;
    this.#heldStatus = undefined;
    this.#next.onReceiveStatus(held);
  }
}

/** Builds a {@link Listener} step by step. */
export class ListenerBuilder {
  #listener: Listener = {};

  /** Sets the function for response headers. */
  withOnReceiveMetadata(onReceiveMetadata: MetadataListener): this {
    this.#listener.onReceiveMetadata = onReceiveMetadata;
    return this;
  }

  /** Sets the function for replies. */
  withOnReceiveMessage(onReceiveMessage: MessageListener): this {
    this.#listener.onReceiveMessage = onReceiveMessage;
    return this;
  }

  /** Sets the function for the status. */
  withOnReceiveStatus(onReceiveStatus: StatusListener): this {
    this.#listener.onReceiveStatus = onReceiveStatus;
    return this;
  }

  /** Returns the listener. */
  build(): Listener {
    return {
      onReceiveMetadata: this.#listener.onReceiveMetadata,
      onReceiveMessage: this.#listener.onReceiveMessage,
      onReceiveStatus: this.#listener.onReceiveStatus,
    };
  }
}
