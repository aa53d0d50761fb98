import assert from "node:assert/strict";
import { Reply, UnreadReplies } from "../../src/grpc_js/unread_replies.ts";
import { MemoryPool } from "../../src/limits/memory_pool.ts";

const reply = (bytes: number) => new Reply(new Uint8Array(bytes), false);

Deno.test("replies count with 256 bytes more, until they are taken or the call has ended", () => {
  const memory = new MemoryPool(1_000);
  const one = new UnreadReplies(memory);
  const other = new UnreadReplies(memory);
  one.push(reply(100));
  assert.equal(memory.used, 356);
  other.push(reply(200));
  assert.equal(memory.used, 812);
  assert.equal(one.hasRoomFor(reply(0)), false);
  assert.equal(other.take()!.length, 200);
  assert.equal(one.hasRoomFor(reply(388)), true);
  one.release();
  assert.equal(memory.used, 0);
  assert.equal(memory.holders, 0);
  assert.equal(one.take()!.length, 100);
  assert.equal(memory.used, 0);
});

Deno.test("reading pauses at 64 KiB, and resumes at half of that", () => {
  const replies = new UnreadReplies(new MemoryPool());
  assert.equal(replies.push(reply(65_535)), false);
  assert.equal(replies.push(reply(1)), true);
  assert.equal(replies.resumes(), false);
  replies.take();
  assert.equal(replies.resumes(), true);
});
