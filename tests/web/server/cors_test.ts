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
  path = "/a.B/C",
) {
  return new Http1Pair(respond, { cors }).send(request(method, path, fields)).answer();
}

const ANY = { ...NO_CORS, origins: ["*"], exposedHeaders: ["x-id"] };
const GET_CALL = "/a.B/C?encoding=json&message=%7B%7D";

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

Deno.test("Fetch, HTTP caches: a cached response to GET without an origin does for pages", () => {
  for (const path of [GET_CALL, "/", "/nowhere"]) {
    const { fields } = answer("GET", {}, ANY, path);
    assert.equal(fields.get("access-control-allow-origin"), "*", path);
    assert.match(fields.get("access-control-expose-headers")!, /, x-id, trailer-x-id$/);
    assert.match(answer("GET", {}, POLICY, path).fields.get("vary")!, /\borigin$/, path);
  }
  assert.equal(answer("POST", JSON_TYPE, ANY).fields.has("access-control-allow-origin"), false);
});

Deno.test("the age of a preflight is a number of seconds that browsers take", () => {
  const asked = { origin: APP, "access-control-request-method": "POST" };
  for (const [maxAgeMs, age] of [[0, "0"], [999, "0"], [Infinity, "86400"], [1e30, "86400"]]) {
    const { fields } = answer("OPTIONS", asked, { ...POLICY, maxAgeMs: Number(maxAgeMs) });
    assert.equal(fields.get("access-control-max-age"), age);
  }
});

Deno.test("pages read the responses to calls that fail", () => {
  const from = { origin: APP };
  const failing: [number, string, Record<string, string>, string?][] = [
    [404, "GET", from, "/nowhere"],
    [405, "PUT", from],
    [415, "POST", { ...from, "content-type": "text/plain" }],
    [505, "POST", { ...from, "content-type": "application/grpc" }],
    [400, "POST", { ...from, ...JSON_TYPE, "connect-protocol-version": "2" }],
    [400, "POST", { ...from, ...JSON_TYPE, "connect-timeout-ms": "soon" }],
    [400, "GET", from, `${GET_CALL}&connect=v2`],
  ];
  for (const [status, method, fields, path] of failing) {
    const got = answer(method, fields, POLICY, path);
    assert.equal(got.status, status, `${method} ${JSON.stringify(fields)}`);
    assert.equal(got.fields.get("access-control-allow-origin"), APP);
    assert.match(got.fields.get("access-control-expose-headers")!, /grpc-status/);
  }
  const pair = new Http1Pair(respond, { cors: POLICY });
  const whole = request("POST", "/a.B/C", { ...from, ...JSON_TYPE }, new Uint8Array(5));
  pair.send(whole.subarray(0, whole.length - 1)).engine.onTimer(1e9);
  const { status, fields } = pair.answer();
  assert.equal(status, 408);
  assert.equal(fields.get("access-control-allow-origin"), APP);
});
