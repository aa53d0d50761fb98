/**
 * Reflection: a client without any `.proto` file learns a server's services, and calls one.
 *
 *     deno run -A examples/reflection/main.ts
 *
 * `grpcurl` and `deno task vrpc` work this way.
 *
 * @module
 */

import { create, toJsonString } from "@bufbuild/protobuf";
import { connect, serve } from "@vrpc/vrpc";
import { addReflection, reflectServices } from "@vrpc/vrpc/services";
import { GreeterService } from "../../proto/gen/examples/greeter_pb.ts";

await using server = await serve("127.0.0.1:0", (router) => {
  router.service(GreeterService, { greet: ({ name }) => ({ text: `Hello, ${name}` }) });
  addReflection(router);
});

// From here on nothing is known but the address.
await using channel = connect(server.addresses[0]);
const { services, registry } = await reflectServices(channel);
for (const name of services) console.log(`service ${name}`);

const service = registry.getService("example.v1.GreeterService")!;
for (const { name, input, output, methodKind } of service.methods) {
  console.log(`  ${name}(${input.name}) → ${output.name}, ${methodKind}`);
}

// A descriptor that was read at run time makes a client like any other.
const client = channel.client(service) as Record<string, (request: unknown) => Promise<never>>;
const { input, output } = service.method.greet;
const reply = await client.greet(create(input, { name: "Ada" } as never));
console.log(toJsonString(output, reply));
