/**
 * Rich error details: google.rpc.Status and its messages.
 *
 * @module
 */

import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { protobufCodec } from "../../codec/protobuf.ts";
import type { ErrorDetail, RpcError } from "../../errors.ts";

/** Trailer with an encoded google.rpc.Status. */
export const DETAILS_KEY = "grpc-status-details-bin";

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

/** Encodes a google.rpc.Status with details, the value of {@link DETAILS_KEY}. */
export function encodeStatusDetails(
  code: number,
  message: string,
  details: readonly ErrorDetail[],
): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).int32(code);
  if (message !== "") writer.tag(2, WireType.LengthDelimited).string(message);
  for (const { typeUrl, value } of details) {
    writer.tag(3, WireType.LengthDelimited).fork();
    if (typeUrl !== "") writer.tag(1, WireType.LengthDelimited).string(typeUrl);
    if (value.length > 0) writer.tag(2, WireType.LengthDelimited).bytes(value);
    writer.join();
  }
  return writer.finish();
}

/** Decodes the details in a value of {@link DETAILS_KEY}; empty if it is not valid, because it came from a peer. */
export function decodeStatusDetails(bytes: Uint8Array): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  try {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (field === 3 && wireType === WireType.LengthDelimited) {
        details.push(decodeAny(reader.bytes()));
      } else {
        reader.skip(wireType, field);
      }
    }
  } catch {
    return [];
  }
  return details;
}

function decodeAny(bytes: Uint8Array): ErrorDetail {
  const reader = new BinaryReader(bytes);
  let typeUrl = "";
  let value: Uint8Array = new Uint8Array(0);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (wireType !== WireType.LengthDelimited) reader.skip(wireType, field);
    else if (field === 1) typeUrl = reader.string();
    else if (field === 2) value = reader.bytes();
    else reader.skip(wireType, field);
  }
  return { typeUrl, value };
}
