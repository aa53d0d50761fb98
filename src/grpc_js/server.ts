/**
 * Servers with the interface of grpc-js.
 *
 * @module
 */

import type { Duplex } from "node:stream";
import { ServerCredentials } from "./server_credentials.ts";
import { BoundAddresses, type Serving } from "./bound_addresses.ts";
import type { ServiceDefinition } from "./definitions.ts";
import { ServiceDispatcher } from "./dispatcher.ts";
import { Injectors } from "./injector.ts";
import { HandledMethod, type HandlerType } from "./methods.ts";
import { type ChannelOptions, maxSendBytes, serveOptions } from "./options.ts";
import type { ServerInterceptor } from "./server_interceptors.ts";
import type {
  HandleCall,
  UntypedHandleCall,
  UntypedServiceImplementation,
} from "./server_surface.ts";
import { methodsOf } from "./service_methods.ts";
import type { ServeOptions } from "../rpc/server/options.ts";

/** Options of a server. */
export interface ServerOptions extends ChannelOptions {
  /** Interceptors of all calls, the last outermost. */
  interceptors?: ServerInterceptor[];
}

/** Serves connections that something else has accepted. */
export interface ConnectionInjector {
  /** Serves a connection. */
  injectConnection(connection: Duplex): void;
  /** Lets open calls finish for `graceTimeMs`, then closes the connections. */
  drain(graceTimeMs: number): void;
  /** Lets open calls finish, then closes the connections. */
  destroy(): void;
}

/** Server of services, on any number of addresses. */
export class Server {
  readonly #methods = new Map<string, HandledMethod>();
  readonly #options: ServeOptions;
  readonly #interceptors: readonly ServerInterceptor[];
  readonly #maxSendBytes: number;
  readonly #addresses: BoundAddresses;
  readonly #injectors = new Injectors();
  #started = false;
  #shutdown = false;

  /** Makes a server without services and addresses. */
  constructor(options: ServerOptions = {}) {
    const { interceptors = [], ...rest } = options;
    this.#interceptors = interceptors;
    this.#maxSendBytes = maxSendBytes(rest);
    this.#options = serveOptions(rest);
    this.#addresses = new BoundAddresses((credentials) => this.#serving(credentials));
  }

  #serving(credentials: ServerCredentials): Serving {
    const interceptors = [...credentials._getInterceptors(), ...this.#interceptors];
    const dispatcher = new ServiceDispatcher(this.#methods, interceptors, this.#maxSendBytes);
    const tls = credentials._tls();
    const options = { ...this.#options, dispatcher: () => dispatcher, ...(tls && { tls }) };
    return { dispatcher, options };
  }

  /** Throws: old servers had it. */
  addProtoService(): never {
    throw new Error("Not implemented. Use addService() instead");
  }

  /**
   * Adds the methods of a service, also while the server runs. Methods without a handler end with UNIMPLEMENTED. Throws
   * for a method that was already added.
   */
  addService(service: ServiceDefinition, implementation: UntypedServiceImplementation): void {
    for (const method of methodsOf(service, implementation)) {
      if (!this.#add(method)) {
        throw new Error(`Method handler for ${method.path} already provided.`);
      }
    }
  }

  #add(method: HandledMethod): boolean {
    if (this.#methods.has(method.path)) return false;
    this.#methods.set(method.path, method);
    return true;
  }

  /** Removes the methods of a service. Open calls go on. */
  removeService(service: ServiceDefinition): void {
    if (service === null || typeof service !== "object") {
      throw new Error("removeService() requires object as argument");
    }
    for (const name of Object.keys(service)) this.unregister(service[name].path);
  }

  /** Adds a method; false, without adding it, if its path is taken. */
  register<RequestType, ResponseType>(
    name: string,
    handler: HandleCall<RequestType, ResponseType>,
    serialize: (value: ResponseType) => Uint8Array,
    deserialize: (bytes: never) => RequestType,
    type: string,
  ): boolean {
    return this.#add(
      new HandledMethod(
        name,
        type as HandlerType,
        handler as UntypedHandleCall,
        serialize as HandledMethod["serialize"],
        deserialize as HandledMethod["deserialize"],
      ),
    );
  }

  /** Removes a method; true if there was one. */
  unregister(name: string): boolean {
    return this.#methods.delete(name);
  }

  /** Throws: old servers had it. */
  bind(): never {
    throw new Error("Not implemented. Use bindAsync() instead");
  }

  /**
   * Listens on an address: `host:port`, `unix:path` and the others of the address grammar. Calls `callback` with the
   * port, 1 for addresses without one, or with an error. Throws for arguments that are not valid.
   */
  bindAsync(
    port: string,
    creds: ServerCredentials,
    callback: (error: Error | null, port: number) => void,
  ): void {
    if (this.#shutdown) throw new Error("bindAsync called after shutdown");
    if (typeof port !== "string") throw new TypeError("port must be a string");
    checkCredentials(creds);
    if (typeof callback !== "function") throw new TypeError("callback must be a function");
    this.#addresses.bind(port, creds).then(
      (bound) => queueMicrotask(() => callback(null, bound)),
      (error) => queueMicrotask(() => callback(error, 0)),
    );
  }

  /** Stops listening on an address and closes its connections once their calls have ended. Throws for port 0. */
  unbind(port: string): void {
    this.#addresses.unbind(port);
  }

  /**
   * Lets the calls on the connections of an address finish for `graceTimeMs`, then closes these connections; goes on
   * listening. Throws for port 0.
   */
  drain(port: string, graceTimeMs: number): void {
    this.#addresses.drain(port, graceTimeMs);
  }

  /** Makes an injector of connections that something else has accepted. */
  createConnectionInjector(credentials: ServerCredentials): ConnectionInjector {
    checkCredentials(credentials);
    return this.#injectors.make(this.#serving(credentials).options);
  }

  /** Closes all connections at once and cancels open calls. */
  forceShutdown(): void {
    this.#shutdown = true;
    this.#addresses.close();
    this.#injectors.close();
  }

  /**
   * Checks that an address is bound. Throws otherwise, or if called twice.
   *
   * @deprecated It is not necessary any more.
   */
  start(): void {
    if (!this.#addresses.listening) throw new Error("server must be bound in order to start");
    if (this.#started) throw new Error("server is already started");
    this.#started = true;
  }

  /** Stops listening and lets open calls finish; calls `callback` when all connections are closed. */
  tryShutdown(callback: (error?: Error) => void): void {
    this.#shutdown = true;
    Promise.all([this.#addresses.shutdown(), this.#injectors.shutdown()]).then(
      () => queueMicrotask(() => callback()),
      (error) => queueMicrotask(() => callback(error)),
    );
  }

  /** Throws: grpc-js has never had it. */
  addHttp2Port(): never {
    throw new Error("Not yet implemented");
  }
}

function checkCredentials(credentials: unknown): void {
  if (credentials instanceof ServerCredentials) return;
  throw new TypeError("creds must be a ServerCredentials object");
}
