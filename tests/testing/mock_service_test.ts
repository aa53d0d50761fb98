import assert from "node:assert/strict";
import { toBinary } from "@bufbuild/protobuf";
import { SimpleResponseSchema, TestService } from "../../proto/gen/grpc/testing/testing_pb.ts";
import { text, untext } from "../fixtures/bytes.ts";
import { mockService, testServer } from "../../src/testing/mod.ts";

Deno.test("methods of every kind answer at random, the same for the same seed", async () => {
  const run = async (seed: number) => {
    await using test = await testServer((router) => mockService(router, TestService, { seed }));
    const client = test.client(TestService);
    const unary = await client.unaryCall({});
    const collected = await client.streamingInputCall([{}, {}]);
    const stream = await Array.fromAsync(client.streamingOutputCall({}));
    assert.ok(stream.length >= 1 && stream.length <= 3);
    const duplex = await Array.fromAsync(client.fullDuplexCall([{}, {}, {}, {}]));
    assert.equal(duplex.length, 4);
    assert.ok(unary.payload!.body.length > 0);
    assert.ok(Number.isInteger(collected.aggregatedPayloadSize));
    return toBinary(SimpleResponseSchema, unary);
  };
  assert.deepEqual(await run(5), await run(5));
  assert.notDeepEqual(await run(5), await run(6));
});

Deno.test("own handlers take the place of random ones", async () => {
  await using test = await testServer((router) =>
    mockService(router, TestService, {
      handlers: { unaryCall: () => ({ payload: { body: text("ada") } }) },
    })
  );
  assert.equal(untext((await test.client(TestService).unaryCall({})).payload!.body), "ada");
});
