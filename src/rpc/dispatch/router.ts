/**
 * Registration of a server's services and methods.
 *
 * @module
 */

import type { DescService } from "@bufbuild/protobuf";
import type { MethodKind } from "../../call/method.ts";
import { checkFunctions } from "../../limits/ranges.ts";
import type { PeerInfo, ServerCall } from "../../call/wire.ts";
import type { HandlersByKind, MethodSpec, ServiceImplementation } from "./handlers.ts";
import { RegisteredMethod, Registry } from "./registry.ts";
import { definitionAdder, type MethodAdder } from "./definition_adder.ts";
import type { DefinedService } from "../core/definitions.ts";
import { onRejection } from "../core/promises.ts";
import type { Interceptor, MethodInfo } from "../core/types.ts";

/** Runs calls that arrive inside another call, such as those of a batch. */
export interface NestedCallHost {
  /**
   * Opens a virtual connection from `peer` that runs up to `maxHandlers` handlers at once; returns the function that
   * accepts its calls.
   */
  openNested(peer: PeerInfo, maxHandlers: number): (call: ServerCall) => void;
}

/**
 * Collects services and methods. `serve` passes one to its `configure` function.
 *
 * ```ts
 * import { jsonCodec, logCalls, serve } from "@vrpc/vrpc";
 *
 * const codec = jsonCodec<{ name: string }>();
 * await using server = await serve("127.0.0.1:50051", (router) => {
 *   router.use(logCalls());
 *   router.method("/greet", { requestCodec: codec, responseCodec: codec }, ({ name }) => ({
 *     name: `Hello, ${name}`,
 *   }));
 * });
 * ```
 *
 * @category Server
 */
export class Router {
  /**
   * Registry of the methods; the default dispatcher.
   *
   * @internal
   */
  readonly registry: Registry;
  /**
   * Whether the server accepts calls, for probes by HTTP; `addHealth` sets it.
   *
   * @internal
   */
  isServing: () => boolean = () => true;
  #interceptors: Interceptor[];
  #host: NestedCallHost | undefined = undefined;
  /** Definitions that are being added. */
  #adding: Promise<void>[] = [];
  #onDrain: (() => void)[] = [];
  #onClose: (() => Promise<void> | void)[] = [];

  /** Creates a router. `interceptors` go around `capabilities` and around the interceptors that `use` adds. */
  constructor(interceptors: readonly Interceptor[] = []) {
    this.registry = new Registry(interceptors);
    this.#interceptors = [...interceptors];
    checkFunctions("interceptors", this.#interceptors);
  }

  /**
   * Adds a protobuf service. Methods without a handler end with UNIMPLEMENTED. Throws TypeError for a handler without
   * a method of its name, and for a service that was already added.
   *
   * ```ts ignore
   * router.service(EchoService, { echo: (request) => ({ payload: request.payload }) });
   * ```
   */
  service<D extends DescService>(
    descriptor: D,
    implementation: Partial<ServiceImplementation<D>>,
  ): this {
    this.registry.register(
      descriptor,
      implementation as Readonly<Record<string, unknown>>,
      this.#interceptors,
    );
    return this;
  }

  /**
   * Adds a method by name. On gRPC the name is the path, with a slash added in front if it has none. Payloads are
   * bytes unless the spec has codecs. Throws TypeError for a name that is taken, an unknown kind, a handler that is not
   * a function and a codec without its functions.
   *
   * ```ts ignore
   * router.method("/health", { description: "liveness" }, () => encode(`{"status":"healthy"}`));
   * ```
   */
  method<Req = Uint8Array, Res = Uint8Array, K extends MethodKind = "unary">(
    name: string,
    spec: MethodSpec<Req, Res, K>,
    handler: HandlersByKind<NoInfer<Req>, NoInfer<Res>>[K],
  ): this {
    this.#add(name, spec, handler, this.#interceptors);
    return this;
  }

  #add<Req, Res, K extends MethodKind>(
    name: string,
    spec: MethodSpec<Req, Res, K>,
    handler: HandlersByKind<NoInfer<Req>, NoInfer<Res>>[K],
    interceptors: readonly Interceptor[],
  ): void {
    const untyped = spec as unknown as MethodSpec<never, never, MethodKind>;
    this.registry.add(new RegisteredMethod(name, untyped, handler, interceptors));
  }

  /**
   * Adds a service by a definition of proto-loader or of the generators for grpc-js, with handlers as grpc-js has them:
   * `(call, callback)`. Methods without a handler end with UNIMPLEMENTED. Interceptors see encoded messages. What is
   * not valid makes `serve` reject with a TypeError.
   *
   * ```ts ignore
   * router.addService(GreeterService, {
   *   sayHello: (call, callback) => callback(null, { message: `Hello ${call.request.name}` }),
   * });
   * ```
   */
  addService<D extends DefinedService<D>>(
    definition: D,
    // deno-lint-ignore no-explicit-any -- handlers and messages of every type, as in the types of grpc-js
    implementation: { [P in string]: any },
  ): this {
    const interceptors = [...this.#interceptors];
    const methods: MethodAdder = {
      method: (name, spec, handler) => {
        this.#add(name, spec, handler, interceptors);
        return this;
      },
    };
    const added = definitionAdder().then(({ addService }) =>
      addService(methods, definition as never, implementation as never)
    );
    added.catch(() => {});
    this.#adding.push(added);
    return this;
  }

  /**
   * Resolves once all definitions are added; rejects if one cannot be. Called by servers, before the first call.
   *
   * @internal
   */
  async added(): Promise<void> {
    await Promise.all(this.#adding);
  }

  /**
   * Whether definitions were added, and {@link added} has to be awaited.
   *
   * @internal
   */
  get hasDefinitions(): boolean {
    return this.#adding.length > 0;
  }

  /**
   * Adds interceptors around all methods that are added later; the first is the outermost. Throws TypeError for an
   * interceptor that is not a function.
   */
  use(...interceptors: Interceptor[]): this {
    checkFunctions("use", interceptors);
    this.#interceptors.push(...interceptors);
    return this;
  }

  /** Returns all methods in the order they were added; the first is the reserved route `capabilities`. */
  methods(): MethodInfo[] {
    return this.registry.methods();
  }

  /** Descriptors of all protobuf services. */
  get services(): DescService[] {
    return this.registry.services;
  }

  /** Registers a callback for the start of a drain, before any connection is drained. */
  onDrain(callback: () => void): this {
    checkFunctions("onDrain", [callback]);
    this.#onDrain.push(callback);
    return this;
  }

  /** Registers a callback for when the server has closed. The end of the server waits for it, at most 5 s. */
  onClose(callback: () => Promise<void> | void): this {
    checkFunctions("onClose", [callback]);
    this.#onClose.push(callback);
    return this;
  }

  /**
   * Sets the server that runs nested calls: the first one that uses the router. Called by servers.
   *
   * @internal
   */
  servedBy(host: NestedCallHost): void {
    this.#host ??= host;
  }

  /**
   * Opens a virtual connection from `peer` for calls that arrive inside another call; returns the function that
   * accepts them. At most `maxHandlers` of their handlers run at once, further calls wait. Called by `addBatch`. Throws
   * TypeError while no server uses this router.
   *
   * @internal
   */
  openNested(peer: PeerInfo, maxHandlers: number): (call: ServerCall) => void {
    if (this.#host === undefined) {
      throw new TypeError("Cannot accept nested calls: no server uses this router");
    }
    return this.#host.openNested(peer, maxHandlers);
  }

  /**
   * Runs all callbacks of `onDrain`; `report` takes their failures. Called by the server.
   *
   * @internal
   */
  drainBegins(report: (error: unknown) => void): void {
    for (const callback of this.#onDrain) {
      try {
        onRejection(callback(), report);
      } catch (error) {
        report(error);
      }
    }
  }

  /**
   * Runs all callbacks of `onClose`, one after the other; `report` takes their failures. Called by the server.
   *
   * @internal
   */
  async closed(report: (error: unknown) => void): Promise<void> {
    for (const callback of this.#onClose) {
      try {
        await callback();
      } catch (error) {
        report(error);
      }
    }
  }
}
