import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { encodeRequest } from "../../src/gateway/gateway_method.ts";
import type { BadRequest } from "../../src/gateway/request_body.ts";
import { typesOf } from "../../src/schema/types.ts";
import { file, message, REQUIRED, scalar, service } from "../schema/descriptors.ts";

Deno.test("a request without a required field is answered 400 with its name", () => {
  const { registry } = typesOf([file("a.proto", {
    package: "t",
    syntax: "proto2",
    messageType: [message("In", [scalar("name", 1, "string", { label: REQUIRED })])],
    service: [service("Api", { Call: [".t.In", ".t.In"] })],
  })]);
  const desc = registry.getService("t.Api")!.methods[0];
  const method = { path: "/t.Api/Call", desc, registry };
  assert.throws(
    () => encodeRequest(method, create(desc.input)),
    (error: BadRequest) => error.httpStatus === 400 && /t\.In.*name/.test(error.message),
  );
});
