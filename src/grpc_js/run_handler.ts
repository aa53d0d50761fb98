/**
 * Runs handlers of a server behind its interceptors.
 *
 * @module
 */

import type { EventEmitter } from "node:events";
import { Status } from "./constants.ts";
import type { Metadata } from "./metadata.ts";
import { type HandledMethod, handlerStatus } from "./methods.ts";
import type { StreamServerCall } from "./server_call.ts";
import type { ServerInterceptingCallInterface, ServerInterceptor } from "./server_interceptors.ts";
import {
  type sendUnaryData,
  ServerDuplexStreamImpl,
  ServerUnaryCallImpl,
  ServerWritableStreamImpl,
} from "./server_surface.ts";
import { serverErrorToStatus } from "./status.ts";

type Surface = EventEmitter & { cancelled: boolean; destroy?(): unknown };
type Run = (call: Surface, callback: sendUnaryData<unknown>) => void;

/** Runs a call through interceptors, the last of which is the outermost. */
export function runHandler(
  method: HandledMethod,
  base: StreamServerCall,
  interceptors: readonly ServerInterceptor[],
): void {
  const call = interceptors.reduce<ServerInterceptingCallInterface>(
    (inner, interceptor) => interceptor(method.definition(), inner),
    base,
  );
  new RunningHandler(method, base, call).start();
}

class RunningHandler {
  readonly #method: HandledMethod;
  readonly #base: StreamServerCall;
  readonly #call: ServerInterceptingCallInterface;
  #metadata: Metadata | undefined;
  #request: unknown;
  #hasRequest = false;
  #surface: Surface | undefined;

  constructor(
    method: HandledMethod,
    base: StreamServerCall,
    call: ServerInterceptingCallInterface,
  ) {
    this.#method = method;
    this.#base = base;
    this.#call = call;
  }

  start(): void {
    const { type, path } = this.#method;
    const takesStream = type === "clientStream" || type === "bidi";
    this.#call.start({
      onReceiveMetadata: (metadata) => {
        this.#metadata = metadata;
        if (takesStream) this.#run(new ServerDuplexStreamImpl(path, this.#call, metadata));
        else this.#call.startRead();
      },
      onReceiveMessage: (message) => {
        if (takesStream) (this.#surface as ServerDuplexStreamImpl).push(message);
        else this.#onRequest(message);
      },
      onReceiveHalfClose: () => {
        if (takesStream) (this.#surface as ServerDuplexStreamImpl).push(null);
        else this.#onSingleRequest();
      },
      onCancel: () => {
        const surface = this.#surface;
        if (surface === undefined) return;
        surface.cancelled = true;
        surface.emit("cancelled", "cancelled");
        surface.destroy?.();
      },
    });
  }

  #onRequest(message: unknown): void {
    if (this.#hasRequest) return this.#refuse("Received a second request message for");
    this.#hasRequest = true;
    this.#request = message;
    this.#call.startRead();
  }

  #onSingleRequest(): void {
    if (!this.#hasRequest) return this.#refuse("Received no request message for");
    const { type, path } = this.#method;
    const surface = type === "unary" ? ServerUnaryCallImpl : ServerWritableStreamImpl;
    this.#run(new surface(path, this.#call, this.#metadata!, this.#request));
  }

  #refuse(text: string): void {
    const { type, path } = this.#method;
    const kind = type === "unary" ? "unary" : "server streaming";
    const details = `${text} ${kind} method ${path}`;
    this.#call.sendStatus({ code: Status.UNIMPLEMENTED, details });
  }

  #run(surface: Surface): void {
    this.#surface = surface;
    this.#base.onEnded = () => surface.destroy?.();
    try {
      (this.#method.handler as unknown as Run)(surface, (error, value, trailer) => {
        if (error) return this.#call.sendStatus(serverErrorToStatus(error, trailer));
        this.#call.sendMessage(value, () =>
          this.#call.sendStatus({
            code: Status.OK,
            details: "OK",
            metadata: trailer ?? null,
          }));
      });
    } catch (error) {
      this.#call.sendStatus(handlerStatus(error));
    }
  }
}
