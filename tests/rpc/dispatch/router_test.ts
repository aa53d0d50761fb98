import assert from "node:assert/strict";
import { Echo } from "../../../proto/gen/bench/echo_pb.ts";
import { Status } from "../../../src/call/status.ts";
import { Router } from "../../../src/rpc/dispatch/router.ts";
import { FakeCall, FakeHost } from "../../fixtures/fake_call.ts";

Deno.test("Router.service() takes handlers, instances of classes, and some of the methods only", async () => {
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
  assert.match(missing.statusMessage, /the service is here/);
});

Deno.test("Router refuses names that are taken, empty, or not in the service", () => {
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
    /no method "unery"; did you mean "unary"/,
  );
  assert.throws(() => router.service(Echo, { unary: 5 } as never), /no function/);
  router.service(Echo, { unary: (request) => request });
  assert.throws(() => router.service(Echo, { unary: (request) => request }), TypeError);
});

Deno.test("capabilities is entry 0 and lists methods of every sort", async () => {
  const host = new FakeHost((router) =>
    router.service(Echo, { unary: (r) => r, bidi: (r) => r })
      .method("/health", { description: "liveness", responseType: "JSON" }, () => new Uint8Array())
  );
  for (const path of ["capabilities", "/capabilities"]) {
    const call = await host.unary(path, new Uint8Array());
    const list = JSON.parse(new TextDecoder().decode(call.messages[0]));
    assert.deepEqual(list.map((entry: { id: number }) => entry.id), [0, 1, 2, 3]);
    assert.equal(list[0].name, "capabilities");
    assert.deepEqual(list[2], {
      id: 2,
      name: "/bench.Echo/Bidi",
      description: "",
      requestType: "bench.Msg",
      responseType: "bench.Msg",
      kind: "bidi_streaming",
    });
    assert.deepEqual(list[3], {
      id: 3,
      name: "/health",
      description: "liveness",
      requestType: "bytes",
      responseType: "JSON",
      kind: "unary",
    });
  }
});
