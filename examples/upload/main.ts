/**
 * Byte streams: a file is uploaded piece by piece with its progress, and its hash comes back.
 *
 *     deno run -A examples/upload/main.ts
 *
 * Messages have a limit of 4 MiB; byte streams have none. A slow reader stops the writer, so that memory stays bounded
 * on both sides.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { connect, serve } from "@vrpc/vrpc";
import { addByteStream, callByteStream } from "@vrpc/vrpc/streams";

const directory = await Deno.makeTempDir();

await using server = await serve("127.0.0.1:0", (router) => {
  addByteStream(router, "/files/store", { description: "stores a file" }, async (stream) => {
    const hash = createHash("sha256");
    const file = await Deno.open(`${directory}/stored`, { write: true, create: true });
    const hashing = new TransformStream<Uint8Array, Uint8Array>({
      transform(piece, controller) {
        hash.update(piece);
        controller.enqueue(piece);
      },
    });
    await stream.readable.pipeThrough(hashing).pipeTo(file.writable); // closes the file
    await stream.write(new TextEncoder().encode(hash.digest("hex")));
  });
});
await using channel = connect(server.addresses[0]);

// A file to send, of 20 MiB.
const path = `${directory}/original`;
await Deno.writeFile(path, new Uint8Array(20 * 1024 * 1024).map((_, i) => i % 251));
const { size } = await Deno.stat(path);

/** Passes bytes on and reports each quarter. */
function progress(size: number): TransformStream<Uint8Array, Uint8Array> {
  let sent = 0;
  let reported = 0;
  return new TransformStream({
    transform(piece, controller) {
      sent += piece.length;
      while (sent >= (reported + 1) * size / 4) console.log(`sent ${++reported * 25} %`);
      controller.enqueue(piece);
    },
  });
}

const file = await Deno.open(path);
// The length is announced: the server then notices a file that was cut off.
const reply = await callByteStream(
  channel,
  "/files/store",
  file.readable.pipeThrough(progress(size)),
  { count: size },
);
const hash = await new Response(reply.readable).text();
const expected = createHash("sha256").update(await Deno.readFile(path)).digest("hex");
const { size: stored } = await Deno.stat(`${directory}/stored`);
console.log(`stored ${stored} bytes, the hash is ${hash === expected ? "right" : "wrong"}`);

await Deno.remove(directory, { recursive: true });
