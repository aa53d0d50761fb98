import assert from "node:assert/strict";
import * as grpc from "../../src/grpc_js/mod.ts";
import { type Message, readAll, send, start } from "./fixtures.ts";

const refuseWithoutToken: grpc.ServerInterceptor = (_method, call) => {
  const listener = new grpc.ServerListenerBuilder()
    .withOnReceiveMetadata((metadata, next) => {
      if (metadata.get("token").length > 0) return next(metadata);
      call.sendStatus({ code: grpc.status.UNAUTHENTICATED, details: "no token" });
    })
    .build();
  const responder = new grpc.ResponderBuilder().withStart((next) => next(listener)).build();
  return new grpc.ServerInterceptingCall(call, responder);
};

function withToken(): grpc.Metadata {
  const metadata = new grpc.Metadata();
  metadata.set("token", "t");
  return metadata;
}

Deno.test("an interceptor ends calls before their handler", async () => {
  await using pair = await start({ server: { interceptors: [refuseWithoutToken] } });
  assert.equal((await send(pair.client, {})).error!.message, "16 UNAUTHENTICATED: no token");
  const { reply } = await send(pair.client, { text: "a" }, withToken());
  assert.equal(reply!.text, "a!");
  const scattered = await readAll(pair.client.scatter({ count: 2 }, withToken()));
  assert.equal(scattered.replies.length, 2);
});

Deno.test("all events pass an interceptor in order, and can be changed with a delay", async () => {
  const events: string[] = [];
  const later = (pass: () => void) => void setTimeout(pass, 5);
  const watching: grpc.ServerInterceptor = (method, call) => {
    events.push(method.path);
    return new grpc.ServerInterceptingCall(call, {
      start(next) {
        next({
          onReceiveMetadata(metadata, pass) {
            events.push("metadata");
            later(() => pass(metadata));
          },
          onReceiveMessage(message: Message, pass) {
            events.push(`message ${message.text}`);
            pass({ text: "changed" });
          },
          onReceiveHalfClose(pass) {
            events.push("half-close");
            pass();
          },
        });
      },
      sendMetadata(metadata, next) {
        events.push("headers");
        later(() => next(metadata));
      },
      sendMessage(message: Message, next) {
        events.push(`reply ${message.text}`);
        next({ text: `${message.text}?` });
      },
      sendStatus(status, next) {
        events.push(`status ${status.code}`);
        next(status);
      },
    });
  };
  await using pair = await start({ server: { interceptors: [watching] } });
  const { reply } = await send(pair.client, { text: "a" });
  assert.equal(reply!.text, "changed!?");
  assert.deepEqual(events, [
    "/test.Letters/Send",
    "metadata",
    "message a",
    "half-close",
    "headers",
    "reply changed!",
    "status 0",
  ]);
});

Deno.test("the last interceptor is the outermost; those of the credentials are inside", async () => {
  const order: string[] = [];
  const named = (name: string): grpc.ServerInterceptor => (_method, call) =>
    new grpc.ServerInterceptingCall(call, {
      sendStatus(status, next) {
        order.push(name);
        next(status);
      },
    });
  await using pair = await start({
    server: { interceptors: [named("b"), named("c")] },
    serverCredentials: grpc.createServerCredentialsWithInterceptors(
      grpc.ServerCredentials.createInsecure(),
      [named("a")],
    ),
  });
  await send(pair.client, {});
  assert.deepEqual(order, ["c", "b", "a"]);
});

Deno.test("interceptors get the cancellation and know both ends of the connection", async () => {
  let info: grpc.ConnectionInfo | undefined;
  let heard = () => {};
  const cancelled = new Promise<void>((resolve) => heard = resolve);
  const interceptor: grpc.ServerInterceptor = (_method, call) => {
    info = call.getConnectionInfo();
    return new grpc.ServerInterceptingCall(call, {
      start: (next) => next({ onCancel: () => heard() }),
    });
  };
  await using pair = await start({
    server: { interceptors: [interceptor] },
    handlers: { send: () => client!.cancel() },
  });
  let client: grpc.ClientUnaryCall | undefined;
  await send(pair.client, {}, undefined, {}, (call) => client = call);
  await cancelled;
  assert.equal(info!.remoteAddress, "127.0.0.1");
  assert.deepEqual([info!.localAddress, info!.localPort], ["127.0.0.1", pair.port]);
});
