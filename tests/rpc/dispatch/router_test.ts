import assert from "node:assert/strict";
import { Echo } from "../../../proto/gen/bench/echo_pb.ts";
import { Status } from "../../../src/call/status.ts";
import { Router } from "../../../src/rpc/dispatch/router.ts";
import { FakeCall, FakeHost } from "../../fixtures/fake_call.ts";

Deno.test("Router.service() accepts an instance of a class that implements part of the service", async () => {
  class Service {
    #suffix = 9;
    unary(request: { payload: Uint8Array }) {
      return { payload: new Uint8Array([...request.payload, this.#suffix]) };
    }
  }
  const host = new FakeHost((router) => router.service(Echo, new Service()));
  const call = await host.unary("/bench.Echo/Unary", new Uint8Array([0x0a, 1, 5]));
  assert.deepEqual(call.messages, [new Uint8Array([0x0a, 2, 5, 9])]);
  const missing = host.accept(new FakeCall("/bench.Echo/Bidi"));
  assert.equal(missing.status, Status.UNIMPLEMENTED);
  assert.match(missing.statusMessage, /the service has no such method$/);
});

Deno.test("Router refuses names that are taken or empty and handlers without a method", () => {
  const router = new Router();
  router.method("/a", {}, () => new Uint8Array());
  assert.throws(() => router.method("/a", {}, () => new Uint8Array()), TypeError);
  assert.throws(() => router.method("", {}, () => new Uint8Array()), TypeError);
  assert.throws(
    () => router.method("/b", { kind: "foo" as "unary" }, () => new Uint8Array()),
    { name: "TypeError", message: /^Cannot use kind "foo"/ },
  );
  assert.throws(() => router.method("capabilities", {}, () => new Uint8Array()), TypeError);
  assert.throws(
    () => router.service(Echo, { unery: () => ({}) } as never),
    /no method "unery"; did you mean unary\?/,
  );
  assert.throws(
    () => router.service(Echo, { unary: 5 } as never),
    /the handler is not a function$/,
  );
  router.service(Echo, { unary: (request) => request });
  assert.throws(() => router.service(Echo, { unary: (request) => request }), TypeError);
});
