import assert from "node:assert/strict";
import { type ChannelOptions, connect, RpcError, serve, Status, textCodec } from "../../../mod.ts";
import { EchoService } from "../../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { addEcho } from "../../../src/services/echo.ts";
import { testServer } from "../../../src/testing/mod.ts";

for (const intercepted of [false, true]) {
  const way = intercepted ? "through interceptors" : "straight";
  Deno.test(`send() of a session rejects after the server has failed it, ${way}`, async () => {
    await using server = await serve("127.0.0.1:0", (router) => {
      router.method("/refuse", { kind: "bidi_streaming" }, async function* (requests) {
        for await (const _ of requests) throw new RpcError(Status.PERMISSION_DENIED, "no");
        yield new Uint8Array(0);
      });
    });
    await using channel = connect(
      server.addresses[0],
      intercepted ? { interceptors: [(next) => (call) => next(call)] } : {},
    );
    const session = channel.session("/refuse");
    await session.send(new Uint8Array(1)).catch(() => {});
    await assert.rejects(session.receive(), { code: Status.PERMISSION_DENIED });
    await assert.rejects(session.send(new Uint8Array(1)), RpcError);
    await assert.rejects(session.send(new Uint8Array(1)), RpcError);
  });
}

/** A signal that counts its listeners. */
function countedSignal() {
  const controller = new AbortController();
  const { signal } = controller;
  const counts = { added: 0, left: 0 };
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    counts.added++;
    counts.left++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    counts.left--;
    remove(...args);
  };
  return { controller, signal, counts };
}

for (const intercepted of [false, true]) {
  const way = intercepted ? "through interceptors" : "straight";
  Deno.test(`a session leaves nothing on its signal, ${way}`, async () => {
    await using server = await serve("127.0.0.1:0", (router) => {
      router.method("/echo", { kind: "bidi_streaming" }, (requests) => requests);
    });
    await using channel = connect(
      server.addresses[0],
      intercepted ? { interceptors: [(next) => (call) => next(call)] } : {},
    );
    const { controller, signal, counts } = countedSignal();
    const ended = channel.session("/echo", { signal });
    await ended.send(new Uint8Array(1));
    assert.deepEqual(await ended.receive(), new Uint8Array(1));
    assert.equal(counts.left, 1);
    ended.closeSend();
    assert.equal(await ended.receive(), null);
    assert.equal(counts.left, 0);

    channel.session("/echo", { signal }).cancel();
    await using open = channel.session("/echo", { signal });
    await open.send(new Uint8Array(1));
    const received = open.receive().then(() => open.receive());
    const reason = new Error("enough");
    controller.abort(reason);
    await assert.rejects(received, { code: Status.CANCELLED, cause: reason });
    assert.ok(counts.added > 0);
    const late = channel.session("/echo", { signal });
    await assert.rejects(late.receive(), { code: Status.CANCELLED, cause: reason });
  });
}

for (const wire of ["grpc", "lean", "connect"] as const) {
  for (const intercepted of [false, true]) {
    const way = `${wire}, ${intercepted ? "through interceptors" : "straight"}`;
    const options: ChannelOptions = {
      wire,
      interceptors: intercepted ? [(next) => (call) => next(call)] : [],
    };

    Deno.test(`typed calls are pushed into, and have their headers first: ${way}`, async () => {
      await using test = await testServer((router) => {
        router.service(EchoService, {
          async *echoStream(requests, context) {
            context.responseHeaders.set("served-by", "test");
            context.sendHeaders();
            for await (const { payload } of requests) yield { payload };
          },
        });
      }, { serve: { web: true }, connect: options });
      await using call = test.client(EchoService).echoStream();
      assert.equal((await call.headers()).get("served-by"), "test");
      for (const byte of [1, 2]) {
        await call.send({ payload: new Uint8Array([byte]) });
        assert.deepEqual((await call.receive())?.payload, new Uint8Array([byte]));
      }
      await call.send({ payload: new Uint8Array([3]) });
      call.closeSend();
      const rest: number[] = [];
      for await (const { payload } of call) rest.push(payload[0]);
      assert.deepEqual(rest, [3]);
      assert.equal((await call.headers()).get("served-by"), "test");
    });

    Deno.test(`a typed call that fails rejects its headers and sends: ${way}`, async () => {
      await using test = await testServer((router) => {
        router.service(EchoService, {
          echoStream() {
            throw new RpcError(Status.PERMISSION_DENIED, "no");
          },
        });
      }, { serve: { web: true }, connect: options });
      await using call = test.client(EchoService).echoStream(undefined, { timeoutMs: 60_000 });
      // Connect sends the headers of a stream ahead of its failure.
      if (wire === "connect") await call.headers();
      else await assert.rejects(call.headers(), { code: Status.PERMISSION_DENIED });
      await assert.rejects(call.receive(), { code: Status.PERMISSION_DENIED });
      await assert.rejects(call.send({}), RpcError);
    });

    Deno.test(`headers of a session that the server ends without any are empty: ${way}`, async () => {
      await using test = await testServer((router) => {
        router.method("/end", { kind: "bidi_streaming" }, () => []);
      }, { serve: { web: true }, connect: options });
      await using session = test.channel.session("/end");
      assert.equal(await session.receive(), null);
      assert.equal((await session.headers()).get("served-by"), undefined);
    });
  }
}

Deno.test("a message that cannot be encoded fails its send and not the call", async () => {
  await using test = await testServer((router) => {
    addEcho(router);
  });
  await using call = test.client(EchoService).echoStream();
  await assert.rejects(call.send({ payload: 5 as never }));
  await call.send({ payload: new Uint8Array([1]) });
  assert.equal((await call.receive())?.payload.length, 1);
});

Deno.test("a method with codecs of its own is pushed into as well", async () => {
  await using test = await testServer((router) => {
    const codecs = { requestCodec: textCodec, responseCodec: textCodec };
    router.method("/chat", { kind: "bidi_streaming", ...codecs }, (texts) => texts);
  });
  await using call = test.channel.method<string, string>({
    path: "/chat",
    kind: "bidi_streaming",
    requestCodec: textCodec,
    responseCodec: textCodec,
  }).bidiStreaming();
  await call.send("hello");
  assert.equal(await call.receive(), "hello");
  call.cancel();
  await assert.rejects(call.receive(), { code: Status.CANCELLED });
});
