import assert from "node:assert/strict";
import { Status } from "../../../src/call/status.ts";
import {
  checkConnectVersion,
  connectTimeout,
  grpcTimeout,
  isBadRequest,
  requestEncoding,
} from "../../../src/web/server/request_fields.ts";

Deno.test("timeouts: Connect's has at most 10 digits of ms, gRPC's a unit", () => {
  assert.equal(connectTimeout("0"), 0);
  assert.equal(connectTimeout("9999999999"), 9_999_999_999);
  assert.equal(connectTimeout(undefined), Infinity);
  for (const wrong of ["", "-1", "1.5", "12345678901", "1e3"]) {
    assert.equal(isBadRequest(connectTimeout(wrong)), true, wrong);
  }
  assert.equal(grpcTimeout("3S"), 3_000);
  assert.equal(isBadRequest(grpcTimeout("3")), true);
});

Deno.test("unknown compressions and versions are refused", () => {
  assert.equal(requestEncoding("", ["gzip"]), "identity");
  assert.equal(requestEncoding("gzip", ["gzip"]), "gzip");
  const wrong = requestEncoding("foo", ["gzip"]);
  assert.equal(isBadRequest(wrong) && wrong.code, Status.UNIMPLEMENTED);
  assert.equal(checkConnectVersion("1"), undefined);
  assert.equal(checkConnectVersion("2")?.code, Status.INVALID_ARGUMENT);
});
