import assert from "node:assert/strict";
import { BlockCache } from "../../src/http2/block_cache.ts";
import { FieldSummary } from "../../src/http2/field_check.ts";

const summary = (path: string) => Object.assign(new FieldSummary(), { path });

Deno.test("BlockCache keeps a block that arrives twice while the table is unchanged", () => {
  const cache = new BlockCache();
  const bytes = Uint8Array.of(9, 1, 2, 3, 9);
  const find = (version: number) => cache.find(bytes, 1, 4, version);
  assert.equal(find(7), null);
  const first = summary("/a");
  assert.equal(cache.offer(bytes, 1, 4, 7, 7, first), first);
  const kept = cache.offer(bytes, 1, 4, 7, 7, first);
  assert.notEqual(kept, first);
  assert.equal(find(7), null, "nothing was made of it yet");
  kept.parsed = "made";
  first.path = "/changed";
  assert.equal(find(7)?.path, "/a");
  assert.equal(find(8), null, "the table changed");
  bytes[2] = 77;
  assert.equal(find(7), null, "another block");
});

Deno.test("BlockCache keeps no block that changes the table, and no long one", () => {
  const cache = new BlockCache();
  const long = new Uint8Array(65);
  for (let i = 0; i < 3; i++) {
    const one = summary("/a");
    assert.equal(cache.offer(long, 0, 65, 1, 1, one), one);
    assert.equal(cache.offer(long, 0, 5, i, i + 1, one), one);
  }
});
