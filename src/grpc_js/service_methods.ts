/**
 * Methods of a definition with the handlers of an implementation.
 *
 * @module
 */

import type { MethodKind } from "../call/method.ts";
import { kindOf } from "../rpc/core/definitions.ts";
import { Status } from "./constants.ts";
import type { ServiceDefinition } from "./definitions.ts";
import { HandledMethod, type HandlerType } from "./methods.ts";
import type {
  sendUnaryData,
  ServerSurfaceCall,
  UntypedHandleCall,
  UntypedServiceImplementation,
} from "./server_surface.ts";

const TYPES: Readonly<Record<MethodKind, HandlerType>> = {
  unary: "unary",
  client_streaming: "clientStream",
  server_streaming: "serverStream",
  bidi_streaming: "bidi",
};

/**
 * Returns the methods of a service. Those without a handler end with UNIMPLEMENTED. Throws if an argument is not an object,
 * or the service has no methods.
 */
export function methodsOf(
  service: ServiceDefinition,
  implementation: UntypedServiceImplementation,
): HandledMethod[] {
  if (
    service === null || typeof service !== "object" ||
    implementation === null || typeof implementation !== "object"
  ) {
    throw new Error("addService() requires two objects as arguments");
  }
  const names = Object.keys(service);
  if (names.length === 0) throw new Error("Cannot add an empty service to a server");
  return names.map((name) => {
    const { originalName, path, responseSerialize, requestDeserialize } = service[name];
    const own = implementation[name] ??
      (typeof originalName === "string" ? implementation[originalName] : undefined);
    const type = TYPES[kindOf(service[name])];
    return new HandledMethod(
      path,
      type,
      own === undefined ? missingHandler(type, name) : own.bind(implementation),
      responseSerialize,
      requestDeserialize,
    );
  });
}

/** Returns the handler of a method that the implementation lacks. */
function missingHandler(type: HandlerType, name: string): UntypedHandleCall {
  const status = {
    code: Status.UNIMPLEMENTED,
    details: `The server does not implement the method ${name}`,
  };
  if (type === "unary" || type === "clientStream") {
    return (_call: ServerSurfaceCall, callback: sendUnaryData<unknown>) => callback(status, null);
  }
  return (call: ServerSurfaceCall) => {
    call.emit("error", status);
  };
}
