import assert from "node:assert/strict";
import { connect, type RpcError, serve, Status } from "../../mod.ts";
import type * as grpc from "../../src/grpc_js/mod.ts";
import { addService, clientOf } from "../../src/grpc_js/native.ts";
import { implementation, letters, LettersClient, type Message, readAll, send } from "./fixtures.ts";
import { credentials } from "../../src/grpc_js/mod.ts";

/** The definition with literal types, as ts-proto writes it. */
const typed = letters as unknown as {
  Send: typeof letters.Send & { requestStream: false; responseStream: false };
  Gather: typeof letters.Gather & { requestStream: true; responseStream: false };
  Scatter: typeof letters.Scatter & { requestStream: false; responseStream: true };
  Chat: typeof letters.Chat & { requestStream: true; responseStream: true };
};

async function all(replies: AsyncIterable<Message>): Promise<Message[]> {
  return await Array.fromAsync(replies);
}

for (const wire of ["grpc", "lean"] as const) {
  Deno.test(`services with callbacks and clients with promises, ${wire}`, async () => {
    await using server = await serve("127.0.0.1:0", (router) => {
      addService(router, letters, implementation);
    });
    await using channel = connect(server.addresses[0], { wire });
    const client = clientOf(channel, typed);
    const reply: Message = await client.Send({ text: "a" });
    assert.equal(reply.text, "a!");
    assert.equal((await client.Gather([{}, {}, {}])).count, 3);
    assert.equal((await all(client.Scatter({ count: 5 }))).length, 5);
    const echoed = await all(client.Chat([{ text: "x" }, { text: "y" }]));
    assert.deepEqual(echoed.map(({ text }) => text), ["x", "y"]);
    await assert.rejects(client.Send({ text: "fail" }), (error: RpcError) => {
      assert.equal(error.code, Status.NOT_FOUND);
      assert.match(error.message, /no letter/);
      assert.equal(error.metadata.get("why"), "asked");
      return true;
    });
    await assert.rejects(client.Send({ text: "hang" }, { timeoutMs: 50 }), {
      code: Status.DEADLINE_EXCEEDED,
    });
  });
}

Deno.test("a client of grpc-js calls a service on a router beside native methods", async () => {
  await using server = await serve("127.0.0.1:0", (router) => {
    router.method("/health", {}, () => new Uint8Array(1));
    addService(router, letters, { ...implementation, scatter: undefined as never });
    assert.throws(() => addService(router, letters, implementation), /the name is taken/);
  });
  const client = new LettersClient(server.addresses[0], credentials.createInsecure());
  try {
    assert.equal((await send(client, { text: "a" })).reply!.text, "a!");
    const count = await new Promise<number>((resolve, reject) => {
      const call: grpc.ClientWritableStream<Message> = client.gather(
        (error: grpc.ServiceError | null, reply: Message) =>
          error ? reject(error) : resolve(reply.count!),
      );
      call.write({});
      call.end();
    });
    assert.equal(count, 1);
    const { error } = await readAll(client.scatter({ count: 1 }));
    assert.equal(
      error!.message,
      "12 UNIMPLEMENTED: The server does not implement the method Scatter",
    );
  } finally {
    client.close();
  }
});
