import assert from "node:assert/strict";
import { type Status, statusName } from "../../../src/call/status.ts";
import type { Connection } from "../../../src/rpc/pool/connection.ts";
import { PickQueue, type PickWaiter } from "../../../src/rpc/pool/pick_queue.ts";

const connection = {} as Connection;

/** A queued call that records how its wait ended. */
class Waiter implements PickWaiter {
  queueSlot = -1;
  readonly path = "/a.B/C";
  readonly metadata = undefined;
  constructor(
    readonly name: string,
    readonly ends: string[],
    readonly waitForReady = false,
    readonly batched = false,
  ) {}
  onPick(): void {
    this.ends.push(this.name);
  }
  onPickFailed(code: Status): void {
    this.ends.push(`${this.name} ${statusName(code)}`);
  }
}

/** Gives out `count` connections. */
function slots(count: number): () => Connection | undefined {
  return () => count-- > 0 ? connection : undefined;
}

Deno.test("calls are served in order of arrival, without those that were removed", () => {
  const queue = new PickQueue(10);
  const ends: string[] = [];
  const waiters = ["a", "b", "c", "d"].map((name) => new Waiter(name, ends));
  for (const waiter of waiters) queue.add(waiter);
  queue.remove(waiters[1]);
  queue.remove(waiters[1]);
  assert.equal(queue.serve(slots(2)), false);
  assert.deepEqual(ends, ["a", "c"]);
  assert.equal(queue.size, 1);
  assert.equal(queue.serve(slots(2)), true);
  assert.deepEqual(ends, ["a", "c", "d"]);
  assert.ok(waiters.every(({ queueSlot }) => queueSlot === -1));
});

Deno.test("a call above the limit fails with RESOURCE_EXHAUSTED", () => {
  const queue = new PickQueue(1);
  const ends: string[] = [];
  const first = new Waiter("first", ends);
  queue.add(first);
  queue.add(new Waiter("second", ends));
  assert.deepEqual(ends, ["second RESOURCE_EXHAUSTED"]);
  queue.remove(first);
});

Deno.test("an open batch stream takes batched calls at any position", () => {
  const queue = new PickQueue(10);
  const ends: string[] = [];
  for (const name of ["single", "batched 1", "batched 2"]) {
    queue.add(new Waiter(name, ends, false, name !== "single"));
  }
  queue.serveBatched(connection);
  assert.deepEqual(ends, ["batched 1", "batched 2"]);
  queue.serve(slots(1));
  assert.deepEqual(ends, ["batched 1", "batched 2", "single"]);
});

Deno.test("TRANSIENT_FAILURE fails calls without waitForReady, a close all of them", () => {
  const queue = new PickQueue(10);
  const ends: string[] = [];
  queue.add(new Waiter("patient", ends, true));
  queue.add(new Waiter("other", ends));
  queue.fail("no connection", false);
  assert.deepEqual(ends, ["other UNAVAILABLE"]);
  queue.fail("closed", true);
  assert.deepEqual(ends, ["other UNAVAILABLE", "patient UNAVAILABLE"]);
  assert.equal(queue.size, 0);
});

Deno.test("calls that come and go behind one with waitForReady do not grow the queue", () => {
  const queue = new PickQueue(10);
  const ends: string[] = [];
  queue.add(new Waiter("patient", ends, true));
  const last = new Waiter("last", ends);
  for (let i = 0; i < 100_000; i++) {
    queue.add(last);
    assert.ok(last.queueSlot <= 1_024, `position ${last.queueSlot}`);
    if (i < 99_999) queue.remove(last);
  }
  queue.serve(slots(2));
  assert.deepEqual(ends, ["patient", "last"]);
});

Deno.test("a call queued while the queue is served is served as well", () => {
  const queue = new PickQueue(10);
  const ends: string[] = [];
  const later = new Waiter("later", ends);
  const first = new Waiter("first", ends);
  first.onPick = () => queue.add(later);
  queue.add(first);
  assert.equal(queue.serve(slots(2)), true);
  assert.deepEqual(ends, ["later"]);
});
