import assert from "node:assert/strict";
import { RawParts } from "../../../src/gateway/streaming/raw_parts.ts";

function lengths(...parts: readonly number[]): number[] {
  const raw = new RawParts();
  const all: number[] = [];
  for (const length of parts) {
    raw.push(new Uint8Array(length));
    for (let part = raw.next(); part !== undefined; part = raw.next()) all.push(part.length);
  }
  const last = raw.end();
  if (last !== undefined) all.push(last.length);
  return all;
}

Deno.test("a body has the parts in which it comes, of at most 64 KiB, and one at least", () => {
  assert.deepEqual(lengths(1, 2), [1, 2]);
  assert.deepEqual(lengths(65_536, 65_537, 200_000), [
    65_536,
    ...[65_536, 1],
    ...[65_536, 65_536, 65_536, 3_392],
  ]);
  assert.deepEqual(lengths(), [0]);
  assert.deepEqual(lengths(0), [0]);
});
