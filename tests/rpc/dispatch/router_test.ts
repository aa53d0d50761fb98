import assert from "node:assert/strict";
import { Echo } from "../../../proto/gen/bench/echo_pb.ts";
import { Status } from "../../../src/call/status.ts";
import { Router } from "../../../src/rpc/dispatch/router.ts";
import { serve } from "../../../mod.ts";
import { addByteStream } from "../../../src/rpc/byte_stream/mod.ts";
import { trapProxy } from "../../fixtures/misbehaviour.ts";
import { memoryAddress } from "../../fixtures/names.ts";
import { capture } from "../../fixtures/printed.ts";
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

Deno.test("Router refuses what could not handle a call, when it is registered", () => {
  const handler = () => new Uint8Array();
  const router = new Router();
  for (const bad of [undefined, null, 5, "a", {}, Promise.resolve()]) {
    const given = bad as never;
    assert.throws(() => router.method("/a", {}, given), /"\/a": its handler is a/);
    if (typeof bad !== "string") assert.throws(() => router.method(given, {}, handler), TypeError);
    if (typeof bad !== "object" || bad === null) {
      assert.throws(() => router.method("/a", given, handler), /its spec must be an object/);
    }
    for (const codec of ["requestCodec", "responseCodec"]) {
      if (bad === undefined) continue;
      assert.throws(() => router.method("/a", { [codec]: given }, handler), /has no function/);
    }
    for (const name of ["description", "requestType", "responseType"]) {
      if (bad === undefined || typeof bad === "string") continue;
      assert.throws(() => router.method("/a", { [name]: given }, handler), /must be a string/);
    }
    assert.throws(() => router.use(given), TypeError);
    assert.throws(() => router.onDrain(given), TypeError);
    assert.throws(() => router.onClose(given), TypeError);
    assert.throws(() => addByteStream(router, "/b", {}, given), TypeError);
    assert.throws(() => new Router([() => given]), TypeError);
  }
});

Deno.test("a callback of onDrain or onClose that fails keeps none of the others from running", async () => {
  const lines: unknown[][] = [];
  const restore = capture(lines);
  const ran: string[] = [];
  try {
    const server = await serve(memoryAddress("callbacks"), (router) => {
      router.onDrain(() => {
        throw new Error("a fault");
      });
      router.onDrain((() => Promise.reject(trapProxy())) as () => void);
      router.onDrain(() => void ran.push("drain"));
      router.onClose(() => {
        throw trapProxy();
      });
      router.onClose(() => Promise.reject(new Error("a fault")));
      router.onClose(() => void ran.push("close"));
    }, { dispatcher: (next) => Object.assign(Object.create(next), { close: failing }) });
    await server.close();
  } finally {
    restore();
  }
  assert.deepEqual(ran, ["drain", "close"]);
  assert.deepEqual(lines.map(([text]) => text), [
    "vrpc: The hook onDrain failed:",
    "vrpc: The hook onDrain failed:",
    "vrpc: The hook close of the dispatcher failed:",
    "vrpc: The hook onClose failed:",
    "vrpc: The hook onClose failed:",
  ]);
});

function failing(): never {
  throw new Error("a fault");
}
