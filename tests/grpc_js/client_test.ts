import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { Buffer } from "node:buffer";
import net from "node:net";
import * as grpc from "../../src/grpc_js/mod.ts";
import {
  implementation,
  letters,
  LettersClient,
  type Message,
  readAll,
  send,
  start,
} from "./fixtures.ts";

Deno.test("a unary call gives headers, the callback and the status, in this order", async () => {
  await using pair = await start({
    handlers: {
      send(call: grpc.ServerUnaryCall<Message, Message>, callback: grpc.sendUnaryData<Message>) {
        const headers = new grpc.Metadata();
        headers.set("from", "server");
        call.sendMetadata(headers);
        const trailers = new grpc.Metadata();
        trailers.set("seen", String(call.metadata.get("x-id")));
        callback(null, { text: `${call.request.text}, ${call.getPath()}` }, trailers);
      },
    },
  });
  const metadata = new grpc.Metadata();
  metadata.set("x-id", "17");
  const outcome = await send(pair.client, { text: "a" }, metadata);
  assert.deepEqual(outcome.reply, { text: "a, /test.Letters/Send" });
  assert.deepEqual(outcome.events, ["metadata", "callback", "status"]);
  assert.equal(outcome.headers!.get("from")[0], "server");
  assert.equal(outcome.status!.code, grpc.status.OK);
  assert.equal(outcome.status!.details, "OK");
  assert.deepEqual(outcome.status!.metadata.get("seen"), ["17"]);
});

Deno.test("a failed call gives a ServiceError with code, details, metadata and the caller's stack", async () => {
  await using pair = await start();
  const { error } = await send(pair.client, { text: "fail" });
  assert.equal(error!.message, "5 NOT_FOUND: no letter");
  assert.equal(error!.code, grpc.status.NOT_FOUND);
  assert.equal(error!.details, "no letter");
  assert.deepEqual(error!.metadata.get("why"), ["asked"]);
  assert.match(error!.stack!, /for call at\n.*fixtures\.ts/s);
});

Deno.test("streams of requests and replies have the events of grpc-js", async () => {
  await using pair = await start();
  const count = await new Promise<number>((resolve, reject) => {
    const call = pair.client.gather((error: grpc.ServiceError | null, reply: Message) => {
      if (error) reject(error);
      else resolve(reply.count!);
    });
    for (let i = 0; i < 3; i++) call.write({ text: `${i}` });
    call.end();
  });
  assert.equal(count, 3);
  const scattered = await readAll(pair.client.scatter({ count: 100 }));
  assert.equal(scattered.replies.length, 100);
  assert.equal(scattered.replies[99].count, 1);
  const chat = pair.client.chat();
  const echoed = readAll(chat);
  chat.write({ text: "x" });
  chat.write({ text: "y" });
  chat.end();
  const { replies, status } = await echoed;
  assert.deepEqual(replies.map(({ text }) => text), ["x", "y"]);
  assert.equal(status!.code, grpc.status.OK);
});

Deno.test("write returns false under back-pressure, and drain follows", async () => {
  let release = () => {};
  const released = new Promise<void>((resolve) => release = resolve);
  await using pair = await start({
    handlers: {
      async chat(call: grpc.ServerDuplexStream<Message, Message>) {
        await released;
        call.on("data", () => {});
        call.on("end", () => call.end());
      },
    },
  });
  const chat = pair.client.chat();
  const end = readAll(chat);
  const text = "x".repeat(64_000);
  let written = 0;
  while (chat.write({ text })) written++;
  assert.ok(written < 100, `${written} messages of 64 kB were taken`);
  release();
  await once(chat, "drain");
  chat.end();
  assert.equal((await end).status!.code, grpc.status.OK);
});

Deno.test("cancel ends a call with CANCELLED, and its handler gets the event cancelled", async () => {
  let cancelled = () => {};
  const heard = new Promise<void>((resolve) => cancelled = resolve);
  await using pair = await start({
    handlers: {
      send(call: grpc.ServerUnaryCall<Message, Message>) {
        call.on("cancelled", () => {
          assert.equal(call.cancelled, true);
          cancelled();
        });
        assert.equal(call.cancelled, false);
        clientCall!.cancel();
      },
    },
  });
  let clientCall: grpc.ClientUnaryCall | undefined;
  const { error } = await send(pair.client, {}, undefined, {}, (call) => clientCall = call);
  assert.equal(error!.message, "1 CANCELLED: Cancelled on client");
  await heard;
});

Deno.test("deadlines are Dates or ms since 1970, and reach the handler", async () => {
  let deadline: grpc.Deadline | undefined;
  let arrivedAt = NaN;
  await using pair = await start({
    handlers: {
      send(call: grpc.ServerUnaryCall<Message, Message>) {
        deadline = call.getDeadline();
        arrivedAt = Date.now();
      },
    },
  });
  const leftMs = 500;
  const at = Date.now() + leftMs;
  const late = await send(pair.client, {}, undefined, { deadline: new Date(at) });
  assert.equal(late.error!.code, grpc.status.DEADLINE_EXCEEDED);
  // Both sides count the time, and either may be the first to end the call.
  assert.match(
    late.error!.details,
    /^(Deadline exceeded after \d+\.\d{3}s|The deadline passed before .*)$/,
  );
  // The time on its way is not known to the server; a timeout is rounded to ms.
  assert.ok(Number(deadline) >= at - 2, `${deadline} is before ${at}`);
  assert.ok(Number(deadline) <= arrivedAt + leftMs + 2, `${deadline} is later than what was left`);
  const past = await send(pair.client, {}, undefined, { deadline: Date.now() - 1 });
  assert.equal(past.error!.code, grpc.status.DEADLINE_EXCEEDED);
  assert.match(past.error!.details, /^Deadline exceeded after \d+\.\d{3}s$/);
  const invalid = await send(pair.client, {}, undefined, { deadline: new Date(NaN) });
  assert.equal(invalid.error!.code, grpc.status.DEADLINE_EXCEEDED);
});

Deno.test("calls inherit the deadline and the cancellation of their parent", async () => {
  const outcomes: Promise<grpc.ServiceError | undefined>[] = [];
  await using pair = await start({
    handlers: {
      send(call: grpc.ServerUnaryCall<Message, Message>) {
        if (call.request.text !== "outer") return;
        outcomes.push(
          send(pair.client, { text: "hang" }, undefined, { parent: call })
            .then(({ error }) => error),
          send(pair.client, { text: "hang" }, undefined, {
            parent: call,
            propagate_flags: grpc.propagate.CANCELLATION,
            deadline: Date.now() + 10_000,
          }).then(({ error }) => error),
        );
      },
    },
  });
  await send(pair.client, { text: "outer" }, undefined, { deadline: Date.now() + 150 });
  const [first, second] = await Promise.all(outcomes);
  assert.ok([grpc.status.DEADLINE_EXCEEDED, grpc.status.CANCELLED].includes(first!.code));
  assert.equal(second!.message, "1 CANCELLED: Cancelled by parent call");
});

Deno.test("a reply that cannot be decoded, and a request that cannot be encoded, end with INTERNAL", async () => {
  await using pair = await start();
  const run = (encode: (value: unknown) => Buffer, decode: (bytes: Buffer) => unknown) =>
    new Promise<grpc.ServiceError | null>((resolve) => {
      pair.client.makeUnaryRequest("/test.Letters/Send", encode, decode, {}, resolve);
    });
  const fail = () => {
    throw new Error("broken");
  };
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  assert.match((await run(json, fail))!.message, /^13 INTERNAL: Response message parsing error: b/);
  const encoding = await run(fail, String);
  assert.equal(encoding!.message, "13 INTERNAL: Request message serialization failure: broken");
});

Deno.test("what a callback throws does not end the connection", async () => {
  await using pair = await start();
  const uncaught = new Promise<string>((resolve) => {
    addEventListener("error", (event) => {
      event.preventDefault();
      resolve(event.message);
    }, { once: true });
  });
  pair.client.send({ text: "a" }, () => {
    throw new Error("from the callback");
  });
  assert.match(await uncaught, /from the callback/);
  assert.equal((await send(pair.client, { text: "b" })).reply!.text, "b!");
});

Deno.test("arguments that are not valid throw", async () => {
  await using pair = await start();
  assert.throws(() => pair.client.send({}, new grpc.Metadata(), {}), /Incorrect arguments passed/);
  const insecure = grpc.credentials.createInsecure();
  assert.throws(() => new grpc.Client("", insecure), /Could not parse target name/);
  assert.throws(() => new grpc.Client("a:1", {} as grpc.ChannelCredentials), {
    message: "Channel credentials must be a ChannelCredentials object",
  });
});

Deno.test("a server that is not there gives UNAVAILABLE with grpc-js's text; waitForReady its error", async () => {
  const client = new LettersClient("127.0.0.1:1", grpc.credentials.createInsecure());
  try {
    const { error } = await send(client, {});
    assert.match(error!.message, /^14 UNAVAILABLE: No connection established\. Last error: /);
    const failure = await new Promise((resolve) => client.waitForReady(Date.now() + 50, resolve));
    assert.equal((failure as Error).message, "Failed to connect before the deadline");
  } finally {
    client.close();
  }
  const closed = await new Promise((resolve) => client.waitForReady(Date.now() + 50, resolve));
  assert.equal((closed as Error).message, "The channel has been closed");
  assert.throws(() => client.send({}, () => {}), /Channel has been shut down/);
});

Deno.test("close lets open calls finish", async () => {
  let answer: grpc.sendUnaryData<Message> | undefined;
  let arrived = () => {};
  const arrival = new Promise<void>((resolve) => arrived = resolve);
  await using pair = await start({
    handlers: {
      send(_call: grpc.ServerUnaryCall<Message, Message>, callback: grpc.sendUnaryData<Message>) {
        answer = callback;
        arrived();
      },
    },
  });
  const outcome = send(pair.client, {});
  await arrival;
  pair.client.close();
  answer!(null, { text: "late" });
  assert.equal((await outcome).reply!.text, "late");
});

Deno.test("a call invocation transformer changes calls", async () => {
  await using pair = await start({
    client: {
      callInvocationTransformer: (call) => ({ ...call, argument: { text: "changed" } }),
    },
  });
  assert.equal((await send(pair.client, { text: "a" })).reply!.text, "changed!");
});

Deno.test("unread replies count in the memory of the channel, which grpc-node.max_session_memory bounds", async () => {
  const text = "x".repeat(50_000);
  await using pair = await start({
    client: { "grpc-node.max_session_memory": 0.2 },
    handlers: {
      scatter(call: grpc.ServerWritableStream<Message, Message>) {
        for (let count = call.request.count ?? 0; count > 0; count--) call.write({ text });
        call.end();
      },
    },
  });
  const unread = Array.from(
    { length: 4 },
    (): grpc.ClientReadableStream<Message> => pair.client.scatter({ count: 20 }),
  );
  const ends = unread.map((call) => new Promise((resolve) => call.on("status", resolve)));
  const { code, details } = await new Promise<grpc.ServiceError>((resolve) => {
    for (const call of unread) call.on("error", resolve);
  });
  assert.equal(code, grpc.status.RESOURCE_EXHAUSTED);
  assert.match(details, /^Cannot keep a message of 50\d{3} bytes until it is read: /);
  for (const call of unread) call.cancel();
  await Promise.all(ends);
  const read = await readAll(pair.client.scatter({ count: 20 }));
  assert.equal(read.status!.code, grpc.status.OK);
  assert.equal(read.replies.length, 20);
});

Deno.test("a channel closes although calls were made that never started; these end at their start", async () => {
  const server = new grpc.Server();
  server.addService(letters, implementation);
  const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
  let closed: Promise<unknown> | undefined;
  const listener = net.createServer((socket) => {
    closed = once(socket, "close");
    injector.injectConnection(socket);
  }).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as net.AddressInfo;
  const client = new LettersClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const parent = Object.assign(new EventEmitter(), { getDeadline: () => Infinity });
  const late = client.getChannel()
    .createCall("/test.Letters/Send", Infinity, null, parent, null, "unary");
  assert.equal((await send(client, { text: "a" })).reply!.text, "a!");
  client.close();
  await closed;
  const status = await new Promise<grpc.StatusObject>((resolve) =>
    late.start(new grpc.Metadata(), {
      onReceiveMetadata() {},
      onReceiveMessage() {},
      onReceiveStatus: resolve,
    })
  );
  assert.equal(status.code, grpc.status.UNAVAILABLE);
  assert.equal(status.details, "Channel closed before call started");
  assert.equal(parent.listenerCount("cancelled"), 0);
  server.forceShutdown();
  listener.close();
  await once(listener, "close");
});

Deno.test("close tells watchers of the state at once, also while calls are open", async () => {
  await using pair = await start();
  const channel = pair.client.getChannel();
  const outcome = send(pair.client, { text: "hang" }, undefined, { deadline: Date.now() + 5_000 });
  while (channel.getConnectivityState(true) !== grpc.connectivityState.READY) {
    await new Promise((resolve) =>
      channel.watchConnectivityState(channel.getConnectivityState(false), Infinity, resolve)
    );
  }
  const changed = new Promise<Error | undefined>((resolve) =>
    channel.watchConnectivityState(grpc.connectivityState.READY, Date.now() + 2_000, resolve)
  );
  await new Promise((resolve) => setTimeout(resolve, 20));
  pair.client.close();
  assert.equal(await changed, undefined);
  assert.equal(channel.getConnectivityState(false), grpc.connectivityState.SHUTDOWN);
  pair.server.forceShutdown();
  await outcome;
});

Deno.test("a target with an unknown scheme makes a channel whose calls end with UNAVAILABLE", async () => {
  const client = new LettersClient("consul://server", grpc.credentials.createSsl());
  try {
    assert.equal(client.getChannel().getTarget(), "dns:consul://server");
    const { error } = await send(client, {});
    assert.equal(error!.code, grpc.status.UNAVAILABLE);
    assert.match(error!.details, /Name resolution failed for target dns:consul:\/\/server/);
  } finally {
    client.close();
  }
});

Deno.test("grpc.min_reconnect_backoff_ms limits the time until the first settings", async () => {
  const sockets: net.Socket[] = [];
  const silent = net.createServer((socket) => sockets.push(socket)).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as net.AddressInfo;
  const client = new LettersClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
    "grpc.min_reconnect_backoff_ms": 50,
  });
  try {
    const { error } = await send(client, {});
    assert.equal(error!.code, grpc.status.UNAVAILABLE);
    assert.match(error!.details, /timed out after 50 ms/);
  } finally {
    client.close();
    for (const socket of sockets) socket.destroy();
    silent.close();
    await once(silent, "close");
  }
});
