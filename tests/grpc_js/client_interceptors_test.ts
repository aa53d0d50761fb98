import assert from "node:assert/strict";
import * as grpc from "../../src/grpc_js/mod.ts";
import { send, start } from "./fixtures.ts";

function headerInterceptor(value: string): grpc.Interceptor {
  return (options, nextCall) =>
    new grpc.InterceptingCall(
      nextCall(options),
      new grpc.RequesterBuilder()
        .withStart((metadata, _listener, next) => {
          metadata.add("via", value);
          next(metadata, {});
        })
        .build(),
    );
}

const echoVia: grpc.UntypedServiceImplementation = {
  send(call: grpc.ServerUnaryCall<object, object>, callback: grpc.sendUnaryData<object>) {
    callback(null, { text: call.metadata.get("via").join(">") });
  },
};

Deno.test("interceptors run in order; those of a call replace the client's", async () => {
  await using pair = await start({
    client: { interceptors: [headerInterceptor("a"), headerInterceptor("b")] },
    handlers: echoVia,
  });
  assert.equal((await send(pair.client, {})).reply!.text, "a>b");
  const own = { interceptors: [headerInterceptor("c")] };
  assert.equal((await send(pair.client, {}, undefined, own)).reply!.text, "c");
  const provided = { interceptor_providers: [() => headerInterceptor("d")] };
  assert.equal((await send(pair.client, {}, undefined, provided)).reply!.text, "d");
});

Deno.test("messages and statuses are changed, also with a delay, in their order", async () => {
  const later = (pass: () => void) => void setTimeout(pass, 5);
  const interceptor: grpc.Interceptor = (options, nextCall) =>
    new grpc.InterceptingCall(nextCall(options), {
      start(metadata, _listener, next) {
        const listener = new grpc.ListenerBuilder()
          .withOnReceiveMetadata((received, pass) => later(() => pass(received)))
          .withOnReceiveMessage((message, pass) => pass({ text: `<${message.text}>` }))
          .withOnReceiveStatus((status, pass) => pass({ ...status, details: "changed" }))
          .build();
        later(() => next(metadata, listener));
      },
      sendMessage: (message, next) => next({ text: message.text.toUpperCase() }),
    });
  await using pair = await start({ client: { interceptors: [interceptor] } });
  const { reply, status, events } = await send(pair.client, { text: "a" });
  assert.deepEqual(reply, { text: "<A!>" });
  assert.equal(status!.details, "changed");
  assert.deepEqual(events, ["metadata", "callback", "status"]);
});

Deno.test("an interceptor sees the cancellation, and can answer without the server", async () => {
  const cached: grpc.Interceptor = (options, nextCall) => {
    let listener: grpc.InterceptingListener | undefined;
    return new grpc.InterceptingCall(nextCall(options), {
      start(_metadata, received) {
        listener = received;
      },
      sendMessage() {
        listener!.onReceiveMetadata(new grpc.Metadata());
        listener!.onReceiveMessage({ text: "cached" });
        const metadata = new grpc.Metadata();
        listener!.onReceiveStatus({ code: grpc.status.OK, details: "", metadata });
      },
      halfClose() {},
    });
  };
  await using pair = await start();
  const answer = await new Promise((resolve) => {
    pair.client.send(
      {},
      { interceptors: [cached] },
      (_: unknown, reply: unknown) => resolve(reply),
    );
  });
  assert.deepEqual(answer, { text: "cached" });
  let seen = false;
  const cancelling: grpc.Interceptor = (options, nextCall) =>
    new grpc.InterceptingCall(nextCall(options), {
      cancel(next) {
        seen = true;
        next();
      },
    });
  const { error } = await send(
    pair.client,
    { text: "hang" },
    undefined,
    { interceptors: [cancelling] },
    (call) => call.cancel(),
  );
  assert.equal(error!.code, grpc.status.CANCELLED);
  assert.ok(seen);
});

Deno.test("interceptors and providers at once are refused", async () => {
  await using pair = await start();
  const interceptors = [headerInterceptor("a")];
  const interceptor_providers = [() => headerInterceptor("b")];
  assert.throws(
    () => pair.client.send({}, { interceptors, interceptor_providers }, () => {}),
    grpc.InterceptorConfigurationError,
  );
  const credentials = grpc.credentials.createInsecure();
  assert.throws(
    () => new grpc.Client("a:1", credentials, { interceptors, interceptor_providers }),
    /Only one of these is allowed/,
  );
});
