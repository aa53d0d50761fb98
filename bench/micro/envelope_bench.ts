// Deno.bench of gRPC's messages in DATA, read and written by the engine: `deno bench -A bench/micro/envelope_bench.ts`.
import { GrpcServerConnection } from "../../src/grpc/server.ts";
import { GrpcStream, putPrefix } from "../../src/grpc/stream.ts";
import { expectCount } from "../engine_pair.ts";

const MESSAGES = 1000;
const FRAME_BYTES = 16_384;
const MIB = 1 << 20;

/** Stream that counts the messages in its data. */
class CountingStream extends GrpcStream {
  messages = 0;
  bytes = 0;
  readonly maxReceiveMessageBytes = 4_194_304;
  readonly canReceiveMore = true;
  onFramedMessage(message: Uint8Array): void {
    this.messages++;
    this.bytes += message.length;
  }
  onMessageTooLarge(length: number): void {
    throw new Error(`A message of ${length} bytes`);
  }
  onNoMemory = this.onMessageTooLarge;
  onHeaders(): void {}
  onTrailers(): void {}
  onEnd(): void {}
  onReset(): void {}
  onWritable(): void {}
  onDataLost(): void {}
  writeTrailers(): void {}
}

const { http2 } = new GrpcServerConnection({ onCall() {} }, {}, 0);

/** Encodes `count` messages with their prefixes. */
function framed(count: number, length: number): Uint8Array {
  const all = new Uint8Array(count * (5 + length));
  for (let at = 0; at < all.length; at += 5 + length) putPrefix(all, at, false, length);
  return all;
}

function benchRead(name: string, count: number, length: number, frameBytes: number): void {
  const input = framed(count, length);
  const stream = new CountingStream(http2);
  const baseline = name.endsWith("whole");
  Deno.bench(`read ${name}`, { group: "read messages", baseline }, () => {
    stream.messages = stream.bytes = 0;
    for (let at = 0; at < input.length; at += frameBytes) {
      stream.onData(input, at, Math.min(input.length, at + frameBytes));
    }
    expectCount("messages", stream.messages, count);
    expectCount("bytes", stream.bytes, count * length);
  });
}

benchRead(`${MESSAGES} × 64 B, whole`, MESSAGES, 64, 69);
benchRead(`${MESSAGES} × 64 B, as many to a frame as fit`, MESSAGES, 64, FRAME_BYTES);
benchRead(`${MESSAGES} × 64 B, cut over two frames each`, MESSAGES, 64, 35);
benchRead("one of 1 MiB, over 65 frames", 1, MIB, FRAME_BYTES);

const prefix = new Uint8Array(5);

function benchWrite(name: string, count: number, length: number): void {
  const { sender, out } = http2;
  const body = new Uint8Array(length).fill(7);
  const streams = [new CountingStream(http2), new CountingStream(http2)];
  const baseline = count === MESSAGES;
  Deno.bench(`write ${name}`, { group: "write messages", baseline }, () => {
    let written = 0;
    for (let i = 0; i < count; i++) {
      // Alternating streams: adjacent messages of one stream share a frame.
      const stream = streams[i & 1];
      sender.window = stream.sendWindow = 0x7fffffff;
      putPrefix(prefix, 0, false, length);
      sender.send(stream, prefix, body, false);
      while (out.length > FRAME_BYTES || stream.queue !== null) {
        written += out.length;
        out.clear();
        http2.outputDrained(0);
      }
    }
    written += out.length;
    out.clear();
    const frames = Math.ceil((5 + length) / FRAME_BYTES) * count;
    expectCount("bytes", written, count * (5 + length) + 9 * frames);
  });
}

http2.out.clear();
benchWrite(`${MESSAGES} × 64 B`, MESSAGES, 64);
benchWrite("one of 1 MiB", 1, MIB);
