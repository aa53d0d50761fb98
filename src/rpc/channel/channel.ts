/**
 * Channels: what a client holds to call a server, or several.
 *
 * @module
 */

import type { DescService } from "@bufbuild/protobuf";
import { bytesCodec } from "../../codec/bytes.ts";
import { RpcError } from "../../errors.ts";
import { METHOD_KINDS } from "../../call/method.ts";
import { checkOneOf } from "../../limits/ranges.ts";
import { Status } from "../../call/status.ts";
import type { ClientMethod } from "../client/call_core.ts";
import { CallFactory } from "./call_factory.ts";
import { ChannelAssembly, type ChannelRuntime } from "./assembly.ts";
import type { ChannelOptions, ChannelStats } from "./options.ts";
import type { ChannelState, PoolSize } from "../pool/options.ts";
import { type Client, makeClient } from "./typed_client.ts";
import { trackContexts } from "../core/current_context.ts";
import type { Session } from "../client/session.ts";
import type { CallOptions, MethodInfo } from "../core/types.ts";

/** What a client holds to call servers. Connections are made when they are first needed. */
export interface Channel extends AsyncDisposable {
  /** A typed client of a protobuf service. */
  client<D extends DescService>(service: D): Client<D>;
  /** Calls a unary method by name, with bytes. Rejects with an RpcError. The payload must not be changed afterwards. */
  call(path: string, payload: Uint8Array, options?: CallOptions): Promise<Uint8Array>;
  /** Calls a method with a stream of replies by name, with bytes. Leaving the iteration cancels the call. */
  stream(path: string, payload: Uint8Array, options?: CallOptions): AsyncIterable<Uint8Array>;
  /** Opens a session: bytes both ways, independently. `initial` is sent as its first message. */
  session(path: string, options?: CallOptions & { initial?: Uint8Array }): Session;
  /**
   * Calls a method of any kind that is described by hand, for codecs of your own. Throws TypeError for an unknown kind.
   */
  method<Req, Res>(info: MethodInfo): BoundMethod<Req, Res>;
  /** What the server offers; on the lean wire only, elsewhere it rejects with UNIMPLEMENTED. */
  capabilities(options?: CallOptions): Promise<CapabilityInfo[]>;
  /**
   * Connects, if need be; resolves when the pool's `min` connections are ready. Rejects with UNAVAILABLE and
   * the reason after `timeoutMs` (default 20,000).
   */
  ready(options?: { timeoutMs?: number }): Promise<void>;
  /** The state now. */
  readonly state: ChannelState;
  /** The state now and after each change, until SHUTDOWN or until the iteration is left. */
  watchState(): AsyncIterable<ChannelState>;
  /** Changes the size of the pool while it runs. */
  resize(size: PoolSize): void;
  /** Figures. */
  stats(): ChannelStats;
  /** Ends open calls with UNAVAILABLE and closes everything; resolves when nothing is left. */
  close(): Promise<void>;
}

/** The function that calls a method: unary and client streaming give a Promise, the others an AsyncIterable. */
export interface BoundMethod<Req, Res> {
  /** One request, one reply. */
  unary(request: Req, options?: CallOptions): Promise<Res>;
  /** A stream of requests, one reply. */
  clientStreaming(
    requests: AsyncIterable<Req> | Iterable<Req>,
    options?: CallOptions,
  ): Promise<Res>;
  /** One request, a stream of replies. */
  serverStreaming(request: Req, options?: CallOptions): AsyncIterable<Res>;
  /** Streams both ways. */
  bidiStreaming(
    requests: AsyncIterable<Req> | Iterable<Req>,
    options?: CallOptions,
  ): AsyncIterable<Res>;
}

/** An entry of a server's list of methods. */
export interface CapabilityInfo {
  /** Its place in the list; `capabilities` itself is 0. */
  readonly id: number;
  /** The route. */
  readonly name: string;
  /** One line for people. */
  readonly description: string;
  /** What comes in. */
  readonly requestType: string;
  /** What goes out. */
  readonly responseType: string;
  /** How many messages go each way. */
  readonly kind: string;
}

/**
 * Makes a channel to one target or to several addresses that serve the same (see the address grammar). It
 * connects when it is first used. Throws TypeError or RangeError for addresses and options that can't be.
 *
 * ```ts ignore
 * await using channel = connect("127.0.0.1:50051", { timeoutMs: 2_000 });
 * const echo = channel.client(EchoService);
 * const reply = await echo.echo({ payload });
 * ```
 */
export function connect(
  target: string | readonly string[],
  options: ChannelOptions = {},
): Channel {
  return new RpcChannel(target, options);
}

/** Makes a channel as {@link connect} does, with a clock and random numbers of the caller's, for virtual time. */
export function connectInRuntime(
  target: string | readonly string[],
  options: ChannelOptions,
  runtime: ChannelRuntime,
): Channel {
  return new RpcChannel(target, options, runtime);
}

class RpcChannel implements Channel {
  readonly #assembly: ChannelAssembly;
  readonly #calls: CallFactory;
  readonly #clients = new WeakMap<DescService, unknown>();
  /** Methods called by name, so that each is prepared once. */
  readonly #unary = new Map<string, ClientMethod>();

  constructor(
    target: string | readonly string[],
    options: ChannelOptions,
    runtime?: ChannelRuntime,
  ) {
    // Calls that are made inside of handlers inherit their deadlines.
    trackContexts();
    this.#assembly = new ChannelAssembly(target, options, runtime);
    this.#calls = new CallFactory(this.#assembly);
  }

  client<D extends DescService>(service: D): Client<D> {
    let client = this.#clients.get(service) as Client<D> | undefined;
    if (client === undefined) {
      client = makeClient(service, (method) => this.#calls.bind(this.#assembly.method(method)));
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
      // Names that callers make up must not gather.
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
    const session = this.#calls.session(method, options);
    // Whoever waits for the session hears of a failure there.
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
      bidiStreaming: (requests, options) =>
        calls.bidiStreaming(method, requests, options) as AsyncIterable<Res>,
    };
  }

  async capabilities(options?: CallOptions): Promise<CapabilityInfo[]> {
    if (!this.#assembly.lean) {
      throw new RpcError(
        Status.UNIMPLEMENTED,
        "Only the lean wire lists methods this way; a gRPC server may offer reflection",
      );
    }
    const reply = await this.call("capabilities", new Uint8Array(), options);
    try {
      return JSON.parse(new TextDecoder().decode(reply));
    } catch (cause) {
      throw new RpcError(Status.INTERNAL, "Cannot read the server's capabilities: not JSON", {
        cause,
      });
    }
  }

  async ready(options: { timeoutMs?: number } = {}): Promise<void> {
    const { timeoutMs = READY_TIMEOUT_MS } = options;
    if (!(timeoutMs > 0)) {
      throw new RangeError(`Cannot use timeoutMs ${timeoutMs}: it must be above 0`);
    }
    try {
      await this.#assembly.pool.ready(timeoutMs);
    } catch (error) {
      throw new RpcError(
        Status.UNAVAILABLE,
        `Channel to ${this.#assembly.target.text}: ${(error as Error).message}`,
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
