/**
 * Compression: what it saves, for each direction and each call.
 *
 *     deno run -A examples/compression/main.ts
 *
 * @module
 */

import { connect, serve } from "@vrpc/vrpc";

const text = new TextEncoder().encode("All work and no play makes Jack a dull boy. ".repeat(1_000));

await using server = await serve("127.0.0.1:0", (router) => {
  router.method("/text", {}, (_, context) => {
    console.log(`  the request was compressed: ${context.requestCompressed}`);
    return text;
  });
  router.method("/photo", {}, (_, context) => {
    context.compress = false; // it is compressed already
    return text;
  });
}, { compress: true }); // replies are compressed for callers that accept it

async function measure(path: string, request: Uint8Array, compress = false): Promise<void> {
  const reply = await channel.call(path, request, {
    compress,
    onMessage: ({ bytes, compressed }) => {
      console.log(
        `  the reply is ${compressed ? "compressed" : "not compressed"}, on the wire it has ` +
          `${bytes < text.length / 50 ? "less than a fiftieth" : "all"} of its bytes`,
      );
    },
  });
  if (reply.length !== text.length) throw new Error("The reply was to have all bytes");
}

// The first of the list is what requests are compressed with, and all are accepted in replies.
await using channel = connect(server.addresses[0], { encodings: ["zstd", "gzip"] });
console.log("/text, a compressed request");
await measure("/text", text, true);
console.log("/text, a request of 3 bytes"); // messages under 256 bytes are sent as they are
await measure("/text", text.subarray(0, 3), true);
console.log("/photo");
await measure("/photo", new Uint8Array());
