import assert from "node:assert/strict";
import { MemoryPool, MemoryShare } from "../../../src/limits/memory_pool.ts";
import { BodyBuffer } from "../../../src/web/client/body_buffer.ts";
import { text, untext } from "../../fixtures/bytes.ts";

Deno.test("a body is gathered within its limit, and its memory is returned", () => {
  const memory = new MemoryShare(new MemoryPool(Infinity));
  const body = new BodyBuffer(600, memory);
  for (let i = 0; i < 600; i++) assert.equal(body.add(text("abc"), 1, 2), null);
  assert.match(body.add(text("x"), 0, 1)!, /601 bytes: the limit is 600/);
  assert.ok(memory.used >= 600);
  assert.equal(untext(body.take()), "b".repeat(600));
  assert.equal(memory.used, 0);
  assert.equal(body.length, 0);
  body.drop();
  assert.equal(memory.used, 0);
});

Deno.test("a body is refused when the memory is used up", () => {
  const memory = new MemoryShare(new MemoryPool(1_000));
  const body = new BodyBuffer(Infinity, memory);
  assert.match(body.add(new Uint8Array(2_000), 0, 2_000)!, /memory/);
  body.drop();
  assert.equal(memory.used, 0);
});
