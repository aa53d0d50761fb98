import assert from "node:assert/strict";
import { httpStatus, statusFromHttp } from "../../src/call/http_status.ts";
import { Status } from "../../src/call/status.ts";

Deno.test("statuses map to HTTP and back as gRPC and Connect say", () => {
  assert.equal(httpStatus(Status.NOT_FOUND), 404);
  assert.equal(httpStatus(Status.CANCELLED), 499);
  assert.equal(httpStatus(Status.RESOURCE_EXHAUSTED), 429);
  assert.equal(statusFromHttp(404), Status.UNIMPLEMENTED);
  assert.equal(statusFromHttp(429), Status.UNAVAILABLE);
  assert.equal(statusFromHttp(418), Status.UNKNOWN);
});
