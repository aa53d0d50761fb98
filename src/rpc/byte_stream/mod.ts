/**
 * Byte streams as methods: bodies of any length, in chunks, with back-pressure.
 *
 * ```ts
 * import { connect, serve } from "@vrpc/vrpc";
 * import { addByteStream, callByteStream } from "@vrpc/vrpc/streams";
 *
 * await using server = await serve("127.0.0.1:50051", (router) => {
 *   addByteStream(router, "/store", {}, async (stream) => {
 *     using file = await Deno.create("copy");
 *     await stream.readable.pipeTo(file.writable);
 *     await stream.writeNothing();
 *   });
 * });
 * await using channel = connect("127.0.0.1:50051");
 * using original = await Deno.open("original");
 * await callByteStream(channel, "/store", original.readable);
 * ```
 *
 * @module
 */

export {
  addByteStream,
  type ByteStreamHandler,
  ByteStreamOperator,
  type ByteStreamReply,
  callByteStream,
} from "./byte_stream.ts";
