import assert from "node:assert/strict";
import { Metadata } from "../../src/grpc_js/metadata.ts";
import { Status } from "../../src/grpc_js/constants.ts";
import { serverErrorToStatus, StatusBuilder } from "../../src/grpc_js/status.ts";

Deno.test("a status is built of the parts that were set", () => {
  const metadata = new Metadata();
  assert.deepEqual(new StatusBuilder().withCode(Status.ABORTED).build(), { code: Status.ABORTED });
  assert.deepEqual(
    new StatusBuilder().withDetails("d").withMetadata(metadata).build(),
    { details: "d", metadata },
  );
});

Deno.test("what a handler passes as error becomes a status", () => {
  const metadata = new Metadata();
  const plain = serverErrorToStatus(new Error("text") as never);
  assert.deepEqual([plain.code, plain.details], [Status.UNKNOWN, "text"]);
  const full = serverErrorToStatus({ code: Status.NOT_FOUND, details: "d", metadata });
  assert.deepEqual(full, { code: Status.NOT_FOUND, details: "d", metadata });
  assert.equal(serverErrorToStatus({ details: "d" }).details, "Unknown Error");
  assert.equal(serverErrorToStatus({ metadata }, new Metadata()).metadata === metadata, false);
});
