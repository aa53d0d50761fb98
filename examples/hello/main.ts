/**
 * A typed service, a server and a client.
 *
 *     deno run -A examples/hello/main.ts
 *
 * The descriptor `GreeterService` is generated from examples/browser/greeter.proto; handlers and clients take their
 * types from it.
 *
 * @module
 */

import { connect, serve } from "@vrpc/vrpc";
import { GreeterService } from "../../proto/gen/examples/greeter_pb.ts";

await using server = await serve("127.0.0.1:0", (router) => {
  router.service(GreeterService, {
    // A handler takes a request and returns a reply, or yields several.
    greet: ({ name }) => ({ text: `Hello, ${name}` }),
    *countDown({ from }) {
      for (let left = from; left >= 0; left--) yield { left };
    },
  });
});

// `await using` closes the channel, then the server, at the end of the program.
await using channel = connect(server.addresses[0]);
const greeter = channel.client(GreeterService);

const { text } = await greeter.greet({ name: "Ada" }, { timeoutMs: 5_000 });
console.log(text);

for await (const { left } of greeter.countDown({ from: 3 })) console.log(`${left} …`);
