import assert from "node:assert/strict";
import { Status } from "../../../src/call/status.ts";
import {
  acceptsGzip,
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

Deno.test("acceptsGzip() reads lists with weights (RFC 9110 §12.5.3)", () => {
  for (const yes of ["gzip", "br, gzip", "gzip;q=0.5,br", "GZIP", "identity,gzip"]) {
    assert.equal(acceptsGzip(yes), true, yes);
  }
  for (const no of ["", "br", "gzip;q=0", "gzip; q=0.0, br", "xgzip", "x-gzip"]) {
    assert.equal(acceptsGzip(no), false, no);
  }
  assert.equal(acceptsGzip(undefined), false);
});

Deno.test("unknown compressions and versions are refused", () => {
  assert.equal(requestEncoding(""), "identity");
  assert.equal(requestEncoding("gzip"), "gzip");
  const wrong = requestEncoding("foo");
  assert.equal(isBadRequest(wrong) && wrong.code, Status.UNIMPLEMENTED);
  assert.equal(checkConnectVersion("1"), undefined);
  assert.equal(checkConnectVersion("2")?.code, Status.INVALID_ARGUMENT);
});
