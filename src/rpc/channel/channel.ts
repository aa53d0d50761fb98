/**
 * Channels: the client's connections to a server, or several, and the calls on them.
 *
 * @module
 */

import type { DescService } from "@bufbuild/protobuf";
import { bytesCodec } from "../../codec/bytes.ts";
import { RpcError, textOf } from "../../errors.ts";
import { METHOD_KINDS } from "../../call/method.ts";
import { checkOneOf } from "../../limits/ranges.ts";
import { Status } from "../../call/status.ts";
import type { ClientMethod } from "../client/call_core.ts";
import { type CapabilityInfo, parseCapabilities } from "./capabilities.ts";
import { CallFactory } from "./call_factory.ts";
import { ChannelAssembly, type ChannelRuntime } from "./assembly.ts";
import type { ChannelOptions, ChannelStats } from "./options.ts";
import type { ChannelState, PoolSize } from "../pool/options.ts";
import { type BidiStreamingFunction, type Client, makeClient } from "./typed_client.ts";
import { type DefinedClient, makeDefinedClient } from "./defined_client.ts";
import type { DefinedService } from "../core/definitions.ts";
import type { Messages } from "../client/stream_adapters.ts";
import { trackContexts } from "../core/current_context.ts";
import { checkMessage, type Session } from "../client/session.ts";
import type { CallOptions, MethodInfo } from "../core/types.ts";

/**
 * Connections to one or several servers that serve the same methods. They are made at the first call.
 *
 * ```ts
 * import { connect } from "@vrpc/vrpc";
 * import { EchoService } from "@vrpc/vrpc/services/echo";
 *
 * await using channel = connect(["10.0.0.1:50051", "10.0.0.2:50051"]);
 * await channel.ready();
 * const echo = channel.client(EchoService); // by descriptor
 * await echo.echo({ payload: new Uint8Array(1) });
 * const reply = await channel.call("/health", new Uint8Array()); // by name
 * ```
 *
 * @category Client
 */
export interface Channel extends AsyncDisposable {
  /** Returns the typed client of a protobuf service. */
  client<D extends DescService>(service: D): Client<D>;
  /**
   * Returns the client of a definition, as proto-loader and the generators for grpc-js make them, with promises and
   * async iterables. Throws TypeError for what is none.
   */
  client<D extends DefinedService<D>>(definition: D): DefinedClient<D>;
  /** Calls a unary method by path, with bytes. Rejects with an RpcError. The payload must not be changed afterwards. */
  call(path: string, payload: Uint8Array, options?: CallOptions): Promise<Uint8Array>;
  /** Calls a server-streaming method by path, with bytes. Leaving the iteration cancels the call. */
  stream(path: string, payload: Uint8Array, options?: CallOptions): AsyncIterable<Uint8Array>;
  /** Calls a bidirectional method by path, with bytes. `initial` is sent as the first message. */
  session(path: string, options?: CallOptions & { initial?: Uint8Array }): Session;
  /**
   * Returns the functions that call a method with codecs of your own. Throws TypeError for an unknown kind.
   */
  method<Req, Res>(info: MethodInfo): BoundMethod<Req, Res>;
  /** Lists the methods of the server. Lean wire only: other channels reject with UNIMPLEMENTED. */
  capabilities(options?: CallOptions): Promise<CapabilityInfo[]>;
  /**
   * Connects and resolves once `min` connections per address are ready. Rejects with UNAVAILABLE and the reason after
   * `timeoutMs` (above 0, default 20,000).
   */
  ready(options?: { timeoutMs?: number }): Promise<void>;
  /** Connectivity state. */
  readonly state: ChannelState;
  /** Iterates over the current state and each later one, up to SHUTDOWN. */
  watchState(): AsyncIterable<ChannelState>;
  /** Sets the size of the pool, for open connections too. Throws RangeError if it is out of range. */
  resize(size: PoolSize): void;
  /** Returns statistics of calls, addresses and connections. */
  stats(): ChannelStats;
  /**
   * Ends open calls with UNAVAILABLE and closes all connections; resolves once their sockets are closed. (The runtime
   * keeps the descriptors of TLS without a client certificate for another 100 ms.)
   */
  close(): Promise<void>;
}

/**
 * Functions that call a method; use the one of its kind. Failures are RpcErrors.
 *
 * ```ts
 * import { connect, jsonCodec } from "@vrpc/vrpc";
 *
 * await using channel = connect("127.0.0.1:50051");
 * const codec = jsonCodec<{ name: string }>();
 * const greet = channel.method<{ name: string }, { name: string }>({
 *   path: "/greet",
 *   kind: "unary",
 *   requestCodec: codec,
 *   responseCodec: codec,
 * });
 * const reply = await greet.unary({ name: "Ada" });
 * ```
 *
 * @category Client
 */
export interface BoundMethod<Req, Res> {
  /** Makes a unary call. */
  unary(request: Req, options?: CallOptions): Promise<Res>;
  /** Makes a client-streaming call. */
  clientStreaming(
    requests: AsyncIterable<Req> | Iterable<Req>,
    options?: CallOptions,
  ): Promise<Res>;
  /** Makes a server-streaming call. Leaving the iteration cancels it. */
  serverStreaming(request: Req, options?: CallOptions): AsyncIterable<Res>;
  /** Makes a bidirectional call. Leaving the iteration cancels it. Without requests they are sent one by one. */
  readonly bidiStreaming: BidiStreamingFunction<Req, Res>;
}

/**
 * Makes a channel to a target or to several addresses (see the address grammar). It connects at the first call. Throws
 * TypeError or RangeError for invalid addresses and options.
 *
 * ```ts
 * import { connect } from "@vrpc/vrpc";
 * import { EchoService } from "@vrpc/vrpc/services/echo";
 *
 * await using channel = connect("127.0.0.1:50051", { timeoutMs: 2_000 });
 * const echo = channel.client(EchoService);
 * const { payload } = await echo.echo({ payload: new Uint8Array([1, 2, 3]) });
 * ```
 *
 * @category Client
 */
export function connect(
  target: string | readonly string[],
  options: ChannelOptions = {},
): Channel {
  return new RpcChannel(target, options);
}

/** Makes a channel like {@link connect}, but with the given clock and random numbers, for virtual time. */
export function connectInRuntime(
  target: string | readonly string[],
  options: ChannelOptions,
  runtime: ChannelRuntime,
): Channel {
  return new RpcChannel(target, options, runtime);
}

const isDescriptor = (service: object): service is DescService =>
  (service as Partial<DescService>).kind === "service";

class RpcChannel implements Channel {
  readonly #assembly: ChannelAssembly;
  readonly #calls: CallFactory;
  readonly #clients = new WeakMap<object, unknown>();
  /** Unary methods by path, each prepared once. */
  readonly #unary = new Map<string, ClientMethod>();

  constructor(
    target: string | readonly string[],
    options: ChannelOptions,
    runtime?: ChannelRuntime,
  ) {
    // Calls made within a handler inherit its deadline.
    trackContexts();
    this.#assembly = new ChannelAssembly(target, options, runtime);
    this.#calls = new CallFactory(this.#assembly);
  }

  client<D extends DescService>(service: D): Client<D>;
  client<D extends DefinedService<D>>(definition: D): DefinedClient<D>;
  client(service: DescService | object): unknown {
    let client = this.#clients.get(service);
    if (client === undefined) {
      const bind = (method: MethodInfo) => this.#calls.bind(this.#assembly.method(method));
      client = isDescriptor(service)
        ? makeClient(service, this.#assembly.format, bind)
        : makeDefinedClient(service, bind);
      this.#clients.set(service, client);
    }
    return client;
  }

  call(path: string, payload: Uint8Array, options?: CallOptions): Promise<Uint8Array> {
    let method: ClientMethod;
    try {
      method = this.#unaryMethod(path);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#calls.unary(method, payload, options) as Promise<Uint8Array>;
  }

  #unaryMethod(path: string): ClientMethod {
    let method = this.#unary.get(path);
    if (method === undefined) {
      method = this.#assembly.method(bytesMethod(path, "unary"));
      // Bounds the map for callers that generate paths.
      if (this.#unary.size >= MAX_NAMED_METHODS) this.#unary.clear();
      this.#unary.set(path, method);
    }
    return method;
  }

  stream(path: string, payload: Uint8Array, options?: CallOptions): AsyncIterable<Uint8Array> {
    const method = this.#assembly.method(bytesMethod(path, "server_streaming"));
    return this.#calls.serverStreaming(method, payload, options) as AsyncIterable<Uint8Array>;
  }

  session(path: string, options: CallOptions & { initial?: Uint8Array } = {}): Session {
    const method = this.#assembly.method(bytesMethod(path, "bidi_streaming"));
    if (options.initial !== undefined) checkMessage(options.initial);
    const session = this.#calls.session(method, options);
    // A failure is reported by the session's next receive or send.
    if (options.initial !== undefined) session.send(options.initial).catch(() => {});
    return session;
  }

  method<Req, Res>(info: MethodInfo): BoundMethod<Req, Res> {
    checkOneOf("kind", info.kind, METHOD_KINDS);
    const method = this.#assembly.method(info);
    const calls = this.#calls;
    return {
      unary: (request, options) => calls.unary(method, request, options) as Promise<Res>,
      clientStreaming: (requests, options) =>
        calls.clientStreaming(method, requests, options) as Promise<Res>,
      serverStreaming: (request, options) =>
        calls.serverStreaming(method, request, options) as AsyncIterable<Res>,
      bidiStreaming:
        ((requests?: Messages, options?: CallOptions) =>
          requests === undefined
            ? calls.typedSession(method, options)
            : calls.bidiStreaming(method, requests, options)) as BidiStreamingFunction<Req, Res>,
    };
  }

  async capabilities(options?: CallOptions): Promise<CapabilityInfo[]> {
    if (!this.#assembly.lean) {
      throw new RpcError(
        Status.UNIMPLEMENTED,
        "Only a lean channel can list capabilities: use reflection",
      );
    }
    return parseCapabilities(await this.call("capabilities", new Uint8Array(), options));
  }

  async ready(options: { timeoutMs?: number } = {}): Promise<void> {
    const { timeoutMs = READY_TIMEOUT_MS } = options;
    if (!(timeoutMs > 0)) {
      throw new RangeError(`Cannot use timeoutMs ${timeoutMs}: must be above 0`);
    }
    try {
      await this.#assembly.pool.ready(timeoutMs);
    } catch (error) {
      throw new RpcError(
        Status.UNAVAILABLE,
        `Channel to ${this.#assembly.target.text}: ${textOf(error)}`,
        { cause: error },
      );
    }
  }

  get state(): ChannelState {
    return this.#assembly.pool.state;
  }

  async *watchState(): AsyncIterable<ChannelState> {
    const { pool } = this.#assembly;
    const states: ChannelState[] = [pool.state];
    let last = pool.state;
    let wake: (() => void) | undefined;
    const unwatch = pool.watch(() => {
      if (pool.state === last) return;
      last = pool.state;
      states.push(last);
      wake?.();
    });
    try {
      for (;;) {
        const state = states.shift();
        if (state === undefined) {
          await new Promise<void>((resolve) => wake = resolve);
          continue;
        }
        yield state;
        if (state === "SHUTDOWN") return;
      }
    } finally {
      unwatch();
    }
  }

  resize(size: PoolSize): void {
    this.#assembly.resize(size);
  }

  stats(): ChannelStats {
    return this.#assembly.stats();
  }

  close(): Promise<void> {
    return this.#assembly.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

const READY_TIMEOUT_MS = 20_000;
const MAX_NAMED_METHODS = 4_096;

function bytesMethod(path: string, kind: MethodInfo["kind"]): MethodInfo {
  return { path, kind, requestCodec: bytesCodec, responseCodec: bytesCodec };
}
