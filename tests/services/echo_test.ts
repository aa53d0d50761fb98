import assert from "node:assert/strict";
import { EchoService } from "../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { addEcho } from "../../src/services/echo.ts";
import { captureLog, testServer } from "../../src/testing/mod.ts";

const payloads = ["", "one", "zwei", "三"].map((text) => new TextEncoder().encode(text));

for (const wire of ["grpc", "lean"] as const) {
  Deno.test(`echo returns payloads with times that grow, over ${wire}`, async () => {
    await using test = await testServer(addEcho, { connect: { wire } });
    const client = test.client(EchoService);
    let lastNs = 0n;
    const check = (reply: { payload: Uint8Array; receivedAtNs: bigint; sentAtNs: bigint }) => {
      assert.ok(reply.receivedAtNs >= lastNs && reply.sentAtNs >= reply.receivedAtNs);
      lastNs = reply.sentAtNs;
      return new Uint8Array(reply.payload);
    };
    for (const payload of payloads) {
      assert.deepEqual(check(await client.echo({ payload })), payload);
    }
    const replies = client.echoStream(payloads.map((payload) => ({ payload })));
    assert.deepEqual((await Array.fromAsync(replies)).map(check), payloads);
    // Nanoseconds since 1970, by the server's clock.
    assert.ok(Math.abs(Number(lastNs / 1_000_000n) - Date.now()) < 60_000);
  });
}

Deno.test("echo logs every request at debug", async () => {
  await using log = await captureLog({
    category: ["vrpc", "services", "echo"],
    lowestLevel: "debug",
  });
  await using test = await testServer(addEcho);
  const client = test.client(EchoService);
  await client.echo({ payload: payloads[1] });
  await Array.fromAsync(client.echoStream([{ payload: payloads[2] }, { payload: payloads[0] }]));
  const logged = log.records.map(({ level, properties }) => [
    level,
    properties.method,
    properties.bytes,
  ]);
  assert.deepEqual(logged, [
    ["debug", "Echo", 3],
    ["debug", "EchoStream", 4],
    ["debug", "EchoStream", 0],
  ]);
});
