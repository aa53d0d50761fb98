import assert from "node:assert/strict";
import { Status } from "../../../src/call/status.ts";
import { ByteReader } from "../../../src/rpc/byte_stream/byte_reader.ts";

async function* chunks(...all: number[][]) {
  for (const chunk of all) yield new Uint8Array(chunk);
}

Deno.test("read() joins and splits chunks, and returns fewer bytes at the end", async () => {
  const reader = new ByteReader(chunks([1, 2, 3], [], [4], [5, 6]), 6);
  assert.equal(reader.remaining, 6);
  assert.deepEqual(await reader.read(2), new Uint8Array([1, 2]));
  assert.deepEqual(await reader.read(0), new Uint8Array());
  assert.deepEqual(await reader.read(3), new Uint8Array([3, 4, 5]));
  assert.equal(reader.remaining, 1);
  assert.deepEqual(await reader.read(9), new Uint8Array([6]));
  assert.equal(reader.remaining, 0);
  for (const count of [-1, 1.5, NaN]) await assert.rejects(reader.read(count), RangeError);
});

Deno.test("remaining is Infinity until the end is reached if no length was announced", async () => {
  const reader = new ByteReader(chunks([1, 2]), undefined);
  assert.equal(reader.remaining, Infinity);
  await reader.read(3);
  assert.equal(reader.remaining, 0);
});

Deno.test("readable has the bytes that read() left, and cancelling it ends the chunks", async () => {
  let ended = false;
  const source = (async function* () {
    try {
      yield* chunks([1, 2, 3], [4], [5]);
    } finally {
      ended = true;
    }
  })();
  const reader = new ByteReader(source, undefined);
  await reader.read(1);
  const stream = reader.readable.getReader();
  assert.deepEqual((await stream.read()).value, new Uint8Array([2, 3]));
  assert.deepEqual((await stream.read()).value, new Uint8Array([4]));
  await stream.cancel();
  assert.equal(ended, true);
});

Deno.test("another length than announced is INVALID_ARGUMENT", async () => {
  const wrong = { code: Status.INVALID_ARGUMENT };
  await assert.rejects(new ByteReader(chunks([1, 2]), 3).read(3), wrong);
  await assert.rejects(new ByteReader(chunks([1, 2]), 1).read(1), {
    ...wrong,
    message: "Received 2 bytes, 1 were announced",
  });
});
