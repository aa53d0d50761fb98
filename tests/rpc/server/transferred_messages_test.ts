/**
 * Handlers and callers that transfer the buffer of a message, as to a worker: other messages keep theirs, whether the
 * runtime refuses the transfer or not.
 */

import assert from "node:assert/strict";
import { BytesValueSchema } from "@bufbuild/protobuf/wkt";
import { bytesCodec, type ChannelOptions, type MethodInfo } from "../../../mod.ts";
import { EchoRequestSchema } from "../../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { EMPTY_BYTES } from "../../../src/bytes/empty.ts";
import { decompress } from "../../../src/codec/compression.ts";
import { decoderOf } from "../../../src/protobuf/decoder.ts";
import { jsonCodecOf } from "../../../src/protobuf/mod.ts";
import { addBatch } from "../../../src/rpc/batch/server.ts";
import { testServer } from "../../../src/testing/mod.ts";

const WAYS: Record<string, ChannelOptions> = {
  grpc: { wire: "grpc" },
  "grpc, compressed": { wire: "grpc", compress: true },
  "grpc, in batches": { wire: "grpc", batch: true },
  lean: { wire: "lean" },
  connect: { wire: "connect" },
  "connect over HTTP/1.1": { wire: "connect", httpVersion: "1.1" },
  "grpc-web": { wire: "grpc-web" },
};

const STREAMS: MethodInfo = {
  path: "/streams",
  kind: "bidi_streaming",
  requestCodec: bytesCodec,
  responseCodec: bytesCodec,
};

/** Transfers a message as far as the runtime allows that. */
function transfer({ buffer }: Uint8Array): void {
  try {
    structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
  } catch {
    // It is refused.
  }
}

/** Throws a TypeError if the buffer of the library's empty messages was transferred. */
const checkEmpty = () => void new Uint8Array(EMPTY_BYTES.buffer);

for (const [way, options] of Object.entries(WAYS)) {
  for (const size of [0, 1, 100, 5_000]) {
    Deno.test(`${way}: transferred messages of ${size} bytes are no others'`, async () => {
      const received: Uint8Array[] = [];
      await using rig = await testServer((router) => {
        addBatch(router);
        router.method("/transfers", {}, (request) => {
          transfer(request);
          return new Uint8Array(size).fill(2);
        });
        router.method("/keeps", {}, (request) => {
          received.push(request);
          return new Uint8Array(size).fill(3);
        });
        router.method("/streams", { kind: "bidi_streaming" }, async function* (requests) {
          for await (const request of requests) {
            transfer(request);
            yield new Uint8Array(size).fill(4);
          }
        });
      }, { serve: { web: true }, connect: { ...options, poolSize: 1 } });
      const { channel } = rig;
      const payload = () => new Uint8Array(size).fill(1);
      for (let round = 0; round < 2; round++) {
        const paths = Array.from({ length: 8 }, (_, i) => i % 2 === 0 ? "/transfers" : "/keeps");
        const replies = await Promise.all(paths.map((path) => channel.call(path, payload())));
        // The caller transfers every other reply.
        for (let i = 0; i < replies.length; i += 2) transfer(replies[i]);
        for (let i = 1; i < replies.length; i += 2) {
          assert.deepEqual(replies[i], new Uint8Array(size).fill(3));
          assert.doesNotThrow(() => new Uint8Array(replies[i].buffer));
        }
        const streams = channel.method<Uint8Array, Uint8Array>(STREAMS);
        for await (const reply of streams.bidiStreaming([payload(), payload()])) transfer(reply);
      }
      assert.equal(received.length, 8);
      for (const request of received) {
        assert.deepEqual(request, payload());
        assert.doesNotThrow(() => new Uint8Array(request.buffer));
      }
      checkEmpty();
    });
  }
}

const EMPTY_FIELD = Uint8Array.of(0x0a, 0);

const EMPTIES: Record<string, () => Uint8Array> = {
  "an absent field": () =>
    decoderOf(EchoRequestSchema, true)(new Uint8Array()).payload as Uint8Array,
  "an empty field": () => decoderOf(EchoRequestSchema, true)(EMPTY_FIELD).payload as Uint8Array,
  "an absent field, by closures": () =>
    decoderOf(EchoRequestSchema, false)(new Uint8Array()).payload as Uint8Array,
  "an empty field, by closures": () =>
    decoderOf(EchoRequestSchema, false)(EMPTY_FIELD).payload as Uint8Array,
  "an absent field of JSON": () => jsonCodecOf(EchoRequestSchema).decode("{}").payload,
  "an empty field of JSON": () => jsonCodecOf(EchoRequestSchema).decode('{"payload":""}').payload,
  "a wrapper": () => jsonCodecOf(BytesValueSchema).decode('""').value,
  "a compressed message": () => decompress(new Uint8Array(), "gzip", 100),
};

for (const [what, read] of Object.entries(EMPTIES)) {
  Deno.test(`the transferred bytes of ${what} are no others'`, () => {
    const kept = read();
    transfer(read());
    checkEmpty();
    for (const bytes of [kept, read()]) {
      assert.equal(bytes.length, 0);
      assert.doesNotThrow(() => new Uint8Array(bytes.buffer));
    }
  });
}
