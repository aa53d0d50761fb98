/**
 * Messages of google.rpc as error details, found in errors.
 *
 * @module
 */

import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { RpcError } from "../errors.ts";
import { decodeMessage } from "./messages.ts";

/** Returns an error's details of one type, decoded, in order. Throws if one of them is not valid. */
export function findDetails<D extends DescMessage>(
  error: RpcError,
  descriptor: D,
): MessageShape<D>[] {
  return error.details
    .filter(({ typeUrl }) => typeUrl.slice(typeUrl.lastIndexOf("/") + 1) === descriptor.typeName)
    .map(({ value }) => decodeMessage(descriptor, value));
}
