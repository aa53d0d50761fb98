/**
 * Method that a gateway exposes.
 *
 * @module
 */

import type { DescMethod, Message, Registry } from "@bufbuild/protobuf";
import { Status } from "../call/status.ts";
import { protobufCodec } from "../codec/protobuf.ts";
import { RpcError } from "../errors.ts";
import { BadRequest } from "./request_body.ts";

/** Method with the types that its messages may contain. */
export interface GatewayMethod {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly desc: DescMethod;
  /** Types of `google.protobuf.Any` in JSON. */
  readonly registry: Registry;
}

/** Encodes a request for the service. Throws BadRequest for one that is not whole. */
export function encodeRequest(
  { desc: { input } }: GatewayMethod,
  message: Message,
): Uint8Array {
  try {
    return protobufCodec(input).encode(message);
  } catch (error) {
    // Lacks, for example, a required field.
    const text = `The body is not a valid ${input.typeName} message: ${(error as Error).message}`;
    throw new BadRequest(400, new RpcError(Status.INVALID_ARGUMENT, text));
  }
}
