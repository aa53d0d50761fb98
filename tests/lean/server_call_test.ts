/** Replies that can't be queued or encoded. */

import assert from "node:assert/strict";
import { Metadata } from "../../src/call/metadata.ts";
import { Status } from "../../src/call/status.ts";
import { MemoryPool } from "../../src/limits/memory_pool.ts";
import { Pair, start, utf8 } from "./harness.ts";

Deno.test("a handler gets a cancellation when memory for its reply is used up, or its metadata is too large", () => {
  const pair = new Pair({ server: { memory: new MemoryPool(10_000) } });
  pair.run();
  const first = start(pair.client.engine, "/large");
  const second = start(pair.client.engine, "/long");
  for (const { call } of [first, second]) call.sendLastMessage(utf8("x"), false);
  pair.run();
  const [large, long] = pair.server.calls;
  large.call.sendMessage(new Uint8Array(5_000_000), false);
  long.call.sendHeaders(new Metadata({ long: "y".repeat(70_000) }));
  for (const { call, events } of [large, long]) {
    assert.equal(call.closed, true);
    assert.match(events.join(), /cancel/);
    call.handlerDone();
  }
  pair.run();
  assert.equal(first.status, Status.RESOURCE_EXHAUSTED);
  assert.equal(second.status, Status.INTERNAL);
  assert.equal(pair.server.engine.activeCalls, 0);
});
