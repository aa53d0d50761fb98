/**
 * Methods of a server by path, and the default dispatcher that runs them.
 *
 * @module
 */

import type { DescMessage, DescService } from "@bufbuild/protobuf";
import { METHOD_KINDS, type MethodKind } from "../../call/method.ts";
import { checkOneOf } from "../../limits/ranges.ts";
import { bytesCodec } from "../../codec/bytes.ts";
import type { Codec } from "../../codec/codec.ts";
import { frozenCodec } from "../../codec/frozen_codec.ts";
import { jsonCodec } from "../../codec/json.ts";
import { jsonCodecOf, type JsonTypes, jsonTypes, NO_JSON_TYPES } from "../../codec/message_json.ts";
import { type ProtobufCodec, protobufCodec } from "../../codec/protobuf.ts";
import type { Dispatcher, DispatchReply } from "./dispatcher.ts";
import type { HandlersByKind, MethodSpec } from "./handlers.ts";
import { intercept, type Invocable, invoke } from "./invoke.ts";
import { textOf } from "../../errors.ts";
import { NameTable } from "./name_table.ts";
import { didYouMean, NameSuggestions } from "./name_suggestion.ts";
import type { HandlerContext, Interceptor, MethodInfo } from "../core/types.ts";

/** Reserved route that lists all methods, on every wire. */
export const CAPABILITIES = "capabilities";

/** Entry of the list that the route `capabilities` returns. */
export interface Capability {
  /** Index in the list; 0 is `capabilities` itself. */
  readonly id: number;
  /** Route. */
  readonly name: string;
  /** One-line description; may be empty. */
  readonly description: string;
  /** Description of the request type, by default the name of its codec. */
  readonly requestType: string;
  /** Description of the reply type, by default the name of its codec. */
  readonly responseType: string;
  /** Which sides stream. */
  readonly kind: MethodKind;
}

/** Handler of any kind. */
// deno-lint-ignore no-explicit-any -- the message types of all methods meet here
export type AnyHandler = HandlersByKind<any, any>[MethodKind];

/** Method with its handler. */
export class RegisteredMethod implements MethodInfo {
  readonly path: string;
  readonly kind: MethodKind;
  // deno-lint-ignore no-explicit-any -- the message types of all methods meet here
  readonly requestCodec: Codec<any, any>;
  // deno-lint-ignore no-explicit-any -- the message types of all methods meet here
  readonly responseCodec: Codec<any, any>;
  readonly description: string | undefined;
  readonly requestType: string;
  readonly responseType: string;
  readonly idempotent: boolean;
  readonly safe: boolean;
  /** Handler with its interceptors around it. */
  readonly handler: AnyHandler;
  /** Types that messages in JSON may have in fields of type Any. */
  jsonTypes: JsonTypes = NO_JSON_TYPES;
  readonly #interceptors: readonly Interceptor[];
  #json: JsonMethod | null | undefined = undefined;

  /**
   * Creates a method, with `interceptors` around its handler. Throws TypeError for an unknown kind, a handler that is
   * not a function, a codec without its functions, and a description that is not a string.
   */
  constructor(
    path: string,
    spec: MethodSpec<never, never, MethodKind>,
    handler: AnyHandler,
    interceptors: readonly Interceptor[] = [],
  ) {
    checkRegistration(path, spec, handler);
    this.path = path;
    this.kind = spec.kind ?? "unary";
    checkOneOf("kind", this.kind, METHOD_KINDS);
    this.requestCodec = frozenCodec(spec.requestCodec ?? bytesCodec);
    this.responseCodec = frozenCodec(spec.responseCodec ?? bytesCodec);
    this.description = spec.description;
    this.requestType = spec.requestType ?? textOf(this.requestCodec.name);
    this.responseType = spec.responseType ?? textOf(this.responseCodec.name);
    this.safe = spec.safe ?? false;
    this.idempotent = spec.idempotent ?? this.safe;
    this.#interceptors = [...interceptors];
    this.handler = intercept(handler, this.kind, this.#interceptors);
  }

  /** The method with JSON messages, if its messages are protobuf; the same object each time. */
  get json(): Invocable | undefined {
    if (this.#json === undefined) {
      const request = descriptorOf(this.requestCodec);
      const response = descriptorOf(this.responseCodec);
      this.#json = request === undefined || response === undefined ? null : new JsonMethod(
        this,
        jsonCodecOf(request, this.jsonTypes),
        jsonCodecOf(response, this.jsonTypes),
      );
    }
    return this.#json ?? undefined;
  }

  /** Whether there are interceptors around the handler. */
  get intercepted(): boolean {
    return this.#interceptors.length > 0;
  }

  /** Returns a copy with another handler inside the same interceptors. */
  around(handler: AnyHandler): RegisteredMethod {
    const spec = this as unknown as MethodSpec<never, never, MethodKind>;
    const copy = new RegisteredMethod(this.path, spec, handler, this.#interceptors);
    copy.jsonTypes = this.jsonTypes;
    return copy;
  }
}

/** A registered method with JSON messages. */
class JsonMethod implements Invocable {
  readonly #method: RegisteredMethod;
  readonly requestCodec: Codec<unknown>;
  readonly responseCodec: Codec<unknown>;

  constructor(
    method: RegisteredMethod,
    requestCodec: Codec<unknown>,
    responseCodec: Codec<unknown>,
  ) {
    this.#method = method;
    this.requestCodec = requestCodec;
    this.responseCodec = responseCodec;
    // All calls of the method in JSON share it.
    Object.freeze(this);
  }

  get path(): string {
    return this.#method.path;
  }

  get kind(): MethodKind {
    return this.#method.kind;
  }

  get description(): string | undefined {
    return this.#method.description;
  }

  get requestType(): string {
    return this.#method.requestType;
  }

  get responseType(): string {
    return this.#method.responseType;
  }

  get idempotent(): boolean {
    return this.#method.idempotent;
  }

  get safe(): boolean {
    return this.#method.safe;
  }

  get handler(): AnyHandler {
    return this.#method.handler;
  }
}

/** Descriptor of a codec's messages; undefined for a codec without one. */
function descriptorOf(codec: Codec<unknown>): DescMessage | undefined {
  return (codec as Partial<ProtobufCodec>).descriptor;
}

/** Throws TypeError for arguments of a registration that would make each call, or the list of methods, fail. */
function checkRegistration(path: unknown, spec: unknown, handler: unknown): void {
  const fail = (what: string): never => {
    throw new TypeError(`Cannot register method ${JSON.stringify(textOf(path))}: ${what}`);
  };
  if (typeof path !== "string") fail(`its name is a ${typeof path}, must be a string`);
  if (typeof spec !== "object" || spec === null) fail("its spec must be an object");
  if (typeof handler !== "function") fail(`its handler is a ${typeof handler}, must be a function`);
  const given = spec as Readonly<Record<string, unknown>>;
  for (const name of ["description", "requestType", "responseType"]) {
    const text = given[name];
    if (text !== undefined && typeof text !== "string") fail(`its ${name} must be a string`);
  }
  for (const [name, use] of [["requestCodec", "decode"], ["responseCodec", "encode"]]) {
    const codec = given[name] as Readonly<Record<string, unknown>> | null | undefined;
    if (codec !== undefined && typeof codec?.[use] !== "function") {
      fail(`its ${name} has no function ${use}`);
    }
  }
}

/** Methods of a server. `serve` creates it, a Router fills it. */
export class Registry implements Dispatcher {
  readonly #methods = new NameTable<RegisteredMethod>();
  readonly #services = new NameTable<DescService>();
  readonly #jsonTypes: JsonTypes = jsonTypes(() => this.services);
  /** Undefined behind interceptors: a suggestion would leak method names to callers without access. */
  readonly #suggestions: NameSuggestions | undefined;

  /** Creates a registry with only the route `capabilities`, with `interceptors` around it. */
  constructor(interceptors: readonly Interceptor[] = []) {
    this.#suggestions = interceptors.length === 0 ? new NameSuggestions() : undefined;
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

  /** Adds a method. Throws TypeError for a name that is taken or does not have 1 to 1,024 characters. */
  add(method: RegisteredMethod): void {
    const { path } = method;
    if (path.length === 0 || path.length > 1024) {
      throw new TypeError(
        `Cannot register a method whose name has ${path.length} characters: it must have 1 to 1024`,
      );
    }
    if (this.#methods.get(path) !== undefined) {
      throw new TypeError(`Cannot register method "${path}": the name is taken`);
    }
    method.jsonTypes = this.#jsonTypes;
    // All calls of the method share it, and their handlers get it as `context.method`.
    Object.freeze(method);
    this.#methods.add(path, method);
  }

  /** Adds the descriptor of a service, for reflection. Its methods are added by `add`. */
  addService(service: DescService): void {
    if (!this.hasService(service.typeName)) this.#services.add(service.typeName, service);
  }

  /** Descriptors of all services in the order they were added. */
  get services(): DescService[] {
    return this.#services.values();
  }

  /** Whether a service with this full name was added. */
  hasService(typeName: string): boolean {
    return this.#services.get(typeName) !== undefined;
  }

  /** Returns all methods in the order they were added; `capabilities` is the first. */
  methods(): RegisteredMethod[] {
    return this.#methods.values();
  }

  /** Returns the list that the route `capabilities` replies with. */
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

  /** Finds the method of a path, with or without the slash in front that gRPC always sends. */
  find(path: string): RegisteredMethod | undefined {
    const method = this.#methods.get(path);
    if (method) return method;
    // A second slash would be another spelling, which a proxy's rules for paths may not cover.
    if (path.startsWith("//")) return undefined;
    return this.#methods.get(path.startsWith("/") ? path.slice(1) : `/${path}`);
  }

  /** Decodes the request, runs the handler and encodes the reply. */
  dispatch(
    method: MethodInfo,
    request: Uint8Array | AsyncIterable<Uint8Array>,
    context: HandlerContext,
    lend = false,
  ): DispatchReply | Promise<DispatchReply> {
    if (method instanceof RegisteredMethod || method instanceof JsonMethod) {
      return invoke(method, request, context, lend);
    }
    const registered = this.find(method.path);
    if (!registered) throw new TypeError(`Cannot dispatch "${method.path}": it is not registered`);
    return invoke(registered, request, context, lend);
  }

  /** Returns the error text for an unknown path; suggests the nearest name, unless too many names were searched for. */
  explainMissing(path: string): string {
    const shown = path.length > 200 ? `${path.slice(0, 200)}…` : path;
    if (this.#suggestions === undefined) return `Unknown method ${shown}`;
    const suggestion = this.#suggestions.didYouMean(path, () => this.#methods.names());
    if (suggestion !== "") return `Unknown method ${shown}${suggestion}`;
    const service = path.slice(1, Math.max(1, path.lastIndexOf("/")));
    return this.hasService(service)
      ? `Unknown method ${shown}; the service has no such method`
      : `Unknown method ${shown}`;
  }

  /** Adds the methods of a protobuf service that have a handler in `implementation`. */
  register(
    service: DescService,
    implementation: Readonly<Record<string, unknown>>,
    interceptors: readonly Interceptor[],
  ): void {
    for (const name of Object.keys(implementation)) {
      if (implementation[name] !== undefined && !Object.hasOwn(service.method, name)) {
        throw new TypeError(
          `Cannot register ${service.typeName}: it has no method "${name}"` +
            didYouMean(name, Object.keys(service.method)),
        );
      }
    }
    this.addService(service);
    for (const method of service.methods) {
      const handler = implementation[method.localName];
      if (handler === undefined) continue;
      if (typeof handler !== "function") {
        throw new TypeError(
          `Cannot register ${service.typeName}.${method.name}: the handler is not a function`,
        );
      }
      // Handlers are bound, so that methods of a class instance can use `this`.
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
            // google.protobuf.MethodOptions.IdempotencyLevel: 0 unknown, 1 no side effects, 2 idempotent.
            idempotent: method.idempotency !== 0,
            safe: method.idempotency === 1,
          },
          bound,
          interceptors,
        ),
      );
    }
  }
}
