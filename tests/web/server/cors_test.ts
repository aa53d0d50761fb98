import assert from "node:assert/strict";
import type { ServerCall } from "../../../src/call/wire.ts";
import { NO_CORS } from "../../../src/web/server/cors.ts";
import { Http1Pair, request } from "./http1_pair.ts";

const APP = "https://app.example";
const POLICY = { ...NO_CORS, origins: [APP], exposedHeaders: ["x-id"], maxAgeMs: 60_500 };
const JSON_TYPE = { "content-type": "application/json" };

function respond(call: ServerCall): void {
  call.sink = {
    onMessage: (message) => call.respond(message),
    onHalfClose() {},
    onCancel() {},
    onWritable() {},
  };
}

function answer(
  method: string,
  fields: Record<string, string>,
  cors: typeof NO_CORS = POLICY,
) {
  return new Http1Pair(respond, { cors }).send(request(method, "/a.B/C", fields)).answer();
}

Deno.test("without a policy no page may call, and no preflight is granted", () => {
  const post = answer("POST", { ...JSON_TYPE, origin: APP }, NO_CORS);
  assert.equal(post.status, 403);
  assert.match(new TextDecoder().decode(post.body), /web\.cors\.origins/);
  const asked = { origin: APP, "access-control-request-method": "POST" };
  const preflight = answer("OPTIONS", asked, NO_CORS);
  assert.equal(preflight.status, 403);
  assert.equal(preflight.fields.has("access-control-allow-origin"), false);
  assert.equal(answer("POST", JSON_TYPE, NO_CORS).status, 200);
});

Deno.test("a preflight from an allowed origin names methods, fields and age", () => {
  const asked = { origin: APP, "access-control-request-method": "POST" };
  const { status, fields } = answer("OPTIONS", asked);
  assert.equal(status, 204);
  assert.equal(fields.get("access-control-allow-origin"), APP);
  assert.equal(fields.get("access-control-allow-methods"), "GET, POST");
  assert.match(fields.get("access-control-allow-headers")!, /connect-timeout-ms.*x-grpc-web/);
  assert.equal(fields.get("access-control-max-age"), "60");
  assert.equal(fields.get("vary"), "origin");
  assert.equal(fields.has("access-control-allow-credentials"), false);
  const other = answer("OPTIONS", { ...asked, origin: "https://evil.example" });
  assert.equal(other.status, 403);
});

Deno.test("responses to an allowed origin expose the fields of the protocols and of the policy", () => {
  const { status, fields } = answer("POST", { ...JSON_TYPE, origin: APP });
  assert.equal(status, 200);
  assert.equal(fields.get("access-control-allow-origin"), APP);
  const exposed = fields.get("access-control-expose-headers")!;
  assert.match(exposed, /grpc-status-details-bin, x-id, trailer-x-id$/);
  assert.equal(answer("POST", { ...JSON_TYPE, origin: "null" }).status, 403);
  assert.equal(answer("POST", JSON_TYPE).fields.get("vary"), "origin");
});

Deno.test("all origins and all request fields can be allowed, credentials for named origins", () => {
  const open = { ...NO_CORS, origins: ["*"], headers: ["*"] };
  const asked = {
    origin: "null",
    "access-control-request-method": "POST",
    "access-control-request-headers": "x-any,content-type",
  };
  const preflight = answer("OPTIONS", asked, open);
  assert.equal(preflight.fields.get("access-control-allow-origin"), "*");
  assert.equal(preflight.fields.get("access-control-allow-headers"), "x-any,content-type");
  const secret = answer("POST", { ...JSON_TYPE, origin: APP }, { ...POLICY, credentials: true });
  assert.equal(secret.fields.get("access-control-allow-credentials"), "true");
});
