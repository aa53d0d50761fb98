/**
 * The types of handlers: plain functions, from descriptors or for methods by name.
 *
 * @module
 */

import type {
  DescMethod,
  DescMethodBiDiStreaming,
  DescMethodClientStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import type { MethodKind } from "../../call/method.ts";
import type { Codec } from "../../codec/codec.ts";
import type { HandlerContext } from "../core/types.ts";

/** One request, one reply. Throw an RpcError to fail. */
export type UnaryHandler<Req, Res> = (
  request: Req,
  context: HandlerContext,
) => Res | Promise<Res>;

/** Any number of requests, one reply. */
export type ClientStreamingHandler<Req, Res> = (
  requests: AsyncIterable<Req>,
  context: HandlerContext,
) => Res | Promise<Res>;

/**
 * Where a handler's many replies come from: an iterable (a generator, for one), or nothing at all when they
 * are written to `context.stream` instead. A promise says when the last one was written.
 */
export type Replies<Res> = AsyncIterable<Res> | Iterable<Res> | Promise<void> | void;

/** One request, any number of replies. */
export type ServerStreamingHandler<Req, Res> = (
  request: Req,
  context: HandlerContext,
) => Replies<Res>;

/** Any number of requests and of replies. */
export type BidiStreamingHandler<Req, Res> = (
  requests: AsyncIterable<Req>,
  context: HandlerContext,
) => Replies<Res>;

/** The handler of each kind of method. */
export interface HandlersByKind<Req, Res> {
  /** One request, one reply. */
  unary: UnaryHandler<Req, Res>;
  /** Any number of requests, one reply. */
  client_streaming: ClientStreamingHandler<Req, Res>;
  /** One request, any number of replies. */
  server_streaming: ServerStreamingHandler<Req, Res>;
  /** Any number of requests and of replies. */
  bidi_streaming: BidiStreamingHandler<Req, Res>;
}

/** The handler of a method of a protobuf service. Replies may be init shapes: plain, partial objects. */
export type MethodImplementation<M extends DescMethod> = M extends DescMethodUnary<infer I, infer O>
  ? UnaryHandler<MessageShape<I>, MessageInitShape<O>>
  : M extends DescMethodServerStreaming<infer I, infer O>
    ? ServerStreamingHandler<MessageShape<I>, MessageInitShape<O>>
  : M extends DescMethodClientStreaming<infer I, infer O>
    ? ClientStreamingHandler<MessageShape<I>, MessageInitShape<O>>
  : M extends DescMethodBiDiStreaming<infer I, infer O>
    ? BidiStreamingHandler<MessageShape<I>, MessageInitShape<O>>
  : never;

/** The handlers of a protobuf service, by the local names of its methods. */
export type ServiceImplementation<D extends DescService> = {
  [P in keyof D["method"]]: MethodImplementation<D["method"][P]>;
};

/** What there is to say about a method that is registered by name. */
export interface MethodSpec<Req = Uint8Array, Res = Uint8Array, K extends MethodKind = "unary"> {
  /** One line for people. */
  description?: string;
  /** What comes in, for people. Default: the codec's name. */
  requestType?: string;
  /** What goes out, for people. Default: the codec's name. */
  responseType?: string;
  /** How many messages go each way. Default `unary`. */
  kind?: K;
  /** How requests are read. Default: bytes. */
  // deno-lint-ignore no-explicit-any
  requestCodec?: Codec<Req, any>;
  /** How replies are written. Default: bytes. */
  // deno-lint-ignore no-explicit-any
  responseCodec?: Codec<any, Res>;
  /** Whether a repeated call does no harm. Default false. */
  idempotent?: boolean;
}
