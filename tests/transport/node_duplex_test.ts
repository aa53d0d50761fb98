import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { ByteStreamDuplex } from "../../src/transport/node_duplex.ts";
import type { ByteStream } from "../../src/transport/types.ts";

/** A stream that has one byte to read, and then nothing. */
class OneOctet implements ByteStream {
  readonly localAddress = "memory:here";
  readonly peer = { address: "memory:there" } as ByteStream["peer"];
  #read = false;

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#read) return new Promise(() => {});
    this.#read = true;
    buffer[0] = 7;
    return Promise.resolve(1);
  }

  write(data: Uint8Array): Promise<number> {
    return Promise.resolve(data.length);
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
}

const STEP_MS = 3;

/** Number of `count` streams whose byte was read, after each turn; each reader then works for a while. */
async function octetsByTurn(count: number, readsInTurn: boolean): Promise<number[]> {
  let octets = 0;
  for (let i = 0; i < count; i++) {
    const duplex = new ByteStreamDuplex(new OneOctet());
    duplex.readsInTurn = readsInTurn;
    duplex.on("data", (data: Uint8Array) => {
      octets += data.length;
      for (const startMs = performance.now(); performance.now() - startMs < STEP_MS;);
    });
  }
  const seen: number[] = [];
  while (octets < count) {
    await setImmediate();
    seen.push(octets);
  }
  return seen;
}

Deno.test("handshakes that are due at once run on one turn each", async () => {
  const seen = await octetsByTurn(5, true);
  assert.deepEqual([...new Set(seen)].filter((octets) => octets > 0), [1, 2, 3, 4, 5]);
});

Deno.test("reads of an open stream don't wait for a turn", async () => {
  const seen = await octetsByTurn(5, false);
  assert.deepEqual(seen.filter((octets) => octets > 0), [5]);
});
