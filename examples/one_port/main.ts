/**
 * One port: several services for gRPC, lean, Connect with JSON, gRPC-Web and plain HTTP, by the same handlers.
 *
 *     deno run -A examples/one_port/main.ts
 *
 * The server tells the protocols apart by the first bytes of a connection.
 *
 * @module
 */

import { connect, serve } from "@vrpc/vrpc";
import { addEcho, addHealth, addReflection } from "@vrpc/vrpc/services";
import { EchoService } from "@vrpc/vrpc/services/echo";
import { Health } from "@vrpc/vrpc/services/health";
import { GreeterService } from "../../proto/gen/examples/greeter_pb.ts";

await using server = await serve("127.0.0.1:0", (router) => {
  router.service(GreeterService, {
    greet: ({ name }, { wire }) => ({ text: `Hello, ${name}, by ${wire}` }),
  });
  router.method("/version", {}, () => new TextEncoder().encode("1.0")); // by name, without a .proto file
  addEcho(router);
  addHealth(router);
  addReflection(router);
}, { web: true }); // gRPC-Web and Connect as well
const [address] = server.addresses;

for (const wire of ["grpc", "lean", "connect", "grpc-web"] as const) {
  await using channel = connect(address, { wire });
  console.log((await channel.client(GreeterService).greet({ name: "Ada" })).text);
}

// curl http://ADDRESS/example.v1.GreeterService/Greet -H 'content-type: application/json' -d '{"name":"Ada"}'
const response = await fetch(`http://${address}/example.v1.GreeterService/Greet`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ name: "Ada" }),
});
console.log(await response.text());
console.log(`GET /healthz: ${(await fetch(`http://${address}/healthz`)).status}`);

// Several services on one connection.
await using channel = connect(address);
const payload = new TextEncoder().encode("🌍");
const [echo, health, version] = await Promise.all([
  channel.client(EchoService).echo({ payload }),
  channel.client(Health).check({ service: GreeterService.typeName }),
  channel.call("/version", new Uint8Array()),
]);
console.log(
  new TextDecoder().decode(echo.payload),
  health.status,
  new TextDecoder().decode(version),
);
console.log(`connections: ${channel.stats().connections.length}`);
