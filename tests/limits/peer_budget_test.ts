import assert from "node:assert/strict";
import {
  MAX_SLOWDOWN_MS,
  PeerBudget,
  type PeerCharge,
  PeerEvent,
} from "../../src/limits/peer_budget.ts";

const LIMITS = { overheadBurst: 10, overheadPerSecond: 1, resetBurst: 8, resetsPerSecond: 2 };

function chargeAll(budget: PeerBudget, event: PeerCharge, times: number, nowMs = 0): string[] {
  return Array.from({ length: times }, () => budget.charge(event, nowMs));
}

Deno.test("a peer budget closes a connection with the first event that its bucket cannot pay", () => {
  const budget = new PeerBudget(LIMITS, "server");
  assert.deepEqual(chargeAll(budget, PeerEvent.PING, 10), Array(10).fill("ok"));
  assert.equal(budget.charge(PeerEvent.WINDOW_UPDATE, 0), "close");
  assert.equal(
    budget.reason(PeerEvent.WINDOW_UPDATE),
    "Too many WINDOW_UPDATE frames: the budget is 10",
  );
  // The other bucket is untouched.
  assert.equal(budget.charge(PeerEvent.CANCEL, 0), "ok");
  assert.equal(budget.reason(PeerEvent.CANCEL), "Too many cancelled calls: the budget is 8");
});

Deno.test("a peer budget fills with time and with credits, never above its size", () => {
  const budget = new PeerBudget(LIMITS, "server");
  budget.credit(PeerEvent.REQUEST, 100);
  chargeAll(budget, PeerEvent.PING, 10);
  budget.credit(PeerEvent.REQUEST);
  assert.deepEqual(chargeAll(budget, PeerEvent.PING, 5), ["ok", "ok", "ok", "ok", "close"]);
  assert.deepEqual(chargeAll(budget, PeerEvent.PING, 3, 3_000), ["ok", "ok", "close"]);
  budget.credit(PeerEvent.DATA_SENT, 1_000);
  assert.deepEqual(chargeAll(budget, PeerEvent.PING, 11, 3_000), [
    ...Array(10).fill("ok"),
    "close",
  ]);
});

Deno.test("a server throttles a client that has used up half of its resets by refused calls", () => {
  const budget = new PeerBudget(LIMITS, "server");
  assert.deepEqual(chargeAll(budget, PeerEvent.FAULT, 4, 100), Array(4).fill("ok"));
  assert.equal(budget.charge(PeerEvent.FAULT, 100), "throttle");
  // One credit below half, at two a second.
  assert.equal(budget.readThrottledUntilMs, 600);
  assert.equal(budget.charge(PeerEvent.BROKEN_MESSAGE, 100), "throttle");
  assert.equal(budget.readThrottledUntilMs, 1_600);
});

Deno.test("a throttled client is read from after 5 s at the latest", () => {
  const budget = new PeerBudget({ ...LIMITS, resetsPerSecond: 0 }, "server");
  assert.equal(chargeAll(budget, PeerEvent.FAULT, 5).at(-1), "throttle");
  assert.equal(budget.readThrottledUntilMs, MAX_SLOWDOWN_MS);
  assert.equal(MAX_SLOWDOWN_MS, 5_000);
});

Deno.test("cancelled calls and a client's budget do not throttle", () => {
  const server = new PeerBudget(LIMITS, "server");
  assert.deepEqual(chargeAll(server, PeerEvent.CANCEL, 8), Array(8).fill("ok"));
  assert.equal(server.charge(PeerEvent.CANCEL, 0), "close");
  assert.equal(server.readThrottledUntilMs, 0);
  const client = new PeerBudget(LIMITS, "client");
  assert.deepEqual(chargeAll(client, PeerEvent.FAULT, 9), [...Array(8).fill("ok"), "close"]);
  assert.equal(client.readThrottledUntilMs, 0);
});

Deno.test("a client that cancels calls instead of taking their answers is throttled from half of the budget", () => {
  const server = new PeerBudget(LIMITS, "server");
  const verdicts = chargeAll(server, PeerEvent.CANCEL_OF_ANSWERED, 9);
  assert.deepEqual(verdicts, [...Array(4).fill("ok"), ...Array(4).fill("throttle"), "close"]);
});

Deno.test("an orderly end returns half of what a broken message costs", () => {
  const budget = new PeerBudget({ ...LIMITS, resetsPerSecond: 0 }, "client");
  for (let i = 0; i < 7; i++) {
    assert.equal(budget.charge(PeerEvent.BROKEN_MESSAGE, 0), "ok", `call ${i}`);
    budget.credit(PeerEvent.ORDERLY_END);
  }
  assert.equal(budget.charge(PeerEvent.BROKEN_MESSAGE, 0), "close");
});

Deno.test("every event of the table draws on a bucket and moves at least one credit", () => {
  for (const [name, event] of Object.entries(PeerEvent)) {
    assert(["overhead", "resets"].includes(event.bucket), name);
    if ("cost" in event) {
      assert(event.cost >= 1 && event.what !== "", name);
      assert(!event.throttles || event.bucket === "resets", name);
    } else {
      assert(event.credits >= 1, name);
    }
  }
});
