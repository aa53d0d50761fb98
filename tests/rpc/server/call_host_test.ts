import assert from "node:assert/strict";
import { Status } from "../../../src/call/status.ts";
import { RpcError } from "../../../src/errors.ts";
import { Router } from "../../../src/rpc/dispatch/router.ts";
import { FakeCall, FakeHost } from "../../fixtures/fake_call.ts";

Deno.test("stats() counts calls by status; each call is counted once", async () => {
  const host = new FakeHost((router) => {
    router.method("/ok", {}, (request) => request);
    router.method("/fail", {}, () => {
      throw new RpcError(Status.NOT_FOUND, "nothing");
    });
    router.method("/hold", {}, () => new Promise<Uint8Array>(() => {}));
  });
  await host.unary("/ok", new Uint8Array());
  await host.unary("/fail", new Uint8Array());
  host.accept(new FakeCall("/none"));
  const call = host.accept(new FakeCall("/hold", { timeoutMs: 10 })).request();
  host.clock.tick(20);
  call.sink.onCancel(Status.CANCELLED, "too late");
  host.accept(new FakeCall("/hold")).request().cancel();
  assert.deepEqual(host.host.stats(), {
    started: 5,
    succeeded: 1,
    failed: { NOT_FOUND: 1, UNIMPLEMENTED: 1, DEADLINE_EXCEEDED: 1, CANCELLED: 1 },
  });
});

Deno.test("nested calls run like others, with the given peer and their own deadline", async () => {
  const seen: string[] = [];
  const host = new FakeHost((router) =>
    router.method("/see", {}, (request, context) => {
      seen.push(`${context.wire} ${context.peer.address} ${context.timeRemainingMs()}`);
      return request;
    })
  );
  const accept = host.router.openNested({ address: "inner", transport: "memory" }, 8);
  const call = new FakeCall("/see", { timeoutMs: 70 });
  accept(call);
  await call.request(new Uint8Array([1])).ended;
  assert.equal(call.status, Status.OK);
  assert.deepEqual(seen, ["batch inner 70"]);
});

Deno.test("a router without a server refuses nested calls", () => {
  assert.throws(
    () => new Router().openNested({ address: "inner", transport: "memory" }, 8),
    /^TypeError: Cannot accept nested calls: no server uses this router$/,
  );
});
