/**
 * Services with handlers as grpc-js has them: what adds them is loaded when a router gets the first.
 *
 * @module
 */

import type { HandlersByKind, MethodSpec } from "./handlers.ts";
import type { MethodKind } from "../../call/method.ts";

/** Router, as far as the room needs it. */
export interface MethodAdder {
  /** Adds a method, as a router does. */
  method<Req = Uint8Array, Res = Uint8Array, K extends MethodKind = "unary">(
    name: string,
    spec: MethodSpec<Req, Res, K>,
    handler: HandlersByKind<NoInfer<Req>, NoInfer<Res>>[K],
  ): unknown;
}

/** Room that knows the handlers of grpc-js. */
export interface DefinitionAdder {
  /** Adds the methods of a definition. Throws if the definition or the implementation is not valid. */
  addService(router: MethodAdder, definition: never, implementation: never): void;
}

let load: (() => Promise<DefinitionAdder>) | undefined;

/** Sets what loads the room: it stands above this one. */
export function provideDefinitionAdder(loader: () => Promise<DefinitionAdder>): void {
  load = loader;
}

/** Loads the room. Rejects with TypeError where the package's entry point is not loaded. */
export async function definitionAdder(): Promise<DefinitionAdder> {
  if (load !== undefined) return await load();
  throw new TypeError(
    "Cannot add a definition of grpc-js: import @vrpc/vrpc, or use addService of @vrpc/vrpc/grpc-js/native",
  );
}
