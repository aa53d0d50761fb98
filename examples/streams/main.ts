/**
 * Streams: a conversation of typed messages, back-pressure, and headers before the first message.
 *
 *     deno run -A examples/streams/main.ts
 *
 * @module
 */

import { connect, serve } from "@vrpc/vrpc";
import { GreeterService } from "../../proto/gen/examples/greeter_pb.ts";

let written = 0;

await using server = await serve("127.0.0.1:0", (router) => {
  router.service(GreeterService, {
    async *chat(messages, context) {
      context.responseHeaders.set("x-room", "blue");
      context.sendHeaders(); // now, instead of with the first message
      for await (const { name, text } of messages) {
        yield { name: "server", text: `${name} said ${text}` };
      }
      yield { name: "server", text: "goodbye" };
    },
  });
  router.method("/numbers", { kind: "server_streaming" }, function* () {
    for (;; written++) yield new Uint8Array(10_000);
  });
});
await using channel = connect(server.addresses[0]);

// Called without requests, a bidirectional method is a session: send and receive when there is something.
await using call = channel.client(GreeterService).chat();
console.log(`room: ${(await call.headers()).get("x-room")}`);
for (const text of ["hello", "how are you?"]) {
  await call.send({ name: "ada", text }); // resolves when the next one may be sent
  console.log((await call.receive())?.text);
}
call.closeSend();
for await (const { text } of call) console.log(text);

// A slow reader stops the writer: of this endless stream the server writes only what the windows take.
let read = 0;
for await (const _number of channel.stream("/numbers", new Uint8Array())) if (++read === 100) break;
console.log(
  `read ${read} of an endless stream, written: ${written < 10_000 ? "little more" : "all"}`,
);
