import assert from "node:assert/strict";
import { join } from "node:path";
import * as grpc from "../../src/grpc_js/mod.ts";
import { bind, letters, LettersClient, type Message, readAll, send, start } from "./fixtures.ts";

const insecure = grpc.ServerCredentials.createInsecure();

Deno.test("arguments that are not valid throw grpc-js's errors", () => {
  const server = new grpc.Server();
  const callback = () => {};
  assert.throws(() => server.addService(null as never, {}), /requires two objects as arguments/);
  assert.throws(() => server.addService({}, {}), /Cannot add an empty service/);
  server.addService(letters, {});
  assert.throws(() => server.addService(letters, {}), /\/test\.Letters\/Send already provided/);
  assert.throws(() => server.bindAsync(1 as never, insecure, callback), /port must be a string/);
  assert.throws(() => server.bindAsync("a:0", {} as never, callback), /creds must be/);
  assert.throws(() => server.bindAsync("a:0", insecure, undefined as never), /must be a function/);
  assert.throws(() => server.start(), /server must be bound in order to start/);
  assert.throws(() => server.addProtoService(), /Use addService/);
  assert.throws(() => server.unbind("127.0.0.1:0"), /Cannot unbind port 0/);
});

Deno.test("methods are added and removed while the server runs; without a handler they are UNIMPLEMENTED", async () => {
  const server = new grpc.Server();
  const port = await bind(server);
  const client = new LettersClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const missing = (await send(client, {})).error!;
  assert.equal(missing.code, grpc.status.UNIMPLEMENTED);
  assert.equal(missing.details, "The server does not implement the method /test.Letters/Send");
  server.addService(letters, {
    send: (_call: unknown, reply: (e: null, m: Message) => void) => reply(null, {}),
  });
  assert.deepEqual((await send(client, {})).reply, {});
  const scatter = await readAll(client.scatter({}));
  assert.equal(scatter.error!.details, "The server does not implement the method Scatter");
  server.removeService(letters);
  assert.equal((await send(client, {})).error!.code, grpc.status.UNIMPLEMENTED);
  client.close();
  server.forceShutdown();
});

Deno.test("a handler that throws ends its call with UNKNOWN, without the text", async () => {
  const fail = () => {
    throw new Error("secret");
  };
  await using pair = await start({ handlers: { send: fail, scatter: fail } });
  assert.equal((await send(pair.client, {})).error!.message, "2 UNKNOWN: Unknown error");
  const { error } = await readAll(pair.client.scatter({}));
  assert.equal(error!.message, "2 UNKNOWN: Unknown error");
});

Deno.test("an error event of a stream ends the call after the written replies", async () => {
  await using pair = await start({
    handlers: {
      scatter(call: grpc.ServerWritableStream<Message, Message>) {
        call.write({ count: 1 });
        call.write({ count: 2 });
        call.emit("error", { code: grpc.status.ABORTED, details: "enough" });
      },
      chat(call: grpc.ServerDuplexStream<Message, Message>) {
        call.destroy(Object.assign(new Error("torn"), { code: grpc.status.DATA_LOSS }));
      },
    },
  });
  const { replies, error } = await readAll(pair.client.scatter({}));
  assert.deepEqual(replies, [{ count: 1 }, { count: 2 }]);
  assert.equal(error!.message, "10 ABORTED: enough");
  const torn = await readAll(pair.client.chat());
  assert.equal(torn.error!.message, "15 DATA_LOSS: torn");
});

Deno.test("trailers of end, and the facts about a call", async () => {
  let facts: unknown[] = [];
  await using pair = await start({
    handlers: {
      scatter(call: grpc.ServerWritableStream<Message, Message>) {
        facts = [call.getPath(), call.getHost(), call.getPeer(), call.getDeadline()];
        const trailers = new grpc.Metadata();
        trailers.set("last", "word");
        call.end(trailers);
      },
    },
  });
  const { status } = await readAll(pair.client.scatter({}));
  assert.deepEqual(status!.metadata.get("last"), ["word"]);
  assert.deepEqual(facts.slice(0, 2), ["/test.Letters/Scatter", `127.0.0.1:${pair.port}`]);
  assert.match(String(facts[2]), /^127\.0\.0\.1:\d+$/);
  assert.equal(facts[3], Infinity);
});

Deno.test("streams of a cancelled call are destroyed after their event cancelled", async () => {
  const events: string[] = [];
  let closed = () => {};
  const end = new Promise<void>((resolve) => closed = resolve);
  await using pair = await start({
    handlers: {
      chat(call: grpc.ServerDuplexStream<Message, Message>) {
        call.on("cancelled", () => events.push(`cancelled ${call.cancelled}`));
        call.on("close", () => {
          events.push("close");
          closed();
        });
        call.on("data", () => client.cancel());
      },
    },
  });
  const client = pair.client.chat();
  const outcome = readAll(client);
  client.write({});
  assert.equal((await outcome).error!.code, grpc.status.CANCELLED);
  await end;
  assert.deepEqual(events, ["cancelled true", "close"]);
});

Deno.test("replies beyond grpc.max_send_message_length are refused", async () => {
  await using pair = await start({ server: { "grpc.max_send_message_length": 100 } });
  const { error } = await send(pair.client, { text: "x".repeat(200) });
  assert.match(
    error!.message,
    /^8 RESOURCE_EXHAUSTED: Sent message larger than max \(2\d\d vs. 100\)/,
  );
});

Deno.test("localhost, Unix sockets, a taken port, and an address that was bound before", async () => {
  const folder = await Deno.makeTempDir();
  const server = new grpc.Server();
  const other = new grpc.Server();
  try {
    server.addService(letters, {});
    assert.equal(await bind(server, `unix:${join(folder, "a.sock")}`), 1);
    const port = await bind(server, "localhost:0");
    assert.equal(await bind(server, `localhost:${port}`), port);
    await assert.rejects(
      bind(other, `127.0.0.1:${port}`),
      /^Error: No address added out of total 1/,
    );
    await assert.rejects(bind(other, `127.0.0.1:${port}`), /EADDRINUSE/);
    const intercepted = grpc.createServerCredentialsWithInterceptors(insecure, []);
    await assert.rejects(
      bind(server, `localhost:${port}`, intercepted),
      /incompatible credentials/,
    );
    for (const target of [`localhost:${port}`, `unix:${join(folder, "a.sock")}`]) {
      const client = new LettersClient(target, grpc.credentials.createInsecure());
      assert.equal((await send(client, {})).error!.code, grpc.status.UNIMPLEMENTED);
      client.close();
    }
  } finally {
    server.forceShutdown();
    other.forceShutdown();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("unbind stops listening, and cancels a bind in progress", async () => {
  await using pair = await start();
  const listener = Deno.listen({ port: 0 });
  const free = `localhost:${listener.addr.port}`;
  listener.close();
  const pending = bind(pair.server, free);
  pair.server.unbind(free);
  await assert.rejects(pending, /cancelled by unbind/);
  pair.server.unbind(`127.0.0.1:${pair.port}`);
  const client = new LettersClient(`127.0.0.1:${pair.port}`, grpc.credentials.createInsecure());
  assert.equal((await send(client, {})).error!.code, grpc.status.UNAVAILABLE);
  client.close();
});

Deno.test("tryShutdown waits for open calls, forceShutdown ends them; drain goes on listening", async () => {
  let answer: grpc.sendUnaryData<Message> | undefined;
  let arrived = () => {};
  await using pair = await start({
    handlers: {
      send(_call: grpc.ServerUnaryCall<Message, Message>, callback: grpc.sendUnaryData<Message>) {
        answer = callback;
        arrived();
      },
    },
  });
  const arrival = () => new Promise<void>((resolve) => arrived = resolve);
  let next = arrival();
  const drained = send(pair.client, {});
  await next;
  pair.server.drain(`127.0.0.1:${pair.port}`, 20);
  assert.equal((await drained).error!.code, grpc.status.CANCELLED);
  next = arrival();
  const finished = send(pair.client, {});
  await next;
  const shutdown = new Promise<void>((resolve) => pair.server.tryShutdown(() => resolve()));
  answer!(null, { text: "done" });
  assert.equal((await finished).reply!.text, "done");
  await shutdown;
  assert.throws(() => pair.server.bindAsync("127.0.0.1:0", insecure, () => {}), /after shutdown/);
});
