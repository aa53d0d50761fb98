import assert from "node:assert/strict";
import { Echo } from "../../../proto/gen/bench/echo_pb.ts";
import { Registry } from "../../../src/rpc/dispatch/registry.ts";
import { FakeHost } from "../../fixtures/fake_call.ts";

Deno.test("the route capabilities is entry 0 of its list, which has methods of all kinds", async () => {
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

Deno.test("Registry.explainMissing() suggests a method, names the service, and shortens long paths", () => {
  const registry = new Registry();
  registry.register(Echo, { unary: () => ({}) }, []);
  assert.equal(
    registry.explainMissing("/bench.Echo/Unari"),
    "Unknown method /bench.Echo/Unari; did you mean /bench.Echo/Unary?",
  );
  assert.equal(
    registry.explainMissing("/bench.Echo/Refund"),
    "Unknown method /bench.Echo/Refund; the service has no such method",
  );
  assert.equal(registry.explainMissing("/other"), "Unknown method /other");
  assert.equal(registry.explainMissing("x".repeat(300)), `Unknown method ${"x".repeat(200)}…`);
});

Deno.test("Registry.find() accepts a path with and without its leading slash", () => {
  const registry = new Registry();
  registry.register(Echo, { unary: () => ({}) }, []);
  assert.equal(registry.find("bench.Echo/Unary")?.path, "/bench.Echo/Unary");
  assert.equal(registry.find("/capabilities")?.path, "capabilities");
  assert.equal(registry.find("/bench.Echo/Bidi"), undefined);
  assert.equal(registry.find("//bench.Echo/Unary"), undefined);
});
