/**
 * Methods of a server.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import { bytesCodec } from "../codec/bytes.ts";
import type { MethodKind } from "../call/method.ts";
import type { MethodInfo } from "../rpc/core/types.ts";
import { textOf } from "../errors.ts";
import { Status } from "./constants.ts";
import type { ServerMethodDefinition } from "./definitions.ts";
import { SEND_ERROR_DETAILS } from "./environment.ts";
import type { UntypedHandleCall } from "./server_surface.ts";
import type { PartialStatusObject } from "./status.ts";

/** Kinds of handlers, in the words of grpc-js. */
export type HandlerType = "unary" | "clientStream" | "serverStream" | "bidi";

/** Method with its handler. Calls of it are dispatched as streams, unless it is unary and has no interceptors. */
export class HandledMethod {
  /** The method as the dispatcher finds it. */
  readonly info: MethodInfo;
  /** The method behind interceptors, which may answer with any number of replies. */
  readonly streamed: MethodInfo;

  /** Makes a method. */
  constructor(
    readonly path: string,
    readonly type: HandlerType,
    readonly handler: UntypedHandleCall,
    readonly serialize: (value: unknown) => Buffer,
    readonly deserialize: (bytes: Buffer) => unknown,
  ) {
    this.info = new DispatchedMethod(this, type === "unary" ? "unary" : "bidi_streaming");
    this.streamed = new DispatchedMethod(this, "bidi_streaming");
  }

  /** Returns the method for interceptors. */
  definition(): ServerMethodDefinition<unknown, unknown> {
    return {
      path: this.path,
      requestStream: this.type === "clientStream" || this.type === "bidi",
      responseStream: this.type === "serverStream" || this.type === "bidi",
      responseSerialize: this.serialize,
      requestDeserialize: this.deserialize,
    };
  }
}

/** Method of a dispatcher. */
export class DispatchedMethod implements MethodInfo {
  readonly path: string;
  readonly requestCodec = bytesCodec;
  readonly responseCodec = bytesCodec;

  /** Makes a method whose calls `handled` handles. */
  constructor(readonly handled: HandledMethod, readonly kind: MethodKind) {
    this.path = handled.path;
  }
}

/** Returns the status of a call whose handler or codec has thrown. Its text names the exception only on demand. */
export function thrownStatus(
  code: Status,
  generic: string,
  prefix: string,
  error: unknown,
): PartialStatusObject {
  return { code, details: SEND_ERROR_DETAILS ? `${prefix}${textOf(error)}` : generic };
}

/** Returns the status of a call whose handler has thrown. */
export function handlerStatus(error: unknown): PartialStatusObject {
  const prefix = "Server method handler threw error ";
  return thrownStatus(Status.UNKNOWN, "Unknown error", prefix, error);
}

/** Returns the status of a call whose request cannot be decoded. */
export function requestStatus(error: unknown): PartialStatusObject {
  const text = "Error deserializing request";
  return thrownStatus(Status.INTERNAL, text, `${text}: `, error);
}

/** Returns the status of a call whose reply cannot be encoded. */
export function replyStatus(error: unknown): PartialStatusObject {
  const text = "Error serializing response";
  return thrownStatus(Status.INTERNAL, text, `${text}: `, error);
}

/** Returns the status of a call whose reply exceeds the limit. */
export function oversizeStatus(bytes: number, maxBytes: number): PartialStatusObject {
  return {
    code: Status.RESOURCE_EXHAUSTED,
    // grpc-js counts the prefix of five bytes.
    details: `Sent message larger than max (${bytes + 5} vs. ${maxBytes})`,
  };
}
