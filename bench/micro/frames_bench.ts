// Deno.bench of HTTP/2 frames through the engine's own reader and writers: `deno bench -A bench/micro/frames_bench.ts`.
import { ByteWriter } from "../../src/bytes/writer.ts";
import { FrameType } from "../../src/http2/constants.ts";
import { type DataHandler, type FrameHandler, FrameReader } from "../../src/http2/frame_reader.ts";
import { putFrameHeader, writePing, writeWindowUpdate } from "../../src/http2/frame_writer.ts";
import { expectCount } from "../engine_pair.ts";

// Frames per operation, to make the cost of the timer negligible.
const FRAMES = 1000;

/** Encodes frames of one type with payloads of `length` bytes. */
function framesOf(type: number, length: number): Uint8Array {
  const out = new ByteWriter();
  for (let i = 0; i < FRAMES; i++) {
    out.reserve(9 + length);
    putFrameHeader(out.buffer, out.length, length, type, 0, 2 * i + 1);
    out.length += 9 + length;
  }
  return out.view().slice();
}

class Counter implements FrameHandler, DataHandler {
  frames = 0;
  bytes = 0;
  onOversizedFrame(length: number): void {
    throw new Error(`A frame of ${length} bytes`);
  }
  onFrame(_type: number, _flags: number, id: number, _b: Uint8Array, start: number, end: number) {
    if (id > 0) this.frames++;
    this.bytes += end - start;
  }
  onDataBegin(): void {}
  onDataPart(_buffer: Uint8Array, start: number, end: number): void {
    this.bytes += end - start;
  }
  onBadPadding(): void {
    throw new Error("Padding");
  }
  onDataEnd(): void {
    this.frames++;
  }
}

function benchRead(name: string, type: number, length: number, chunkBytes: number): void {
  const input = framesOf(type, length);
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < input.length; at += chunkBytes) {
    chunks.push(input.subarray(at, at + chunkBytes));
  }
  const handler = new Counter();
  const reader = new FrameReader(handler, handler, 16_384);
  const baseline = name === "DATA of 64 B";
  Deno.bench(`read ${FRAMES} × ${name}`, { group: "read frames", baseline }, () => {
    handler.frames = handler.bytes = 0;
    for (const chunk of chunks) reader.feed(chunk);
    expectCount("frames", handler.frames, FRAMES);
    expectCount("bytes", handler.bytes, FRAMES * length);
  });
}

benchRead("DATA of 64 B", FrameType.DATA, 64, 65_536);
benchRead("DATA of 16 KiB", FrameType.DATA, 16_384, 65_536);
benchRead("DATA of 64 B, cut every 50 B", FrameType.DATA, 64, 50);
benchRead("HEADERS of 20 B", FrameType.HEADERS, 20, 65_536);
benchRead("HEADERS of 20 B, cut every 50 B", FrameType.HEADERS, 20, 50);
benchRead("WINDOW_UPDATE", FrameType.WINDOW_UPDATE, 4, 65_536);

const out = new ByteWriter();
const payload = new Uint8Array(64).fill(7);

function benchWrite(name: string, length: number, write: (i: number) => void): void {
  const baseline = name.startsWith("DATA");
  Deno.bench(`write ${FRAMES} × ${name}`, { group: "write frames", baseline }, () => {
    out.length = 0;
    for (let i = 0; i < FRAMES; i++) write(i);
    expectCount("bytes", out.length, FRAMES * (9 + length));
  });
}

function put(type: number, i: number, body: Uint8Array): void {
  out.reserve(9 + body.length);
  putFrameHeader(out.buffer, out.length, body.length, type, 0, 2 * i + 1);
  out.length += 9;
  out.bytes(body);
}

const block = payload.subarray(0, 20);
benchWrite("DATA of 64 B", 64, (i) => put(FrameType.DATA, i, payload));
benchWrite("HEADERS of 20 B", 20, (i) => put(FrameType.HEADERS, i, block));
benchWrite("WINDOW_UPDATE", 4, (i) => writeWindowUpdate(out, 2 * i + 1, 65_535));
benchWrite("PING", 8, (i) => writePing(out, false, i, i));
