import assert from "node:assert/strict";
import type { Figures } from "./figures.ts";
import { growth } from "./verdict.ts";

const MIB = 2 ** 20;

function samples(heapMib: (i: number) => number, descriptors: (i: number) => number): Figures[] {
  return Array.from({ length: 24 }, (_, i) => ({
    heapBytes: heapMib(i) * MIB,
    externalBytes: MIB,
    residentBytes: 0,
    descriptors: descriptors(i),
  }));
}

Deno.test("growth() ignores the warm-up, outliers and noise", () => {
  const noisy = (i: number) => i < 4 ? 5 + i : i === 22 ? 40 : 20 + (i % 3) * 0.2;
  assert.deepEqual(growth("x", samples(noisy, (i) => i === 23 ? 90 : 30)), []);
});

Deno.test("growth() finds a heap that grows slowly", () => {
  const [problem, ...more] = growth("server", samples((i) => 20 + i * 0.2, () => 30));
  assert.match(problem, /^server: the heap grew by \d+\.\d %, limit is 5\.0 %$/);
  assert.deepEqual(more, []);
});

Deno.test("growth() finds descriptors that are not closed", () => {
  const found = growth("client", samples(() => 20, (i) => 30 + (i >> 3)));
  assert.deepEqual(found, ["client: descriptors grew from 30 to 32"]);
});
