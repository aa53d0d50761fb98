import assert from "node:assert/strict";
import { Metadata } from "../../../src/call/metadata.ts";
import { Status } from "../../../src/call/status.ts";
import type { CallRequest, ClientCall, ClientCallSink } from "../../../src/call/wire.ts";
import type { CallCore, ClientMethod, OutgoingRequest } from "../../../src/rpc/client/call_core.ts";
import { HedgingStrategy } from "../../../src/rpc/client/hedging.ts";
import { ReplayableCall } from "../../../src/rpc/client/replayable_call.ts";
import type { PickWaiter } from "../../../src/rpc/pool/pick_queue.ts";
import { VirtualClock } from "../../fixtures/virtual_clock.ts";

/** One copy of the call as its connection sees it. */
class Copy implements ClientCall {
  sent = 0;
  halfClosed = false;
  cancelled = false;
  writable = true;
  readonly encoding = "identity";
  constructor(readonly sink: ClientCallSink) {}
  sendMessage(): void {
    this.sent++;
  }
  sendLastMessage(): void {
    this.sent++;
    this.halfClosed = true;
  }
  halfClose(): void {
    this.halfClosed = true;
  }
  cancel(): void {
    this.cancelled = true;
  }
  setReadPaused(): void {}
}

/** A hedged call with streams, and what became of it. */
class Hedge {
  readonly clock = new VirtualClock();
  readonly copies: Copy[] = [];
  readonly statuses: Status[] = [];
  writableCalls = 0;
  holds = 0;
  /** What the pool does with a call for which it has no connection. */
  refusal: ((waiter: PickWaiter) => void) | undefined = undefined;
  readonly call: ReplayableCall;
  readonly strategy: HedgingStrategy;

  constructor(delayMs: number, maxAttempts = 3) {
    const connection = {
      startCall: (_: CallRequest, sink: ClientCallSink) => {
        const copy = new Copy(sink);
        this.copies.push(copy);
        return copy;
      },
    };
    const core = {
      clock: this.clock,
      pool: {
        tryPick: () => this.refusal === undefined ? connection : undefined,
        enqueue: (waiter: PickWaiter) => this.refusal!(waiter),
        dequeue: () => {},
      },
      processRef: { acquire: () => this.holds++, release: () => this.holds-- },
    } as unknown as CallCore;
    const request: OutgoingRequest = {
      method: { path: "/t.S/Sum", maxReceiveBytes: 100 } as ClientMethod,
      metadata: undefined,
      deadlineMs: Infinity,
      encoding: undefined,
      waitForReady: false,
      singleResponse: true,
      requestStreams: true,
    };
    this.call = new ReplayableCall(
      core,
      request,
      {
        onHeaders: () => {},
        onMessage: () => {},
        onStatus: (code) => void this.statuses.push(code),
        onWritable: () => void this.writableCalls++,
      },
    );
    this.strategy = new HedgingStrategy(
      this.call,
      { maxAttempts, delayMs, nonFatalCodes: new Set([Status.UNAVAILABLE]) },
      { throttle: undefined, onExtraAttempt: () => {} },
    );
  }

  begin(): void {
    this.call.begin(this.strategy);
  }

  /** Ends one copy. */
  end(copy: number, code: Status): void {
    this.copies[copy].sink.onStatus(code, "", () => new Metadata(), "processed");
  }
}

Deno.test("a sender that waits for the newest copy goes on when another becomes the call", () => {
  const hedge = new Hedge(100);
  hedge.begin();
  hedge.call.sendMessage(new Uint8Array(8), false);
  hedge.clock.advance(100);
  assert.equal(hedge.copies.length, 2);
  hedge.copies[1].writable = false;
  assert.equal(hedge.call.writable, false);
  hedge.copies[0].sink.onHeaders(() => new Metadata());
  assert.equal(hedge.copies[1].cancelled, true);
  assert.equal(hedge.call.writable, true);
  assert.equal(hedge.writableCalls, 1);
  hedge.call.cancel();
  assert.equal(hedge.holds, 0);
});

Deno.test("a sender that waits for the newest copy goes on when that copy fails", () => {
  const hedge = new Hedge(100, 2);
  hedge.begin();
  hedge.call.sendMessage(new Uint8Array(8), false);
  hedge.clock.advance(100);
  hedge.copies[1].writable = false;
  assert.equal(hedge.call.writable, false);
  hedge.end(1, Status.UNAVAILABLE);
  assert.deepEqual(hedge.statuses, []);
  assert.equal(hedge.writableCalls, 1);
  assert.equal(hedge.call.writable, true);
  hedge.end(0, Status.OK);
  assert.deepEqual(hedge.statuses, [Status.OK]);
});

Deno.test("a copy that can't start is followed by one timer, not by two", () => {
  const hedge = new Hedge(100, 4);
  hedge.refusal = (waiter) => {
    hedge.refusal = undefined; // the connection comes up meanwhile
    waiter.onPickFailed(Status.UNAVAILABLE, "not yet");
  };
  hedge.begin();
  assert.equal(hedge.copies.length, 1);
  assert.equal(hedge.clock.pending, 1);
  hedge.end(0, Status.OK);
  assert.deepEqual(hedge.statuses, [Status.OK]);
  assert.equal(hedge.clock.pending, 0);
  assert.equal(hedge.holds, 0);
});
