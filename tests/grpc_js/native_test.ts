import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { connect, type Interceptor, type RpcError, serve, Status } from "../../mod.ts";
import { fetchHandler } from "../../src/rpc/fetch/mod.ts";
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

Deno.test("router.addService and channel.client take definitions, with the router's interceptors of that moment", async () => {
  const seen: string[] = [];
  const note = (name: string): Interceptor => (next) => (call) => {
    seen.push(name);
    return next(call);
  };
  await using server = await serve("127.0.0.1:0", (router) => {
    router.use(note("before"));
    router.addService(letters, implementation);
    router.use(note("after"));
  });
  await using channel = connect(server.addresses[0]);
  const client = channel.client(typed);
  assert.equal(channel.client(typed), client);
  assert.equal((await client.Send({ text: "a" })).text, "a!");
  assert.deepEqual(seen, ["before"]);
  const { count = 0 }: Message = await client.Gather([{}, {}]);
  assert.equal(count, 2);
  // @ts-expect-error: a stream of requests, not one
  void (() => client.Gather({}));
  assert.equal((await all(client.Scatter({ count: 3 }))).length, 3);
  await using session = client.Chat();
  await session.send({ text: "x" });
  assert.equal((await session.receive())!.text, "x");
});

Deno.test("what is no definition is refused, by the server before it listens", async () => {
  const add = (definition: unknown, handlers: unknown) =>
    serve([], (router) => void router.addService(definition as typeof letters, handlers as never));
  await assert.rejects(add({}, implementation), /Cannot add an empty service/);
  await assert.rejects(add(letters, undefined), /requires two objects/);
  const twice = serve([], (router) => {
    router.addService(letters, implementation).addService(letters, implementation);
  });
  await assert.rejects(twice, /the name is taken/);
  await using channel = connect("127.0.0.1:1");
  assert.throws(() => channel.client({}), /without methods/);
  assert.throws(() => channel.client({ Send: { path: "/a" } } as never), /Send is no method/);
});

Deno.test("a handler of the Fetch API has the methods of a definition from its first request on", async () => {
  await using handler = fetchHandler((router) => router.addService(letters, implementation));
  const { path } = letters.Send;
  const response = await handler(
    new Request(`http://test${path}`, {
      method: "POST",
      headers: { "content-type": "application/proto" },
      body: new Uint8Array(letters.Send.requestSerialize({ text: "a" })),
    }),
  );
  assert.equal(response.status, 200, await response.clone().text());
  const reply = letters.Send.responseDeserialize(Buffer.from(await response.arrayBuffer()));
  assert.equal(reply.text, "a!");
});
