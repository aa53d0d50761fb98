/**
 * Makes calls of each kind: directly, or through interceptors and credentials.
 *
 * @module
 */

import type { Metadata } from "../../call/metadata.ts";
import { isInstance, RpcError } from "../../errors.ts";
import { type ClientMethod, encodeRequest } from "../client/call_core.ts";
import { atCaller, nameCall, rejectAtCaller } from "../client/call_error.ts";
import type { ChannelAssembly } from "./assembly.ts";
import { callUnary } from "../client/unary_call.ts";
import { chain, interceptSingle, interceptStream } from "../client/interceptors.ts";
import { ClientStream } from "../client/streaming_call.ts";
import {
  bytesOf,
  IterableSession,
  type Session,
  StreamSession,
  TypedSession,
} from "../client/session.ts";
import {
  checkMessages,
  type Messages,
  replies,
  singleReply,
  startSingle,
  startStreaming,
} from "../client/stream_adapters.ts";
import type { CallOptions, Next } from "../core/types.ts";

/** Makes the calls of one channel. */
export class CallFactory {
  readonly #assembly: ChannelAssembly;
  /** Whether every call passes through interceptors or credentials of the channel. */
  readonly #intercepted: boolean;
  readonly #chains = new WeakMap<ClientMethod, Next>();

  constructor(assembly: ChannelAssembly) {
    this.#assembly = assembly;
    const { interceptors, credentials } = assembly.middleware;
    this.#intercepted = interceptors.length > 0 || credentials !== undefined;
  }

  /** Returns the function that calls `method`. */
  bind(method: ClientMethod): (message: unknown, options?: CallOptions) => unknown {
    switch (method.kind) {
      case "unary":
        return (message, options) => this.unary(method, message, options);
      case "client_streaming":
        return (message, options) => this.clientStreaming(method, message as Messages, options);
      case "server_streaming":
        return (message, options) => this.serverStreaming(method, message, options);
      case "bidi_streaming":
        return (message, options) =>
          message === undefined
            ? this.typedSession(method, options)
            : this.bidiStreaming(method, message as Messages, options);
    }
  }

  /** Makes a unary call. */
  unary(method: ClientMethod, message: unknown, options?: CallOptions): Promise<unknown> {
    const { core } = this.#assembly;
    if (this.#intercepted || options?.credentials !== undefined) {
      return interceptSingle(core, method, this.#chain(method), message, options);
    }
    try {
      return callUnary(core, method, encodeRequest(method, message), options);
    } catch (error) {
      if (!isInstance(error, RpcError)) return Promise.reject(error);
      return rejectAtCaller(nameCall(error, method.path, core.target));
    }
  }

  /** Makes a client-streaming call. */
  async clientStreaming(
    method: ClientMethod,
    messages: Messages,
    options?: CallOptions,
  ): Promise<unknown> {
    const { core } = this.#assembly;
    checkMessages(method, messages);
    if (this.#intercepted || options?.credentials !== undefined) {
      return await interceptSingle(core, method, this.#chain(method), messages, options);
    }
    return await singleReply(startStreaming(core, method, messages, options), method);
  }

  /** Makes a server-streaming call. */
  serverStreaming(
    method: ClientMethod,
    message: unknown,
    options?: CallOptions,
  ): AsyncIterable<unknown> {
    const { core } = this.#assembly;
    if (this.#intercepted || options?.credentials !== undefined) {
      return interceptStream(core, method, this.#chain(method), message, options);
    }
    return replies(startSingle(core, method, this.#encode(method, message), options), method);
  }

  /** Makes a bidirectional call. */
  bidiStreaming(
    method: ClientMethod,
    messages: Messages,
    options?: CallOptions,
  ): AsyncIterable<unknown> {
    const { core } = this.#assembly;
    checkMessages(method, messages);
    if (this.#intercepted || options?.credentials !== undefined) {
      return interceptStream(core, method, this.#chain(method), messages, options);
    }
    return replies(startStreaming(core, method, messages, options), method);
  }

  /** Opens a session of bytes. */
  session(method: ClientMethod, options: CallOptions): Session {
    if (this.#intercepted || options.credentials !== undefined) {
      return this.#interceptedSession(method, options, bytesOf);
    }
    return new StreamSession(new ClientStream(this.#assembly.core, method, options).begin());
  }

  /** Opens a session of the method's messages. */
  typedSession(method: ClientMethod, options: CallOptions = {}): Session<unknown, unknown> {
    if (this.#intercepted || options.credentials !== undefined) {
      return this.#interceptedSession<unknown, unknown>(method, options, (message) => message);
    }
    return new TypedSession(new ClientStream(this.#assembly.core, method, options).begin(), method);
  }

  #interceptedSession<Req, Res>(
    method: ClientMethod,
    options: CallOptions,
    prepare: (message: Req) => Req,
  ): Session<Req, Res> {
    const { core } = this.#assembly;
    return new IterableSession<Req, Res>(
      (requests, signal, onEnd, tellHeaders) => {
        const onHeaders = (headers: Metadata) => {
          tellHeaders(headers);
          return options.onHeaders?.(headers);
        };
        const inner = { ...options, signal, onHeaders };
        const next = this.#chain(method);
        return interceptStream(core, method, next, requests, inner, onEnd) as AsyncIterable<Res>;
      },
      prepare,
      options.signal,
    );
  }

  /** Encodes the request of a call. Adds the method and the target to an RpcError that the codec causes. */
  #encode(method: ClientMethod, message: unknown): Uint8Array {
    try {
      return encodeRequest(method, message);
    } catch (error) {
      if (!isInstance(error, RpcError)) throw error;
      throw atCaller(nameCall(error, method.path, this.#assembly.core.target), this.#encode);
    }
  }

  #chain(method: ClientMethod): Next {
    let next = this.#chains.get(method);
    if (next === undefined) {
      try {
        next = chain(this.#assembly.middleware, method);
      } catch (error) {
        return () => Promise.reject(error);
      }
      this.#chains.set(method, next);
    }
    return next;
  }
}
