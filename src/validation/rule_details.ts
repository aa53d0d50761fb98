/**
 * Violations as text and as details of an error.
 *
 * @module
 */

import { pathToString } from "@bufbuild/protobuf/reflect";
import { type Violation, violationToProto } from "@bufbuild/protovalidate";
import {
  type Violation as ViolationMessage,
  ViolationsSchema,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import type { ErrorDetail } from "../errors.ts";
import { packDetail } from "../rpc/core/error_details.ts";
import { BadRequestSchema } from "../../proto/gen/google/rpc/error_details_pb.ts";

/** Characters of a path or text, which may have keys of the message in them. */
const MAX_TEXT = 200;
/**
 * Largest detail, in bytes. Both details in base64 stay below the 8 KiB that other implementations accept as trailers.
 */
const MAX_DETAIL_BYTES = 2_560;

const shortened = (text: string) =>
  // Without half of a surrogate pair at the end.
  text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT).replace(/[\ud800-\udbff]$/, "")}…` : text;

/** Returns the first violation as text, and how many more there are. */
export function violationText([first, ...others]: readonly Violation[]): string {
  const field = pathToString(first.field);
  const text = shortened(field === "" ? first.message : `${field}: ${first.message}`);
  return others.length === 0 ? text : `${text} (and ${others.length} more)`;
}

/**
 * Returns violations as `buf.validate.Violations` and `google.rpc.BadRequest`, each with as many of them as fit into
 * {@link MAX_DETAIL_BYTES}.
 */
export function violationDetails(violations: readonly Violation[]): ErrorDetail[] {
  const messages = violations.map((one): ViolationMessage => violationToProto(one)[0]);
  const fields = violations.map((one) => ({
    field: shortened(pathToString(one.field)),
    description: shortened(one.message),
  }));
  return [
    fitting(messages, (list) => packDetail(ViolationsSchema, { violations: list })),
    fitting(fields, (list) => packDetail(BadRequestSchema, { fieldViolations: list })),
  ];
}

/** Packs as many elements as fit, by halving their number. */
function fitting<T>(elements: T[], pack: (elements: T[]) => ErrorDetail): ErrorDetail {
  for (let count = elements.length;; count >>= 1) {
    const detail = pack(elements.slice(0, count));
    if (detail.value.length <= MAX_DETAIL_BYTES || count === 0) return detail;
  }
}
