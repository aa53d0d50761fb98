// Buffered bytes of a server are bounded on both wires: above the bound calls end with RESOURCE_EXHAUSTED, and later
// calls succeed once the load is over.

import assert from "node:assert/strict";
import { connect, type RpcError, serve, Status } from "../../../mod.ts";
import { memoryAddress } from "../../fixtures/names.ts";
import { until } from "../../fixtures/waiting.ts";

const MIB = 1_048_576;
const LIMIT = 8 * MIB;
for (const wire of ["grpc", "lean"] as const) {
  Deno.test(`requests past maxBufferedBytes are refused: ${wire}`, async () => {
    let most = 0;
    const hold = Promise.withResolvers<void>();
    await using server = await serve(memoryAddress("overload"), (router) => {
      router.method("/load/echo", {}, (request) => request);
      // Reads one message and no more: further messages are buffered or refused.
      router.method("/load/hold", { kind: "client_streaming" }, async (requests) => {
        for await (const message of requests) {
          await hold.promise;
          return message.subarray(0, 1);
        }
        return new Uint8Array();
      });
    }, { limits: { maxBufferedBytes: LIMIT } });
    const heldBytes = () => server.stats().bufferedBytes;
    const watch = setInterval(() => most = Math.max(most, heldBytes()), 1);
    const channels = Array.from({ length: 12 }, () => connect(server.addresses[0], { wire }));
    const statuses: Status[] = [];
    const sessions = channels.flatMap((channel) =>
      Array.from({ length: 8 }, async () => {
        const session = channel.session("/load/hold");
        // As an abusive client does: ignores back-pressure.
        for (let i = 0; i < 3; i++) session.send(new Uint8Array(MIB)).catch(() => {});
        session.closeSend();
        try {
          await session.receive();
          statuses.push(Status.OK);
        } catch (error) {
          statuses.push((error as RpcError).code);
        }
      })
    );
    // Sends 288 MiB against a bound of 8 MiB.
    await until(() => statuses.includes(Status.RESOURCE_EXHAUSTED));
    assert.ok(most <= LIMIT, `${most}`);
    hold.resolve();
    await Promise.all(sessions);
    clearInterval(watch);
    const seen = new Set(statuses);
    assert.ok(most <= LIMIT, `${most}`);
    assert.ok(seen.has(Status.RESOURCE_EXHAUSTED));
    seen.delete(Status.OK);
    seen.delete(Status.RESOURCE_EXHAUSTED);
    assert.deepEqual([...seen], []);
    // All buffered bytes are released.
    assert.equal((await channels[0].call("/load/echo", new Uint8Array(MIB))).length, MIB);
    await Promise.all(channels.map((channel) => channel.close()));
    await until(() => heldBytes() === 0);
  });

  Deno.test(`unread replies are refused past maxBufferedBytes: ${wire}`, async () => {
    let most = 0;
    await using server = await serve(memoryAddress("overload"), (router) => {
      router.method("/load/large", {}, () => {
        most = Math.max(most, server.stats().bufferedBytes);
        return new Uint8Array(MIB);
      });
    }, { limits: { maxBufferedBytes: LIMIT } });
    const channels = Array.from(
      { length: 8 },
      () => connect(server.addresses[0], { wire, poolSize: 1 }),
    );
    const results = await Promise.allSettled(
      channels.flatMap((channel) =>
        Array.from({ length: 100 }, () => channel.call("/load/large", new Uint8Array()))
      ),
    );
    const codes = new Set(
      results.map((result) =>
        result.status === "fulfilled" ? Status.OK : (result.reason as RpcError).code
      ),
    );
    // Replies beyond the bound are refused, the others are delivered.
    assert.ok(codes.has(Status.OK));
    codes.delete(Status.OK);
    codes.delete(Status.RESOURCE_EXHAUSTED);
    assert.deepEqual([...codes], []);
    assert.ok(most <= LIMIT, `${most}`);
    await Promise.all(channels.map((channel) => channel.close()));
    await until(() => server.stats().bufferedBytes === 0);
  });
}
