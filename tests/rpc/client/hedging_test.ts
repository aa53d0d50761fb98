import assert from "node:assert/strict";
import { Metadata } from "../../../src/call/metadata.ts";
import type { CallRequest, ClientCall, ClientCallSink } from "../../../src/call/wire.ts";
import type { CallCore, ClientMethod, OutgoingRequest } from "../../../src/rpc/client/call_core.ts";
import { HedgingStrategy } from "../../../src/rpc/client/hedging.ts";
import { ReplayableCall } from "../../../src/rpc/client/replayable_call.ts";
import type { PickWaiter } from "../../../src/rpc/pool/pick_queue.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { RpcError, type ServiceConfig, Status } from "../../../mod.ts";
import { EMPTY, text, untext } from "../../fixtures/bytes.ts";
import { failure } from "../../../src/testing/failure.ts";
import { Network } from "../../fixtures/network.ts";
import { startPolicyServer } from "./policy_server.ts";

/** One attempt of the call on its connection. */
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

/** A hedged streaming call and the events its caller received. */
class Hedge {
  readonly clock = new FakeClock(1000.25);
  readonly copies: Copy[] = [];
  readonly statuses: Status[] = [];
  writableCalls = 0;
  holds = 0;
  /** Receives an attempt for which the pool has no connection. */
  refusal: ((waiter: PickWaiter) => void) | undefined = undefined;
  readonly call: ReplayableCall;
  readonly strategy: HedgingStrategy;

  constructor(delayMs: number, maxAttempts = 3, timeoutMs = Infinity) {
    const connection = {
      startCall: (_: CallRequest, sink: ClientCallSink) => {
        const copy = new Copy(sink);
        this.copies.push(copy);
        return copy;
      },
      callEnded: () => {},
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
      deadlineMs: this.clock.now() + timeoutMs,
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

  /** Ends one attempt. */
  end(copy: number, code: Status): void {
    this.copies[copy].sink.onStatus(code, "", () => new Metadata(), "processed");
  }
}

Deno.test("no copy is sent once the deadline has passed", () => {
  const hedge = new Hedge(100, 3, 100);
  hedge.begin();
  assert.equal(hedge.copies.length, 1);
  hedge.clock.tick(100);
  assert.equal(hedge.copies.length, 1);
  assert.deepEqual(hedge.statuses, [Status.DEADLINE_EXCEEDED]);
  assert.equal(hedge.holds, 0);
});

Deno.test("a sender waiting for the newest attempt resumes when another attempt is committed", () => {
  const hedge = new Hedge(100);
  hedge.begin();
  hedge.call.sendMessage(new Uint8Array(8), false);
  hedge.clock.tick(100);
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

Deno.test("a sender waiting for the newest attempt resumes when that attempt fails", () => {
  const hedge = new Hedge(100, 2);
  hedge.begin();
  hedge.call.sendMessage(new Uint8Array(8), false);
  hedge.clock.tick(100);
  hedge.copies[1].writable = false;
  assert.equal(hedge.call.writable, false);
  hedge.end(1, Status.UNAVAILABLE);
  assert.deepEqual(hedge.statuses, []);
  assert.equal(hedge.writableCalls, 1);
  assert.equal(hedge.call.writable, true);
  hedge.end(0, Status.OK);
  assert.deepEqual(hedge.statuses, [Status.OK]);
});

Deno.test("an attempt that fails at its start sets one timer, not two", () => {
  const hedge = new Hedge(100, 4);
  hedge.refusal = (waiter) => {
    hedge.refusal = undefined; // from now on there is a connection
    waiter.onPickFailed(Status.UNAVAILABLE, "not yet");
  };
  hedge.begin();
  assert.equal(hedge.copies.length, 1);
  assert.equal(hedge.clock.pendingTimers, 1);
  hedge.end(0, Status.OK);
  assert.deepEqual(hedge.statuses, [Status.OK]);
  assert.equal(hedge.clock.pendingTimers, 0);
  assert.equal(hedge.holds, 0);
});

const hedging: ServiceConfig = {
  methodConfig: [{
    name: [{}],
    hedgingPolicy: {
      maxAttempts: 3,
      hedgingDelay: "0.5s",
      nonFatalStatusCodes: ["UNAVAILABLE"],
    },
  }],
};

Deno.test("a hedge succeeds while the first attempt hangs, which is then cancelled (gRPC A6)", async () => {
  await using network = new Network();
  const ended: number[] = [];
  const { server, channel, attempts } = await startPolicyServer(
    network,
    hedging,
    async (attempt, ctx) => {
      if (attempt !== 1) return;
      await new Promise<void>((resolve) => ctx.signal.addEventListener("abort", () => resolve()));
      ended.push(attempt);
    },
  );
  const call = channel.call("/t.S/Unary", text("x"));
  await network.until(() => attempts.length === 1);
  await network.pass(499);
  assert.equal(attempts.length, 1);
  await network.pass(1);
  assert.equal(untext(await call), "x");
  await network.until(() => ended.length === 1);
  assert.deepEqual(attempts, [undefined, "1"]);
  await network.pass(5_000);
  assert.equal(attempts.length, 2);
  await server.close();
});

Deno.test("a non-fatal failure starts the next hedge at once, a fatal one ends the call (gRPC A6)", async () => {
  await using network = new Network();
  let code: Status = Status.UNAVAILABLE;
  const { server, channel, attempts } = await startPolicyServer(network, hedging, (attempt) => {
    throw new RpcError(code, `attempt ${attempt}`);
  });
  assert.equal((await failure(channel.call("/t.S/Unary", EMPTY))).message, "attempt 3");
  attempts.length = 0;
  code = Status.NOT_FOUND;
  assert.equal((await failure(channel.call("/t.S/Unary", EMPTY))).message, "attempt 1");
  assert.equal(attempts.length, 1);
  await server.close();
});
