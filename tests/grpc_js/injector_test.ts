import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import net from "node:net";
import tls from "node:tls";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import * as grpc from "../../src/grpc_js/mod.ts";
import { Injectors } from "../../src/grpc_js/injector.ts";
import { selfSigned } from "../../src/transport/certs.ts";
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

Deno.test("an injector makes one TLS server for all its connections", async () => {
  const { cert, key } = await selfSigned();
  const server = new grpc.Server();
  server.addService(letters, implementation);
  const injector = server.createConnectionInjector(
    grpc.ServerCredentials.createSsl(null, [{
      private_key: Buffer.from(key),
      cert_chain: Buffer.from(cert),
    }]),
  );
  const listener = net.createServer((socket) => injector.injectConnection(socket));
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const target = `localhost:${(listener.address() as net.AddressInfo).port}`;
  let servers = 0;
  const { createServer } = tls;
  tls.createServer = ((options: tls.TlsOptions) => {
    servers++;
    return createServer(options);
  }) as typeof createServer;
  try {
    for (let i = 0; i < 3; i++) {
      const client = new LettersClient(target, grpc.credentials.createSsl(Buffer.from(cert)));
      assert.equal((await send(client, { text: "a" })).reply!.text, "a!");
      client.close();
    }
  } finally {
    tls.createServer = createServer;
  }
  assert.ok(servers <= 1, `${servers} servers were made`);
  server.forceShutdown();
  listener.close();
  await once(listener, "close");
});

Deno.test("a destroyed injector is kept until its connections are closed, and no longer", async () => {
  const injectors = new Injectors();
  const injector = injectors.make({});
  const broken = injectors.make({ limits: { maxConcurrentStreams: -1 } });
  injector.destroy();
  broken.destroy();
  assert.equal(injectors.size, 2);
  await injector.shutdown();
  while (injectors.size > 0) await new Promise((resolve) => setTimeout(resolve, 1));
});
