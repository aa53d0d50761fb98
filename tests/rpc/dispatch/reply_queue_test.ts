import assert from "node:assert/strict";
import { Status } from "../../../src/call/status.ts";
import { RpcError } from "../../../src/errors.ts";
import { ReplyQueue } from "../../../src/rpc/dispatch/reply_queue.ts";

const cancelled = new RpcError(Status.CANCELLED, "The caller cancelled");

/** Whether `promise` is still pending after the microtasks that are queued now. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let pending = true;
  promise.then(() => pending = false, () => pending = false);
  for (let i = 0; i < 5; i++) await Promise.resolve();
  return pending;
}

Deno.test("a write resolves when its reply is taken", async () => {
  const queue = new ReplyQueue();
  const first = queue.write("a");
  const second = queue.write("b");
  assert.equal(await isPending(first), true);
  assert.deepEqual(await queue.next(), { done: false, value: "a" });
  await first;
  assert.equal(await isPending(second), true);
  assert.deepEqual(await queue.next(), { done: false, value: "b" });
  await second;
  const next = queue.next();
  await queue.write("c");
  assert.deepEqual(await next, { done: false, value: "c" });
});

Deno.test("`last` and end() end the replies after what was written", async () => {
  const last = new ReplyQueue();
  last.write("a", { last: true });
  await assert.rejects(last.write("b"), /^TypeError: Cannot write a reply: the last one was/);
  assert.deepEqual(await last.next(), { done: false, value: "a" });
  assert.equal((await last.next()).done, true);
  const ended = new ReplyQueue();
  const waiting = ended.next();
  ended.end();
  ended.fail(new Error("too late"));
  assert.equal((await waiting).done, true);
  assert.equal((await ended.next()).done, true);
});

Deno.test("fail() ends the replies with its reason, after what was written", async () => {
  const queue = new ReplyQueue();
  queue.write("a");
  queue.fail(cancelled);
  assert.deepEqual(await queue.next(), { done: false, value: "a" });
  await assert.rejects(queue.next(), (error) => error === cancelled);
  assert.equal((await queue.next()).done, true);
  const empty = new ReplyQueue();
  empty.fail(undefined);
  await assert.rejects(empty.next(), /failed without a reason/);
});

Deno.test("abort() rejects pending and later writes, and return() resolves pending ones", async () => {
  const aborted = new ReplyQueue();
  const pending = aborted.write("a");
  aborted.abort(cancelled);
  await assert.rejects(pending, (error) => error === cancelled);
  await assert.rejects(aborted.write("b"), (error) => error === cancelled);
  assert.equal((await aborted.next()).done, true);
  const left = new ReplyQueue();
  const write = left.write("a");
  await left.return();
  await write;
  assert.equal((await left.next()).done, true);
});

Deno.test("bytes that are detached before they are taken fail the replies", async () => {
  const queue = new ReplyQueue();
  const bytes = new Uint8Array(8);
  queue.write(bytes);
  structuredClone(bytes, { transfer: [bytes.buffer] });
  await assert.rejects(queue.next(), { code: Status.INTERNAL, message: /buffer was detached/ });
});
