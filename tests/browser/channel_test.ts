import assert from "node:assert/strict";
import { serve, type ServeOptions } from "../../mod.ts";
import {
  type ChannelOptions,
  connect,
  findDetails,
  type Metadata,
  Status,
} from "../../src/browser/mod.ts";
import { ErrorInfoSchema } from "../../src/services/descriptors/errdetails.ts";
import {
  BrowserService,
  INITIAL,
  TRAILING,
  WAIT_FOR_END,
  WAIT_FOR_RELEASE,
} from "../compat/browser/methods.ts";
import { BrowserHandlers } from "../compat/browser/service.ts";
import { failure } from "../../src/testing/failure.ts";
import { until } from "../fixtures/waiting.ts";

async function start(options: { serve?: ServeOptions; connect?: ChannelOptions } = {}) {
  const handlers = new BrowserHandlers();
  const serveAt = (address: string) =>
    serve(address, (router) => handlers.add(router), { web: true, ...options.serve });
  const server = await serveAt("127.0.0.1:0");
  const address = server.addresses[0];
  const channel = connect(`http://${address}/any/path`, options.connect);
  return {
    handlers,
    server,
    channel,
    client: channel.client(BrowserService),
    serveAgain: () => serveAt(address),
    async [Symbol.asyncDispose]() {
      channel.close();
      await server.close();
    },
  };
}

const body = (size: number) => ({ body: new Uint8Array(size) });

async function sizes(replies: AsyncIterable<{ payload?: { body: Uint8Array } }>) {
  const all = [];
  for await (const { payload } of replies) all.push(payload?.body.length ?? 0);
  return all;
}

Deno.test("calls of all kinds, with small and large messages", async () => {
  await using started = await start();
  const { client, channel } = started;
  assert.equal(channel.state, "idle");
  for (const size of [0, 1, 2_000_000]) {
    const { payload } = await client.unaryCall({ payload: body(size) });
    assert.equal(payload?.body.length, size);
  }
  assert.equal(channel.state, "ready");
  const responseParameters = [{ size: 1 }, { size: 300_000 }, { size: 0 }];
  assert.deepEqual(await sizes(client.streamingOutputCall({ responseParameters })), [
    1,
    300_000,
    0,
  ]);
  const requests = [{ payload: body(5) }, { payload: body(700_000) }];
  assert.equal((await client.streamingInputCall(requests)).aggregatedPayloadSize, 700_005);
  assert.equal((await client.streamingInputCall([])).aggregatedPayloadSize, 0);
  assert.deepEqual(
    await sizes(client.fullDuplexCall(responseParameters.map((one) => ({
      responseParameters: [one],
    })))),
    [1, 300_000, 0],
  );
  assert.equal(started.server.stats().connections.accepted, 1);
});

Deno.test("an abort ends the iteration, also when all replies have arrived", async () => {
  await using started = await start();
  const abort = new AbortController();
  let ended = false;
  const replies = started.client.streamingOutputCall(
    { responseParameters: [{ size: 1 }, { size: 2 }, { size: 3 }] },
    { signal: abort.signal, onTrailers: () => ended = true },
  )[Symbol.asyncIterator]();
  await replies.next();
  await until(() => ended);
  abort.abort();
  assert.equal((await failure(replies.next())).code, Status.CANCELLED);
});

Deno.test("a bidirectional stream answers while its requests go on", async () => {
  await using started = await start();
  const received: number[] = [];
  let next = Promise.withResolvers<number>();
  async function* requests() {
    for (let size = 1; size !== 0; size = await next.promise) {
      next = Promise.withResolvers();
      yield { responseParameters: [{ size }] };
    }
  }
  for await (const { payload } of started.client.fullDuplexCall(requests())) {
    received.push(payload!.body.length);
    next.resolve(received.length < 5 ? received.length + 1 : 0);
  }
  assert.deepEqual(received, [1, 2, 3, 4, 5]);
});

Deno.test("metadata, headers and trailers", async () => {
  await using started = await start();
  let headers: Metadata | undefined;
  let trailers: Metadata | undefined;
  await started.client.unaryCall({}, {
    metadata: { [INITIAL]: "first", [TRAILING]: Uint8Array.of(0, 255) },
    onHeaders: (received) => headers = received,
    onTrailers: (received) => trailers = received,
  });
  assert.equal(headers?.get(INITIAL), "first");
  assert.deepEqual(trailers?.get(TRAILING), Uint8Array.of(0, 255));
});

Deno.test("errors have code, text, details, method, address and the caller's stack", async () => {
  await using started = await start();
  const responseStatus = { code: 9, message: "as asked: ä€😀" };
  async function caller() {
    await started.client.unaryCall({ responseStatus });
  }
  const error = await failure(caller());
  assert.equal(error.code, Status.FAILED_PRECONDITION);
  assert.equal(error.message, responseStatus.message);
  assert.equal(error.method, "/grpc.testing.TestService/UnaryCall");
  assert.equal(error.address, `ws://${started.server.addresses[0]}/any/path`);
  assert.deepEqual(findDetails(error, ErrorInfoSchema).map(({ reason }) => reason), ["ASKED"]);
  assert.match(error.stack!, /caller/);

  const got: number[] = [];
  const streamed = await failure((async () => {
    const request = { responseParameters: [{ size: 4 }], responseStatus };
    for await (const { payload } of started.client.streamingOutputCall(request)) {
      got.push(payload!.body.length);
    }
  })());
  assert.deepEqual([got, streamed.code], [[4], 9]);
  assert.equal((await failure(started.client.unimplementedCall({}))).code, Status.UNIMPLEMENTED);
});

Deno.test("a deadline reaches the server and ends the call", async () => {
  await using started = await start({ connect: { timeoutMs: 150 } });
  const { client, handlers } = started;
  await client.emptyCall({}, { timeoutMs: 20_000 });
  const error = await failure(client.unaryCall({ responseSize: WAIT_FOR_END }));
  assert.equal(error.code, Status.DEADLINE_EXCEEDED);
  const { code, timeLeftMs } = await handlers.nextEnded();
  assert.match(code, /^(CANCELLED|DEADLINE_EXCEEDED)$/);
  assert.ok(timeLeftMs <= 150);
  assert.equal((await failure(client.emptyCall({}, { timeoutMs: 0 }))).code, 4);
  await assert.rejects(client.emptyCall({}, { timeoutMs: -1 }), RangeError);
});

Deno.test("cancellation by signal, by leaving a stream, and of a call that waits", async () => {
  await using started = await start();
  const { client, handlers } = started;
  const wait = { responseSize: WAIT_FOR_END };
  const controller = new AbortController();
  const { signal } = controller;
  const calls = [client.unaryCall(wait, { signal }), client.unaryCall(wait, { signal })];
  const failures = calls.map(failure);
  await until(() => handlers.calls === 2);
  controller.abort();
  for (const error of await Promise.all(failures)) assert.equal(error.code, Status.CANCELLED);
  for (const _ of calls) assert.equal((await handlers.nextEnded()).code, "CANCELLED");
  const aborted = failure(client.emptyCall({}, { signal: AbortSignal.abort() }));
  assert.equal((await aborted).code, Status.CANCELLED);
  const trap = () => {
    throw new Error("a trap");
  };
  const reason = new Proxy({}, { getPrototypeOf: trap, get: trap });
  const trapped = failure(client.emptyCall({}, { signal: AbortSignal.abort(reason) }));
  assert.equal((await trapped).code, Status.CANCELLED);
  const late = failure(client.unaryCall(wait, { signal: AbortSignal.timeout(20) }));
  assert.equal((await late).code, Status.DEADLINE_EXCEEDED);
  await handlers.nextEnded();

  const request = { responseParameters: [{ size: 1 }, { size: WAIT_FOR_END }] };
  for await (const _ of client.streamingOutputCall(request)) break;
  assert.equal((await handlers.nextEnded()).code, "CANCELLED");
});

Deno.test("the source of requests is left when the call ends, and its errors cancel the call", async () => {
  await using started = await start();
  const { client } = started;
  let left = false;
  async function* endless() {
    try {
      yield { responseStatus: { code: 5, message: "gone" } };
      await new Promise((resolve) => setTimeout(resolve, 10));
      for (;;) yield {};
    } finally {
      left = true;
    }
  }
  assert.equal((await failure(sizes(client.fullDuplexCall(endless())))).code, Status.NOT_FOUND);
  await until(() => left);
  // deno-lint-ignore require-yield
  async function* broken(): AsyncGenerator<Record<string, never>> {
    throw new Error("no more");
  }
  const error = await failure(sizes(client.fullDuplexCall(broken())));
  assert.equal(error.message, "The stream of requests failed: no more");
  assert.throws(() => client.fullDuplexCall(7 as never), TypeError);
});

Deno.test("a reader that does not read stops the server, and memory stays bounded", async () => {
  await using started = await start();
  const responseParameters = Array.from({ length: 200 }, () => ({ size: 60_000 }));
  const replies = started.client.streamingOutputCall({ responseParameters });
  const iterator = replies[Symbol.asyncIterator]();
  await iterator.next();
  const { client } = started;
  // Other calls go on meanwhile, and most of the stream waits on the server.
  for (let i = 0; i < 20; i++) await client.emptyCall({});
  assert.equal(started.server.stats().calls.active, 1);
  let count = 1;
  while (!(await iterator.next()).done) count++;
  assert.equal(count, 200);
});

Deno.test("a sender waits for a handler that does not read", async () => {
  await using started = await start();
  let sent = 0;
  function* requests() {
    yield { responseParameters: [{ size: 1, intervalUs: WAIT_FOR_RELEASE }] };
    for (; sent < 300; sent++) yield { payload: body(60_000) };
  }
  const replies = sizes(started.client.fullDuplexCall(requests()));
  await until(() => sent > 0);
  for (let i = 0; i < 20; i++) await started.client.unaryCall({});
  assert.ok(sent < 100, `${sent}`);
  await started.client.emptyCall({});
  assert.deepEqual(await replies, [1]);
  assert.equal(sent, 300);
});

Deno.test("calls above the server's limit wait for a slot", async () => {
  await using started = await start({ serve: { limits: { maxConcurrentStreams: 3 } } });
  const { client } = started;
  const calls = Array.from({ length: 20 }, () => client.unaryCall({ payload: body(10) }));
  for (const reply of await Promise.all(calls)) assert.equal(reply.payload?.body.length, 10);
});

Deno.test("replies above maxReceiveMessageBytes are refused", async () => {
  await using started = await start({ connect: { maxReceiveMessageBytes: 1_000 } });
  const { client } = started;
  const error = await failure(client.unaryCall({ payload: body(2_000) }));
  assert.equal(error.code, Status.RESOURCE_EXHAUSTED);
  assert.equal((await client.unaryCall({ payload: body(500) })).payload?.body.length, 500);
});

Deno.test("calls fail with UNAVAILABLE when the connection is lost; the next one connects again", async () => {
  await using started = await start();
  const { client, handlers, server, channel } = started;
  const open = failure(client.unaryCall({ responseSize: WAIT_FOR_END }));
  await until(() => handlers.calls === 1);
  await server.close();
  assert.equal((await open).code, Status.UNAVAILABLE);
  await until(() => channel.state === "idle");
  const refused = await failure(client.emptyCall({}));
  assert.equal(refused.code, Status.UNAVAILABLE);
  assert.match(refused.message, /^Cannot connect to ws:.*: the WebSocket could not be opened$/);
  await using again = await started.serveAgain();
  await client.emptyCall({});
  assert.equal(again.stats().connections.open, 1);
});

Deno.test("a server that shuts down lets open calls finish", async () => {
  await using started = await start();
  const { client, handlers, server } = started;
  const request = { responseParameters: [{ size: 1 }, { size: 2, intervalUs: 100_000 }] };
  const replies = client.streamingOutputCall(request);
  await until(() => handlers.calls === 1);
  const shutdown = server.shutdown({ graceMs: 5_000 });
  assert.deepEqual(await sizes(replies), [1, 2]);
  await shutdown;
});

Deno.test("close() ends open and waiting calls and later ones", async () => {
  await using started = await start();
  const { client, channel, handlers } = started;
  const open = failure(client.unaryCall({ responseSize: WAIT_FOR_END }));
  await until(() => handlers.calls === 1);
  channel.close();
  channel.close();
  assert.equal((await open).message, "The channel was closed");
  assert.equal(channel.state, "closed");
  assert.equal((await failure(client.emptyCall({}))).message, "The channel is closed");
  assert.equal((await handlers.nextEnded()).code, "UNAVAILABLE");
});

Deno.test("a server that does not answer is given up after connectTimeoutMs", async () => {
  await using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = silent.accept();
  const channel = connect(`ws://127.0.0.1:${silent.addr.port}`, { connectTimeoutMs: 50 });
  const error = await failure(channel.client(BrowserService).emptyCall({}));
  assert.match(error.message, /no connection within 50 ms$/);
  channel.close();
  (await accepted).close();
});

Deno.test("a server without the web protocols is an error at once", async () => {
  await using started = await start({ serve: { web: false } });
  const error = await failure(started.client.emptyCall({}));
  assert.equal(error.code, Status.UNAVAILABLE);
});

Deno.test("a page whose origin is not allowed cannot connect", async () => {
  await using started = await start();
  class FromPage extends WebSocket {
    constructor(url: string, protocol: string) {
      super(url, { protocols: [protocol], headers: { origin: "https://evil.example" } } as never);
    }
  }
  const url = `ws://${started.server.addresses[0]}`;
  const channel = connect(url, { webSocket: FromPage });
  const error = await failure(channel.client(BrowserService).emptyCall({}));
  assert.match(error.message, /the WebSocket could not be opened$/);
  assert.equal(started.handlers.calls, 0);
  channel.close();
});
