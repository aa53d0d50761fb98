/**
 * Messages of google.rpc as error details, packed and found.
 *
 * @module
 */

import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { protobufCodec } from "../../codec/protobuf.ts";
import type { ErrorDetail, RpcError } from "../../errors.ts";

const PREFIX = "type.googleapis.com/";

/**
 * Encodes a message as a detail of an RpcError:
 * `new RpcError(code, text, { details: [packDetail(ErrorInfoSchema, { reason: "QUOTA" })] })`.
 *
 * ```ts
 * import { packDetail, RpcError, Status } from "@vrpc/vrpc";
 * import { RetryInfoSchema } from "@vrpc/vrpc/errdetails";
 *
 * throw new RpcError(Status.UNAVAILABLE, "Try again in 5 s", {
 *   details: [packDetail(RetryInfoSchema, { retryDelay: { seconds: 5n } })],
 * });
 * ```
 *
 * @category Errors
 */
export function packDetail<D extends DescMessage>(
  descriptor: D,
  message: MessageInitShape<D>,
): ErrorDetail {
  return {
    typeUrl: PREFIX + descriptor.typeName,
    value: protobufCodec(descriptor).encode(message),
  };
}

/**
 * Returns an error's details of one type, decoded, in order. Throws if one of them is not valid.
 *
 * ```ts
 * import { connect, findDetails, RpcError } from "@vrpc/vrpc";
 * import { RetryInfoSchema } from "@vrpc/vrpc/errdetails";
 *
 * await using channel = connect("127.0.0.1:50051");
 * try {
 *   await channel.call("/order", new Uint8Array());
 * } catch (error) {
 *   if (error instanceof RpcError) {
 *     for (const info of findDetails(error, RetryInfoSchema)) console.log(info.retryDelay);
 *   }
 * }
 * ```
 *
 * @category Errors
 */
export function findDetails<D extends DescMessage>(
  error: RpcError,
  descriptor: D,
): MessageShape<D>[] {
  const found: MessageShape<D>[] = [];
  for (const { typeUrl, value } of error.details) {
    if (typeUrl.slice(typeUrl.lastIndexOf("/") + 1) === descriptor.typeName) {
      found.push(protobufCodec(descriptor).decode(value));
    }
  }
  return found;
}
