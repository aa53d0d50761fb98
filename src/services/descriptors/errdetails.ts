/**
 * Descriptors and messages of the standard error details (`google/rpc/error_details.proto`): `BadRequest`, `ErrorInfo`,
 * `RetryInfo` and the others.
 *
 * ```ts
 * import { findDetails, packDetail, RpcError, Status } from "@vrpc/vrpc";
 * import { BadRequestSchema } from "@vrpc/vrpc/errdetails";
 *
 * throw new RpcError(Status.INVALID_ARGUMENT, "The name is missing", {
 *   details: [packDetail(BadRequestSchema, {
 *     fieldViolations: [{ field: "name", description: "must not be empty" }],
 *   })],
 * });
 * ```
 *
 * @module
 */

export * from "../../../proto/gen/google/rpc/error_details_pb.ts";
