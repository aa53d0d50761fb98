import assert from "node:assert/strict";
import { Random } from "../../../src/load/generate/random.ts";

Deno.test("Random is reproducible by seed and differs between streams and close seeds", () => {
  const first = (seed: number, stream?: number) => new Random(seed, stream).bytes(16).join();
  assert.equal(first(42), first(42));
  assert.notEqual(first(42), first(43));
  assert.notEqual(first(42, 1), first(42, 2));
  assert.notEqual(first(42), first(42 + 2 ** 32));
});

Deno.test("Random.fraction() is spread evenly over 0 to 1", () => {
  const random = new Random(3);
  const tenths = new Array(10).fill(0);
  for (let i = 0; i < 100_000; i++) tenths[Math.floor(random.fraction() * 10)]++;
  for (const calls of tenths) assert.ok(Math.abs(calls - 10_000) < 500, String(tenths));
});
