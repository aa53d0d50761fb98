import assert from "node:assert/strict";
import { MemoryPool, MemoryShare } from "../../src/limits/memory_pool.ts";
import { envelope, EnvelopeReader, type EnvelopeSink } from "../../src/web/envelope.ts";

class Received implements EnvelopeSink {
  readonly envelopes: [number, number[]][] = [];
  readonly refused: string[] = [];
  onEnvelope(message: Uint8Array, flags: number): void {
    this.envelopes.push([flags, [...message]]);
  }
  onTooLarge(bytes: number): void {
    this.refused.push(`too large ${bytes}`);
  }
  onNoMemory(bytes: number): void {
    this.refused.push(`no memory ${bytes}`);
  }
}

const share = (limitBytes = Infinity) => new MemoryShare(new MemoryPool(limitBytes));

function body(...envelopes: Uint8Array[]): Uint8Array {
  return new Uint8Array(envelopes.flatMap((bytes) => [...bytes]));
}

Deno.test("EnvelopeReader cuts envelopes, wherever the body is cut into parts", () => {
  const long = Uint8Array.from({ length: 200 }, (_, i) => i);
  const bytes = body(
    envelope(Uint8Array.of(1, 2, 3), 0),
    envelope(new Uint8Array(), 1),
    envelope(long, 0x80),
  );
  for (let first = 0; first <= bytes.length; first++) {
    for (const second of [first, Math.min(bytes.length, first + 7), bytes.length]) {
      const memory = share();
      const sink = new Received();
      const reader = new EnvelopeReader(sink, 200, memory);
      reader.receive(bytes, 0, first);
      reader.receive(bytes.slice(first, second), 0, second - first);
      reader.receive(bytes, second, bytes.length);
      assert.deepEqual(sink.envelopes, [[0, [1, 2, 3]], [1, []], [0x80, [...long]]]);
      assert.equal(reader.inEnvelope, false);
      assert.equal(memory.used, 0);
    }
  }
});

Deno.test("EnvelopeReader refuses a declared length beyond its limit before it allocates", () => {
  const memory = share();
  const sink = new Received();
  const reader = new EnvelopeReader(sink, 10, memory);
  const bytes = body(envelope(Uint8Array.of(1), 0), Uint8Array.of(0, 0, 0, 0, 11, 1, 2));
  reader.receive(bytes, 0, bytes.length);
  reader.receive(bytes, 0, bytes.length);
  assert.deepEqual(sink.envelopes, [[0, [1]]]);
  assert.deepEqual(sink.refused, ["too large 11"]);
  assert.equal(memory.used, 0);
});

Deno.test("EnvelopeReader allocates as bytes arrive, within its memory, and releases it when stopped", () => {
  const memory = share(4_096);
  const sink = new Received();
  const reader = new EnvelopeReader(sink, 1_000_000, memory);
  const start = Uint8Array.of(0, 0, 0x0f, 0, 0, 7);
  reader.receive(start, 0, start.length);
  assert.equal(memory.used, 64);
  assert.equal(reader.inEnvelope, true);
  reader.receive(new Uint8Array(3_000), 0, 3_000);
  assert.deepEqual(sink.refused, ["no memory 983040"]);
  assert.equal(memory.used, 0);
  reader.stop();
  assert.equal(memory.used, 0);
});
