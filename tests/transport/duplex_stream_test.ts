import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { DuplexStream, type DuplexStreamOptions } from "../../src/transport/duplex_stream.ts";

/** A duplex stream whose input the test pushes. */
class PushedDuplex extends Duplex {
  readonly written: Uint8Array[] = [];
  override _read(): void {}
  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error) => void): void {
    this.written.push(chunk);
    done();
  }
}

function begin(options: Partial<DuplexStreamOptions> = {}) {
  const duplex = new PushedDuplex();
  const peer = { address: "custom:", transport: "custom" };
  return { duplex, stream: new DuplexStream(duplex, { peer, localAddress: "here", ...options }) };
}

Deno.test("DuplexStream fills reads from several chunks and keeps the rest", async () => {
  const { duplex, stream } = begin();
  const first = stream.read(new Uint8Array(8));
  duplex.push(Uint8Array.of(1, 2));
  assert.equal(await first, 2);
  duplex.push(Uint8Array.of(3, 4));
  duplex.push(Uint8Array.of(5, 6, 7));
  await new Promise((resolve) => setTimeout(resolve));
  const buffer = new Uint8Array(4);
  assert.equal(await stream.read(buffer), 4);
  assert.deepEqual([...buffer], [3, 4, 5, 6]);
  assert.equal(await stream.read(buffer), 1);
  stream.close();
});

Deno.test("DuplexStream pauses its source at 64 KiB of unread bytes", async () => {
  const { duplex, stream } = begin();
  duplex.push(new Uint8Array(65_536));
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(duplex.isPaused(), true);
  await stream.read(new Uint8Array(100));
  assert.equal(duplex.isPaused(), false);
  stream.close();
});

Deno.test("DuplexStream pauses its source by `hold`, too, if that is given", async () => {
  const held: boolean[] = [];
  const { duplex, stream } = begin({ hold: (hold) => held.push(hold) });
  duplex.push(new Uint8Array(65_536));
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(held, [true]);
  assert.equal(duplex.isPaused(), true);
  await stream.read(new Uint8Array(100));
  assert.deepEqual(held, [true, false]);
  assert.equal(duplex.isPaused(), false);
  stream.close();
});

Deno.test("DuplexStream splits writes and copies them on request", async () => {
  const { duplex, stream } = begin({ copy: true });
  const data = new Uint8Array(100_000).fill(1);
  assert.equal(await stream.write(data), 65_536);
  data.fill(2);
  assert.equal(duplex.written[0][0], 1);
  stream.close();
});

Deno.test("DuplexStream reports an early end only before the first byte", async () => {
  const early = begin({ earlyEnd: "rejected" });
  const failed = early.stream.read(new Uint8Array(1));
  early.duplex.push(null);
  await assert.rejects(failed, /broke: rejected$/);
  const later = begin({ earlyEnd: "rejected" });
  later.duplex.push(Uint8Array.of(1));
  later.duplex.push(null);
  assert.equal(await later.stream.read(new Uint8Array(8)), 1);
  assert.equal(await later.stream.read(new Uint8Array(8)), null);
  early.stream.close();
  later.stream.close();
});

Deno.test("close() rejects a pending read and all later ones", async () => {
  const { stream } = begin();
  const reading = stream.read(new Uint8Array(1));
  await assert.rejects(stream.read(new Uint8Array(1)), /another read is pending, limit is 1/);
  stream.close();
  await assert.rejects(reading, /broke: it was closed here$/);
  await assert.rejects(stream.read(new Uint8Array(1)), /broke: it was closed here$/);
});
