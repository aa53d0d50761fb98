/**
 * A session, in which both sides send at any time. This server sends a greeting, replies to each message with
 * its length, and sends the number of messages after the client's half-close.
 *
 *     deno run -A examples/session_server.ts [ADDRESS]
 *
 * @module
 */

import { serve, textCodec } from "../mod.ts";
import { selfSigned } from "../src/transport/certs.ts";

const tls = await selfSigned();
const server = await serve(Deno.args[0] ?? "127.0.0.1:8447", (router) => {
  router.method(
    "/session",
    {
      description: "replies with the length of each message",
      kind: "bidi_streaming",
      requestCodec: textCodec,
      responseCodec: textCodec,
    },
    async function* (messages) {
      yield "welcome";
      let count = 0;
      for await (const message of messages) {
        count++;
        yield `message ${count} has ${message.length} characters`;
      }
      yield `goodbye after ${count} messages`;
    },
  );
}, { tls });

console.log(`listening ${server.addresses[0]}`);
Deno.addSignalListener("SIGINT", () => server.shutdown({ graceMs: 1_000 }));
await server.finished;
Deno.exit(0);
