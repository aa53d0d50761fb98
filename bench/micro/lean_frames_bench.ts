// Deno.bench of the lean wire's frames, written and read by the engine's own codec: `deno bench -A bench/micro/lean_frames_bench.ts`.
import { ByteWriter } from "../../src/bytes/writer.ts";
import { type FrameHandler, FrameReader } from "../../src/lean/format/frame_reader.ts";
import { Control, REQUEST, writeControl, writeHeader } from "../../src/lean/format/frames.ts";
import { encodeRoute, writeRoute } from "../../src/lean/format/routes.ts";
import { expectCount } from "../engine_pair.ts";

const FRAMES = 1000;
const ROUTE = encodeRoute("/bench.Echo/Unary");
const NUMBER = Uint8Array.of(0, 0);

class Counter implements FrameHandler {
  frames = 0;
  bytes = 0;
  onFrame(_b: Uint8Array, _at: number, _typeBytes: number, valueBytes: number): void {
    this.frames++;
    this.bytes += valueBytes;
  }
  admit(): boolean {
    return false;
  }
  holdFrame(): boolean {
    return true;
  }
  dropFrame(): void {}
  onOversize(_b: Uint8Array, _at: number, _typeBytes: number, valueBytes: number): void {
    throw new Error(`A value of ${valueBytes} bytes`);
  }
  onMalformed(message: string): void {
    throw new Error(message);
  }
}

function request(out: ByteWriter, id: number, route: Uint8Array, value: Uint8Array): void {
  writeHeader(out, REQUEST, 0, id, route.length, value.length);
  writeRoute(out, route);
  out.bytes(value);
}

const out = new ByteWriter();

function bench(name: string, route: Uint8Array, length: number, chunkBytes = 65_536): void {
  const value = new Uint8Array(length).fill(7);
  const frameBytes = 16 + route.length + length;
  const baseline = name.endsWith("by number");
  if (chunkBytes === 65_536) {
    Deno.bench(`write ${FRAMES} × ${name}`, { group: "write lean frames", baseline }, () => {
      out.length = 0;
      for (let i = 1; i <= FRAMES; i++) request(out, i, route, value);
      expectCount("bytes", out.length, FRAMES * frameBytes);
    });
  }
  const whole = new ByteWriter();
  for (let i = 1; i <= FRAMES; i++) request(whole, i, route, value);
  const input = whole.view();
  const handler = new Counter();
  const reader = new FrameReader(handler, 1024, 65_536);
  Deno.bench(`read ${FRAMES} × ${name}`, { group: "read lean frames", baseline }, () => {
    handler.frames = handler.bytes = 0;
    for (let at = 0; at < input.length; at += chunkBytes) {
      reader.receive(input.subarray(at, at + chunkBytes));
    }
    expectCount("frames", handler.frames, FRAMES);
    expectCount("bytes", handler.bytes, FRAMES * length);
  });
}

bench("request of 64 B, route by number", NUMBER, 64);
bench("request of 64 B, route by name", ROUTE, 64);
bench("request of 64 B, cut every 50 B", NUMBER, 64, 50);
bench("request of 16 KiB", NUMBER, 16_384);

Deno.bench(`write ${FRAMES} × credit`, { group: "write lean frames" }, () => {
  out.length = 0;
  for (let i = 1; i <= FRAMES; i++) {
    writeControl(out, Control.CREDIT, i, 4);
    out.u32(65_536);
  }
  expectCount("bytes", out.length, FRAMES * (16 + 1 + 4));
});
