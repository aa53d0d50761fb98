/**
 * Violations by field, from the details of an error.
 *
 * @module
 */

import { protobufCodec } from "../codec/protobuf.ts";
import type { ErrorDetail, RpcError } from "../errors.ts";
import { BadRequestSchema } from "../../proto/gen/google/rpc/error_details_pb.ts";
import {
  type FieldPathElement,
  type Violation,
  ViolationsSchema,
} from "../../proto/gen/vrpc/validation/v1/violations_pb.ts";

/**
 * Rule that a message violates.
 *
 * @category Validation
 */
export interface FieldViolation {
  /** Path of the field as in the `.proto` file, for example `items[0].sku`. Empty for a rule of the whole message. */
  readonly field: string;
  /** What is wrong, for people. */
  readonly description: string;
  /** Id of the rule, for example `string.min_len`; absent if the server does not name it. */
  readonly rule?: string;
}

/** Type of the details with the rules. */
const VIOLATIONS = "buf.validate.Violations";

/**
 * Returns the violations that the details of an error have, in order: those of `buf.validate.Violations`, or without
 * them those of `google.rpc.BadRequest`. Empty if there are none. Details that cannot be decoded are left out.
 *
 * ```ts
 * import { connect, RpcError } from "@vrpc/vrpc";
 * import { fieldViolations } from "@vrpc/vrpc/validation";
 *
 * await using channel = connect("127.0.0.1:50051");
 * try {
 *   await channel.call("/shop.Orders/Place", new Uint8Array());
 * } catch (error) {
 *   if (!(error instanceof RpcError)) throw error;
 *   for (const { field, description } of fieldViolations(error)) console.log(field, description);
 * }
 * ```
 *
 * @category Validation
 */
export function fieldViolations(error: Pick<RpcError, "details">): FieldViolation[] {
  const violations = decoded(
    error.details,
    VIOLATIONS,
    (value) =>
      protobufCodec(ViolationsSchema).decode(value).violations.map((one) => ({
        field: pathOf(one),
        description: one.message === "" ? one.ruleId : one.message,
        ...(one.ruleId === "" ? {} : { rule: one.ruleId }),
      })),
  );
  if (violations.length > 0) return violations;
  return decoded(
    error.details,
    BadRequestSchema.typeName,
    (value) =>
      protobufCodec(BadRequestSchema).decode(value).fieldViolations.map(
        ({ field, description }) => ({ field, description }),
      ),
  );
}

/** Whether a detail is of one of the types that {@link fieldViolations} reads. */
export function isViolationDetail({ typeUrl }: ErrorDetail): boolean {
  const name = typeName(typeUrl);
  return name === VIOLATIONS || name === BadRequestSchema.typeName;
}

const typeName = (typeUrl: string) => typeUrl.slice(typeUrl.lastIndexOf("/") + 1);

function decoded(
  details: readonly ErrorDetail[],
  type: string,
  read: (value: Uint8Array) => FieldViolation[],
): FieldViolation[] {
  return details.filter(({ typeUrl }) => typeName(typeUrl) === type).flatMap(({ value }) => {
    try {
      return read(value);
    } catch {
      return [];
    }
  });
}

/** Path of the field, in the notation of protovalidate: `items[0].labels["color"]`. */
function pathOf({ field }: Violation): string {
  return (field?.elements ?? []).map((element, i) =>
    (i === 0 ? "" : ".") + element.fieldName + subscriptOf(element)
  ).join("");
}

function subscriptOf({ subscript }: FieldPathElement): string {
  if (subscript.case === undefined) return "";
  const { value } = subscript;
  return `[${typeof value === "string" ? JSON.stringify(value) : value}]`;
}
