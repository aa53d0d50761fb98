/**
 * Typed clients of protobuf-es service descriptors.
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
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { messageCodec, type MessageFormat } from "../../codec/message_format.ts";
import type { Session } from "../client/session.ts";
import type { CallOptions, MethodInfo } from "../core/types.ts";

/**
 * Client of a protobuf service: one function per method, by local name.
 *
 * @category Client
 */
export type Client<D extends DescService> = {
  readonly [P in keyof D["method"]]: ClientFunction<D["method"][P]>;
};

/**
 * Function that calls a method. Failures are RpcErrors.
 *
 * @category Client
 */
export type ClientFunction<M extends DescMethod> = M extends DescMethodUnary<infer I, infer O>
  ? (request: MessageInitShape<I>, options?: CallOptions) => Promise<MessageShape<O>>
  : M extends DescMethodClientStreaming<infer I, infer O> ? (
      requests: AsyncIterable<MessageInitShape<I>> | Iterable<MessageInitShape<I>>,
      options?: CallOptions,
    ) => Promise<MessageShape<O>>
  : M extends DescMethodServerStreaming<infer I, infer O>
    ? (request: MessageInitShape<I>, options?: CallOptions) => AsyncIterable<MessageShape<O>>
  : M extends DescMethodBiDiStreaming<infer I, infer O>
    ? BidiStreamingFunction<MessageInitShape<I>, MessageShape<O>>
  : never;

/**
 * Function that calls a bidirectional method: with the requests as an iterable, or without them, to send them one by one.
 * Failures are RpcErrors.
 *
 * ```ts
 * import { connect } from "@vrpc/vrpc";
 * import { EchoService } from "@vrpc/vrpc/services/echo";
 *
 * await using channel = connect("127.0.0.1:50051");
 * await using call = channel.client(EchoService).echoStream(undefined, { timeoutMs: 5_000 });
 * await call.send({ payload: new Uint8Array([1]) });
 * console.log((await call.headers()).get("served-by"), await call.receive());
 * call.closeSend();
 * for await (const { payload } of call) console.log(payload);
 * ```
 *
 * @category Client
 */
export interface BidiStreamingFunction<Req, Res> {
  /** Sends all requests. Leaving the iteration cancels the call. */
  (requests: AsyncIterable<Req> | Iterable<Req>, options?: CallOptions): AsyncIterable<Res>;
  /** Starts a call whose messages are sent and received one by one. Its disposal cancels it. */
  (requests?: undefined, options?: CallOptions): Session<Req, Res>;
}

/** Returns the function that calls `method`. */
export type BindMethod = (
  method: MethodInfo,
) => (message: unknown, options?: CallOptions) => unknown;

/** Makes a client whose functions are made at their first use, with messages in `format`. */
export function makeClient<D extends DescService>(
  service: D,
  format: MessageFormat,
  bind: BindMethod,
): Client<D> {
  const client = {};
  for (const method of service.methods) {
    Object.defineProperty(client, method.localName, {
      enumerable: true,
      configurable: true,
      get(this: object) {
        const value = bind(methodInfo(method, format));
        Object.defineProperty(client, method.localName, { enumerable: true, value });
        return value;
      },
    });
  }
  return client as Client<D>;
}

function methodInfo(method: DescMethod, format: MessageFormat): MethodInfo {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    kind: method.methodKind,
    requestCodec: messageCodec(method.input, format),
    responseCodec: messageCodec(method.output, format),
    requestType: method.input.typeName,
    responseType: method.output.typeName,
    idempotent: method.idempotency !== MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN,
    safe: method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS,
  };
}
