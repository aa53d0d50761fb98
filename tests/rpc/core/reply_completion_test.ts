import assert from "node:assert/strict";
import { Metadata } from "../../../src/call/metadata.ts";
import { Status } from "../../../src/call/status.ts";
import { RpcError } from "../../../src/errors.ts";
import { onReplyEnd } from "../../../src/rpc/core/reply_completion.ts";

function reply(message: unknown, stream: boolean) {
  return { stream, message, headers: new Metadata(), trailers: new Metadata() };
}

/** Watches a stream of two messages, then `end`; returns its iteration and what was reported. */
function watch(end: () => void = () => {}) {
  const ends: unknown[] = [];
  let returned = false;
  async function* messages() {
    try {
      yield 1;
      yield 2;
      await Promise.resolve();
      end();
    } finally {
      returned = true;
    }
  }
  const watched = onReplyEnd(reply(messages(), true), (error) => ends.push(error));
  return { ends, watched: watched.message as AsyncIterable<number>, returned: () => returned };
}

Deno.test("onReplyEnd() reports the end of a single reply at once", () => {
  const ends: unknown[] = [];
  const single = reply(5, false);
  assert.equal(onReplyEnd(single, (error) => ends.push(error)), single);
  assert.deepEqual(ends, [undefined]);
});

Deno.test("onReplyEnd() reports the end of a stream after its last message", async () => {
  const { ends, watched } = watch();
  const got: number[] = [];
  for await (const message of watched) {
    assert.deepEqual(ends, []);
    got.push(message);
  }
  assert.deepEqual(got, [1, 2]);
  assert.deepEqual(ends, [undefined]);
});

Deno.test("onReplyEnd() reports and throws the error of a stream", async () => {
  const error = new RangeError("no");
  const { ends, watched } = watch(() => {
    throw error;
  });
  await assert.rejects(async () => await Array.fromAsync(watched), error);
  assert.deepEqual(ends, [error]);
});

Deno.test("onReplyEnd() reports a stream that is left early as cancelled, and closes it", async () => {
  const { ends, watched, returned } = watch();
  for await (const _ of watched) break;
  assert.equal(returned(), true);
  assert.ok(ends[0] instanceof RpcError);
  assert.equal(ends[0].code, Status.CANCELLED);
});

Deno.test("onReplyEnd() requests each message by `within`", async () => {
  let requests = 0;
  const within = <T>(body: () => T): T => {
    requests++;
    return body();
  };
  async function* one() {
    await Promise.resolve();
    yield 1;
  }
  const watched = onReplyEnd(reply(one(), true), () => {}, within);
  await Array.fromAsync(watched.message as AsyncIterable<number>);
  assert.equal(requests, 2);
});
