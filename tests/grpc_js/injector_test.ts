import assert from "node:assert/strict";
import net from "node:net";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import * as grpc from "../../src/grpc_js/mod.ts";
import { implementation, letters, LettersClient, send } from "./fixtures.ts";

Deno.test("an injector serves connections of another listener", async () => {
  const server = new grpc.Server();
  server.addService(letters, implementation);
  const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
  const listener = net.createServer((socket) => injector.injectConnection(socket));
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as net.AddressInfo;
  const client = new LettersClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  assert.equal((await send(client, { text: "a" })).reply!.text, "a!");
  client.close();
  injector.destroy();
  await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  listener.close();
  await once(listener, "close");
});

Deno.test("options that are not valid fail injected connections, and reject nothing else", async () => {
  const server = new grpc.Server({ "grpc.max_concurrent_streams": -1 });
  const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
  const connection = new PassThrough();
  const failed = once(connection, "error");
  injector.injectConnection(connection);
  assert.match(String((await failed)[0]), /maxConcurrentStreams/);
  injector.drain(1);
  injector.destroy();
  server.forceShutdown();
});
