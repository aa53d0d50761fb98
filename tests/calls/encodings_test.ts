/** Compressions on every wire, by the option `encodings` of both sides. */

import assert from "node:assert/strict";
import zlib from "node:zlib";
import { type ChannelOptions, connect, type Encoding, serve, Status } from "../../mod.ts";
import { failure } from "../../src/testing/failure.ts";

const hasZstd = "zstdCompress" in zlib;
const ALL: readonly Encoding[] = [
  "gzip",
  ...hasZstd ? ["zstd" as const] : [],
  "deflate",
  "snappy",
  "br",
];
const WIRES: readonly ChannelOptions[] = [
  { wire: "grpc" },
  { wire: "lean" },
  { wire: "connect" },
  { wire: "connect", httpVersion: "1.1" },
  { wire: "grpc-web" },
  { wire: "grpc-web", httpVersion: "1.1" },
];
const MESSAGE = new TextEncoder().encode("something that gets smaller, ".repeat(400));

async function start(encodings?: readonly Encoding[], maxReceiveMessageBytes?: number) {
  return await serve("127.0.0.1:0", (router) => {
    router.method("/unary", {}, (request, context) => {
      context.responseHeaders.set("was-compressed", `${context.requestCompressed}`);
      return request;
    });
    router.method("/stream", { kind: "bidi_streaming" }, (requests) => requests);
  }, { web: true, compress: true, encodings, maxReceiveMessageBytes });
}

for (const wire of WIRES) {
  const name = `${wire.wire}${wire.httpVersion === undefined ? "" : " on HTTP/1.1"}`;

  Deno.test(`encodings: requests and replies in each compression, ${name}`, async () => {
    await using server = await start(ALL);
    for (const encoding of ALL) {
      const options = { ...wire, compress: true, encodings: [encoding] };
      await using channel = connect(server.addresses[0], options);
      const sizes: number[] = [];
      let headers = "";
      const reply = await channel.call("/unary", MESSAGE, {
        onHeaders: (received) => headers = `${received.get("was-compressed")}`,
        onMessage: ({ bytes, compressed }) => compressed && sizes.push(bytes),
      });
      assert.deepEqual(reply, MESSAGE, encoding);
      assert.equal(headers, "true", encoding);
      await using session = channel.session("/stream", {
        onMessage: ({ bytes, compressed }) => compressed && sizes.push(bytes),
      });
      await session.send(MESSAGE);
      session.closeSend();
      assert.deepEqual(await session.receive(), MESSAGE, encoding);
      assert.equal(sizes.length, 2, encoding);
      assert.ok(sizes.every((bytes) => bytes < MESSAGE.length / 4), `${encoding}: ${sizes}`);
    }
  });

  Deno.test(`encodings: what inflates past the limit is refused, ${name}`, async () => {
    await using server = await start(ALL, 100_000);
    for (const encoding of ALL) {
      const options = { ...wire, compress: true, encodings: [encoding] };
      await using channel = connect(server.addresses[0], options);
      const error = await failure(channel.call("/unary", new Uint8Array(1_000_000)));
      assert.equal(error.code, Status.RESOURCE_EXHAUSTED, encoding);
      assert.equal((await channel.call("/unary", MESSAGE)).length, MESSAGE.length);
    }
  });

  if (wire.wire === "lean") continue;

  Deno.test(`encodings: a compression that the server does not list is refused, ${name}`, async () => {
    await using server = await start();
    const options = { ...wire, encodings: ["br", "gzip"] as const };
    await using channel = connect(server.addresses[0], options);
    const error = await failure(channel.call("/unary", MESSAGE, { compress: true }));
    assert.equal(error.code, Status.UNIMPLEMENTED);
    assert.match(error.message, /"br" is not supported: use identity,gzip,(zstd,)?snappy/);
    let compressed: boolean | undefined;
    await channel.call("/unary", MESSAGE, { onMessage: (message) => ({ compressed } = message) });
    assert.equal(compressed, true, "the reply has gzip, which both accept");
  });
}
