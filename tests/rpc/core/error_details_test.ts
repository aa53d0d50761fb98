import assert from "node:assert/strict";
import { ErrorInfoSchema, RetryInfoSchema } from "../../../src/services/descriptors/errdetails.ts";
import { Status } from "../../../src/call/status.ts";
import { RpcError } from "../../../src/errors.ts";
import { findDetails, packDetail } from "../../../src/rpc/core/error_details.ts";

Deno.test("packDetail() and findDetails() round trip messages by their type", () => {
  const details = [
    packDetail(ErrorInfoSchema, { reason: "QUOTA", domain: "shop.example" }),
    packDetail(RetryInfoSchema, { retryDelay: { seconds: 3n } }),
    packDetail(ErrorInfoSchema, { reason: "SECOND" }),
  ];
  assert.equal(details[0].typeUrl, "type.googleapis.com/google.rpc.ErrorInfo");
  const error = new RpcError(Status.RESOURCE_EXHAUSTED, "no", { details });
  assert.deepEqual(
    findDetails(error, ErrorInfoSchema).map(({ reason }) => reason),
    ["QUOTA", "SECOND"],
  );
  assert.equal(findDetails(error, RetryInfoSchema)[0].retryDelay?.seconds, 3n);
});

Deno.test("findDetails() throws for a detail that is not valid", () => {
  const typeUrl = "type.googleapis.com/google.rpc.ErrorInfo";
  const details = [{ typeUrl, value: Uint8Array.of(0xff) }];
  const error = new RpcError(Status.INTERNAL, "no", { details });
  assert.throws(() => findDetails(error, ErrorInfoSchema));
});
