import assert from "node:assert/strict";
import { packDetail, RpcError, Status } from "../../mod.ts";
import { BadRequestSchema } from "../../proto/gen/google/rpc/error_details_pb.ts";
import { errorBody } from "../../src/gateway/http_errors.ts";
import { method, withApi } from "./transcoding/annotated.ts";

const details = [{
  typeUrl: "type.googleapis.com/google.rpc.ErrorInfo",
  value: new Uint8Array([1, 2, 3, 4]),
}];
const ERROR = new RpcError(Status.FAILED_PRECONDITION, "no\u202e", { details });

Deno.test("Connect, Error Codes: clients that name the protocol's version get errors in its form", async () => {
  const methods = [method("Get", ".t.All", ".t.All", { get: "/v1/get" })];
  await withApi(methods, async ({ fetch }) => {
    const connect = { "connect-protocol-version": "1" };
    const failed = await fetch("/v1/get", { headers: connect });
    assert.equal(failed.status, 400);
    assert.deepEqual(JSON.parse(await failed.text()), {
      code: "failed_precondition",
      message: "no\u202e",
      details: [{ type: "google.rpc.ErrorInfo", value: "AQIDBA" }],
    });
    const unknown = await fetch("/t.Api/Got", { method: "POST", headers: connect });
    assert.equal(unknown.status, 404);
    assert.equal((await unknown.json()).code, "unimplemented");
    const own = await fetch("/v1/get");
    assert.match(await own.text(), /^[ -~]+"AQIDBA=="[ -~]+$/);
  }, { Get: [ERROR] });
});

Deno.test("violations are listed by field", () => {
  const wrong = [{ field: "name", description: "is empty" }];
  const detail = packDetail(BadRequestSchema, { fieldViolations: wrong });
  const body = errorBody(Status.INVALID_ARGUMENT, "The request is not valid", [detail]);
  assert.deepEqual(body.violations, wrong);
  assert.equal(body.details.length, 1);
  assert.equal("violations" in errorBody(Status.INVALID_ARGUMENT, "", details), false);
});
