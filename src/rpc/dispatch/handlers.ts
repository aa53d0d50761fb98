/**
 * Types of handlers: plain functions, typed by descriptors or by the codecs of a named method.
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

/**
 * Handles one request with one reply. Throw an RpcError to end the call with its status.
 *
 * @category Server
 */
export type UnaryHandler<Req, Res> = (
  request: Req,
  context: HandlerContext,
) => Res | Promise<Res>;

/**
 * Handles a stream of requests with one reply.
 *
 * @category Server
 */
export type ClientStreamingHandler<Req, Res> = (
  requests: AsyncIterable<Req>,
  context: HandlerContext,
) => Res | Promise<Res>;

/**
 * Handles one request with a stream of replies: returns an iterable such as a generator, or writes the replies to
 * `context.stream` and returns nothing; a promise ends the replies when it resolves.
 *
 * @category Server
 */
export type ServerStreamingHandler<Req, Res> = (
  request: Req,
  context: HandlerContext,
) => AsyncIterable<Res> | Iterable<Res> | Promise<void> | void;

/**
 * Handles a stream of requests with a stream of replies.
 *
 * @category Server
 */
export type BidiStreamingHandler<Req, Res> = (
  requests: AsyncIterable<Req>,
  context: HandlerContext,
) => AsyncIterable<Res> | Iterable<Res> | Promise<void> | void;

/**
 * Handler types by kind of method.
 *
 * @category Server
 */
export interface HandlersByKind<Req, Res> {
  /** One request, one reply. */
  unary: UnaryHandler<Req, Res>;
  /** Stream of requests, one reply. */
  client_streaming: ClientStreamingHandler<Req, Res>;
  /** One request, stream of replies. */
  server_streaming: ServerStreamingHandler<Req, Res>;
  /** Stream of requests, stream of replies. */
  bidi_streaming: BidiStreamingHandler<Req, Res>;
}

/**
 * Handler type of a protobuf method. Replies may be init shapes: plain, partial objects.
 *
 * @category Server
 */
export type MethodImplementation<M extends DescMethod> = M extends DescMethodUnary<infer I, infer O>
  ? UnaryHandler<MessageShape<I>, MessageInitShape<O>>
  : M extends DescMethodServerStreaming<infer I, infer O>
    ? ServerStreamingHandler<MessageShape<I>, MessageInitShape<O>>
  : M extends DescMethodClientStreaming<infer I, infer O>
    ? ClientStreamingHandler<MessageShape<I>, MessageInitShape<O>>
  : M extends DescMethodBiDiStreaming<infer I, infer O>
    ? BidiStreamingHandler<MessageShape<I>, MessageInitShape<O>>
  : never;

/**
 * Handlers of a protobuf service, by the local names of its methods.
 *
 * @category Server
 */
export type ServiceImplementation<D extends DescService> = {
  [P in keyof D["method"]]: MethodImplementation<D["method"][P]>;
};

/**
 * Description of a method that is registered by name.
 *
 * @category Server
 */
export interface MethodSpec<Req = Uint8Array, Res = Uint8Array, K extends MethodKind = "unary"> {
  /** One-line description, listed by the route `capabilities`. Default: none. */
  description?: string;
  /** Type of requests, as listed by the route `capabilities`. Default: the codec's name. */
  requestType?: string;
  /** Type of replies, as listed by the route `capabilities`. Default: the codec's name. */
  responseType?: string;
  /** Which sides stream. Default `unary`. */
  kind?: K;
  /** Decodes requests. Default: bytes as they are. */
  // deno-lint-ignore no-explicit-any -- the message types of all methods meet here
  requestCodec?: Codec<Req, any>;
  /** Encodes replies. Default: bytes as they are. */
  // deno-lint-ignore no-explicit-any -- the message types of all methods meet here
  responseCodec?: Codec<any, Res>;
  /** Whether repeating a call does no harm. Default false. */
  idempotent?: boolean;
  /** Whether calls have no side effects, so that Connect may send them by GET. Default false. */
  safe?: boolean;
}
