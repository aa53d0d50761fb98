/**
 * All methods of a server, by path, and the default dispatcher that runs them.
 *
 * @module
 */

import type { DescService } from "@bufbuild/protobuf";
import { METHOD_KINDS, type MethodKind } from "../../call/method.ts";
import { nearestName } from "../../limits/nearest_name.ts";
import { checkOneOf } from "../../limits/ranges.ts";
import { bytesCodec } from "../../codec/bytes.ts";
import type { Codec } from "../../codec/codec.ts";
import { jsonCodec } from "../../codec/json.ts";
import { protobufCodec } from "../../codec/protobuf.ts";
import type { Dispatcher, DispatchReply } from "./dispatcher.ts";
import type { HandlersByKind, MethodSpec } from "./handlers.ts";
import { intercept, invoke } from "./invoke.ts";
import { NameTable } from "./name_table.ts";
import { NameHints } from "./name_suggestion.ts";
import type { HandlerContext, Interceptor, MethodInfo } from "../core/types.ts";

/** The reserved route that lists all methods, on every wire. */
export const CAPABILITIES = "capabilities";

/** An entry of the list that the route `capabilities` answers with. */
export interface Capability {
  /** The place in the list; 0 is `capabilities` itself. */
  readonly id: number;
  /** The route. */
  readonly name: string;
  /** One line for people; may be empty. */
  readonly description: string;
  /** What comes in, for people. */
  readonly requestType: string;
  /** What goes out, for people. */
  readonly responseType: string;
  /** How many messages go each way. */
  readonly kind: MethodKind;
}

/** A handler of any kind. */
// deno-lint-ignore no-explicit-any
export type AnyHandler = HandlersByKind<any, any>[MethodKind];

/** A method with its handler. */
export class RegisteredMethod implements MethodInfo {
  readonly path: string;
  readonly kind: MethodKind;
  // deno-lint-ignore no-explicit-any
  readonly requestCodec: Codec<any, any>;
  // deno-lint-ignore no-explicit-any
  readonly responseCodec: Codec<any, any>;
  readonly description: string | undefined;
  readonly requestType: string;
  readonly responseType: string;
  readonly idempotent: boolean;
  /** The handler, wrapped in interceptors when there are any. */
  readonly handler: AnyHandler;
  readonly #interceptors: readonly Interceptor[];

  /**
   * Puts what `spec` says together with `handler`, and `interceptors` around it. Throws TypeError for an unknown kind.
   */
  constructor(
    path: string,
    spec: MethodSpec<never, never, MethodKind>,
    handler: AnyHandler,
    interceptors: readonly Interceptor[] = [],
  ) {
    this.path = path;
    this.kind = spec.kind ?? "unary";
    checkOneOf("kind", this.kind, METHOD_KINDS);
    this.requestCodec = spec.requestCodec ?? bytesCodec;
    this.responseCodec = spec.responseCodec ?? bytesCodec;
    this.description = spec.description;
    this.requestType = spec.requestType ?? this.requestCodec.name;
    this.responseType = spec.responseType ?? this.responseCodec.name;
    this.idempotent = spec.idempotent ?? false;
    this.#interceptors = [...interceptors];
    this.handler = intercept(handler, this.kind, this.#interceptors);
  }

  /** Whether interceptors go around the handler. */
  get intercepted(): boolean {
    return this.#interceptors.length > 0;
  }

  /** The same method with the same interceptors around another handler. */
  around(handler: AnyHandler): RegisteredMethod {
    const spec = this as unknown as MethodSpec<never, never, MethodKind>;
    return new RegisteredMethod(this.path, spec, handler, this.#interceptors);
  }
}

/** The methods of a server. Made by `serve` and filled through a Router. */
export class Registry implements Dispatcher {
  readonly #methods = new NameTable<RegisteredMethod>();
  readonly #services = new NameTable<DescService>();
  /** None behind interceptors: whoever may not call a method is not told its name. */
  readonly #hints: NameHints | undefined;

  /** Makes a registry that has only the route `capabilities`, with `interceptors` around it. */
  constructor(interceptors: readonly Interceptor[] = []) {
    this.#hints = interceptors.length === 0 ? new NameHints() : undefined;
    this.add(
      new RegisteredMethod(
        CAPABILITIES,
        {
          description: "Lists all methods",
          requestType: "nothing",
          responseType: "JSON list of {id, name, description, requestType, responseType, kind}",
          responseCodec: jsonCodec() as Codec<never>,
          idempotent: true,
        },
        () => this.capabilities(),
        interceptors,
      ),
    );
  }

  /** Adds a method. Throws TypeError for a name that is empty, too long or taken. */
  add(method: RegisteredMethod): void {
    const { path } = method;
    if (path.length === 0 || path.length > 1024) {
      throw new TypeError(
        `Cannot register a method with a name of ${path.length} characters, limit is 1 to 1024`,
      );
    }
    if (this.#methods.get(path) !== undefined) {
      throw new TypeError(`Cannot register method "${path}": the name is taken`);
    }
    this.#methods.add(path, method);
  }

  /** Notes that the methods of a service are here. */
  addService(service: DescService): void {
    if (!this.hasService(service.typeName)) this.#services.add(service.typeName, service);
  }

  /** All services, in the order in which they were added. */
  get services(): DescService[] {
    return this.#services.values();
  }

  /** Whether a service of this full name was added. */
  hasService(typeName: string): boolean {
    return this.#services.get(typeName) !== undefined;
  }

  /** All methods, in the order in which they were added; `capabilities` is the first. */
  methods(): RegisteredMethod[] {
    return this.#methods.values();
  }

  /** The list that the route `capabilities` answers with. */
  capabilities(): Capability[] {
    return this.methods().map((method, id) => ({
      id,
      name: method.path,
      description: method.description ?? "",
      requestType: method.requestType,
      responseType: method.responseType,
      kind: method.kind,
    }));
  }

  /** The method of a path. A missing or superfluous slash at the start is forgiven: gRPC always has one. */
  find(path: string): RegisteredMethod | undefined {
    const method = this.#methods.get(path);
    if (method) return method;
    return this.#methods.get(path.startsWith("/") ? path.slice(1) : `/${path}`);
  }

  /** Decodes, runs the handler, encodes. */
  dispatch(
    method: MethodInfo,
    request: Uint8Array | AsyncIterable<Uint8Array>,
    context: HandlerContext,
    lend = false,
  ): DispatchReply | Promise<DispatchReply> {
    const registered = method instanceof RegisteredMethod ? method : this.find(method.path);
    if (!registered) throw new TypeError(`Cannot dispatch "${method.path}": it is not registered`);
    return invoke(registered, request, context, lend);
  }

  /** Says what may have been meant, a few times a second. */
  explainMissing(path: string): string {
    const shown = path.length > 200 ? `${path.slice(0, 200)}…` : path;
    if (this.#hints === undefined) return `Unknown method ${shown}`;
    const nearest = this.#hints.nearest(path, () => this.#methods.names());
    if (nearest !== undefined) return `Unknown method ${shown}; did you mean ${nearest}`;
    const service = path.slice(1, Math.max(1, path.lastIndexOf("/")));
    return this.hasService(service)
      ? `Unknown method ${shown}; the service is here, the method is not`
      : `Unknown method ${shown}`;
  }

  /** Adds all methods of a protobuf service; those without handler answer UNIMPLEMENTED. */
  register(
    service: DescService,
    implementation: Readonly<Record<string, unknown>>,
    interceptors: readonly Interceptor[],
  ): void {
    for (const name of Object.keys(implementation)) {
      if (implementation[name] !== undefined && !Object.hasOwn(service.method, name)) {
        const nearest = nearestName(name, Object.keys(service.method));
        throw new TypeError(
          `Cannot register ${service.typeName}: it has no method "${name}"` +
            (nearest ? `; did you mean "${nearest}"` : ""),
        );
      }
    }
    this.addService(service);
    for (const method of service.methods) {
      const handler = implementation[method.localName];
      if (handler === undefined) continue;
      if (typeof handler !== "function") {
        throw new TypeError(
          `Cannot register ${service.typeName}.${method.name}: the handler is no function`,
        );
      }
      // Bound, so that instances of classes can be services.
      const bound = handler.bind(implementation) as AnyHandler;
      this.add(
        new RegisteredMethod(
          `/${service.typeName}/${method.name}`,
          {
            kind: method.methodKind,
            requestCodec: protobufCodec(method.input) as unknown as Codec<never>,
            responseCodec: protobufCodec(method.output) as unknown as Codec<never>,
            requestType: method.input.typeName,
            responseType: method.output.typeName,
            // IdempotencyLevel: 0 says nothing, 1 has no side effects, 2 is idempotent.
            idempotent: method.idempotency !== 0,
          },
          bound,
          interceptors,
        ),
      );
    }
  }
}
