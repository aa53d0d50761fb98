import assert from "node:assert/strict";
import { connect, type RpcError, serve, Status } from "../../../mod.ts";

Deno.test("drain ends the open connections after the grace, and the server goes on", async () => {
  let arrived = () => {};
  const arrival = new Promise<void>((resolve) => arrived = resolve);
  await using server = await serve("127.0.0.1:0", (router) => {
    router.method("/hang", {}, () => {
      arrived();
      return new Promise<Uint8Array>(() => {});
    });
    router.method("/echo", {}, (request) => request);
  });
  await using channel = connect(server.addresses[0]);
  const hanging = channel.call("/hang", new Uint8Array());
  const failed = assert.rejects(hanging, (error: RpcError) => error.code === Status.UNAVAILABLE);
  await arrival;
  await server.drain({ graceMs: 20 });
  await failed;
  assert.deepEqual(await channel.call("/echo", new Uint8Array([1])), new Uint8Array([1]));
  assert.equal(server.stats().connections.accepted, 2);
  await server.drain();
  await channel.call("/echo", new Uint8Array([2]));
  assert.equal(server.stats().connections.accepted, 3);
  await assert.rejects(server.drain({ graceMs: -1 }), RangeError);
});

for (const wire of ["grpc", "grpc-web", "connect"] as const) {
  for (const end of ["drain", "shutdown"] as const) {
    Deno.test(`${wire}: ${end} ends calls with CANCELLED if that is its status`, async () => {
      let arrived = () => {};
      const arrival = new Promise<void>((resolve) => arrived = resolve);
      await using server = await serve("127.0.0.1:0", (router) => {
        router.method("/hang", {}, () => {
          arrived();
          return new Promise<Uint8Array>(() => {});
        });
      }, { web: true });
      await using channel = connect(server.addresses[0], { wire });
      const failed = Promise.all([1, 2].map(() =>
        assert.rejects(
          channel.call("/hang", new Uint8Array()),
          (error: RpcError) => error.code === Status.CANCELLED,
        )
      ));
      await arrival;
      await server[end]({ graceMs: 20, status: Status.CANCELLED });
      await failed;
    });
  }
}

Deno.test("shutdown rejects a grace period out of range, also after an earlier shutdown", async () => {
  const server = await serve("127.0.0.1:0", () => {});
  await assert.rejects(server.shutdown({ graceMs: -1 }), RangeError);
  await server.shutdown();
  await assert.rejects(server.shutdown({ graceMs: -1 }), RangeError);
});
