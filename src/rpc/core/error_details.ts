/**
 * Rich error details (google.rpc.Status and the messages inside), in and out.
 *
 * @module
 */

import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { protobufCodec } from "../../codec/protobuf.ts";
import type { ErrorDetail, RpcError } from "../../errors.ts";

/** The trailer that carries an encoded google.rpc.Status. */
export const DETAILS_KEY = "grpc-status-details-bin";

const PREFIX = "type.googleapis.com/";

/**
 * A message as a detail for an RpcError:
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
 * The details of one type that an error carries, in order. Throws when such a detail can't be decoded.
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

/** A google.rpc.Status with details, as the value of {@link DETAILS_KEY}. */
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

/** The details in a value of {@link DETAILS_KEY}. Empty for what can't be read: it came from a peer. */
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
