import assert from "node:assert/strict";
import { isInstance } from "../../src/errors.ts";
import { guardStream } from "../../src/transport/guarded_stream.ts";
import { memoryPair } from "../../src/transport/memory.ts";
import { RETURNED, THROWN } from "../fixtures/misbehaviour.ts";

const buffer = new Uint8Array(4);

/** A guarded stream with members replaced, and what its close threw. */
function guarded(members: object) {
  const faults: unknown[] = [];
  const [inner] = memoryPair();
  const stream = guardStream(Object.assign(inner, members), "It", (error) => faults.push(error));
  return { stream, faults };
}

Deno.test("counts outside of the buffer are rejected, others and null passed on", async () => {
  for (const count of [0, -1, 5, NaN, Infinity, 0.5, "1", undefined, {}, 1n, true]) {
    const { stream } = guarded({ read: () => count, write: () => Promise.resolve(count) });
    await assert.rejects(stream.read(buffer), /read returned .*: must be 1 to 4, or null/);
    await assert.rejects(stream.write(buffer), /write returned .*: must be 1 to 4/);
  }
  for (const count of [1, 4]) {
    const { stream } = guarded({ read: () => count, write: () => count });
    assert.equal(await stream.read(buffer), count);
    assert.equal(await stream.write(buffer), count);
  }
  const { stream } = guarded({ read: () => null, write: () => null });
  assert.equal(await stream.read(buffer), null);
  await assert.rejects(stream.write(buffer), TypeError);
});

Deno.test("functions that throw make promises reject, and close and unref never throw", async () => {
  for (const [name, make] of Object.entries(THROWN)) {
    const bad = () => {
      throw make();
    };
    const { stream, faults } = guarded({
      read: bad,
      write: bad,
      closeWrite: bad,
      close: bad,
      unref: bad,
    });
    for (const promise of [stream.read(buffer), stream.write(buffer), stream.closeWrite()]) {
      assert.equal(await promise.then(() => "settled", () => "rejected"), "rejected", name);
    }
    stream.close();
    stream.unref!();
    assert.equal(faults.length, 2);
  }
  const { stream, faults } = guarded({ close: () => Promise.reject(new Error("late")) });
  stream.close();
  await Promise.resolve();
  assert.match(String(faults[0]), /late/);
});

Deno.test("a value that is no byte stream is a TypeError that names it", () => {
  for (const make of Object.values(RETURNED)) {
    const value = make();
    if (isInstance(value, Promise)) value.catch(() => {});
    assert.throws(() => guardStream(value, "The result", () => {}), {
      name: "TypeError",
      message: /^The result is not a byte stream/,
    });
  }
  const { stream } = guarded({ peer: undefined });
  assert.throws(() => stream.peer, TypeError);
});
