import assert from "node:assert/strict";
import { once } from "node:events";
import * as grpc from "../../src/grpc_js/mod.ts";
import { type Message, send, start } from "./fixtures.ts";

Deno.test("forceShutdown ends open calls with CANCELLED, also while tryShutdown waits for them", async () => {
  for (
    const begins of [(_: grpc.Server) => {}, (server: grpc.Server) => server.tryShutdown(() => {})]
  ) {
    const arrivals = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const cancelled = Promise.withResolvers<void>();
    await using pair = await start({
      handlers: {
        send(call: grpc.ServerUnaryCall<Message, Message>) {
          call.on("cancelled", cancelled.resolve);
          arrivals[0].resolve();
        },
        chat: () => arrivals[1].resolve(),
      },
    });
    const outcome = send(pair.client, {});
    const chat: grpc.ClientDuplexStream<Message, Message> = pair.client.chat();
    const failed = once(chat, "error");
    await Promise.all(arrivals.map(({ promise }) => promise));
    begins(pair.server);
    pair.server.forceShutdown();
    assert.equal((await outcome).error!.message, "1 CANCELLED: Call cancelled");
    assert.equal((await failed)[0].code, grpc.status.CANCELLED);
    await cancelled.promise;
  }
});
