import assert from "node:assert/strict";
import { Metadata } from "../../../src/call/metadata.ts";
import { Status } from "../../../src/call/status.ts";
import type { ClientCall } from "../../../src/call/wire.ts";
import { FailureLog } from "../../../src/rpc/core/failure_log.ts";
import { OpenCalls, type OpenClientCall } from "../../../src/rpc/core/open_calls.ts";
import { serverLog } from "../../../src/rpc/core/log.ts";
import {
  type CallObserver,
  Observation,
  ObservedClientCall,
  ObservedServerCall,
} from "../../../src/rpc/core/observer.ts";
import { FakeCall } from "../../fixtures/fake_call.ts";
import { clientCallSink, serverCallSink } from "../../fixtures/sinks.ts";

const quiet = new FailureLog(serverLog, false);

/** An observer that records its events. */
function recorder() {
  const events: string[] = [];
  const observer: CallObserver = {
    started: () => ({
      sent: (bytes: number) => void events.push(`sent ${bytes}`),
      received: (bytes: number) => void events.push(`received ${bytes}`),
      ended: (code: Status) => void events.push(`ended ${code}`),
    }),
  };
  return { events, observed: Observation.start(observer, "/a/B", true, quiet)! };
}

Deno.test("ObservedServerCall reports messages, and the status once", () => {
  const { events, observed } = recorder();
  const inner = new FakeCall("/a/B");
  const call = new ObservedServerCall(inner, observed);
  const received: number[] = [];
  call.sink = serverCallSink({ onMessage: (message) => void received.push(message.length) });
  inner.sink.onMessage(new Uint8Array(3), false);
  call.sendMessage(new Uint8Array(5), false);
  call.sendStatus(Status.NOT_FOUND, "no");
  inner.sink.onCancel(Status.CANCELLED, "late");
  assert.deepEqual(events, ["received 3", "sent 5", "ended 5"]);
  assert.deepEqual(received, [3]);
  assert.equal(inner.status, Status.NOT_FOUND);
});

Deno.test("ObservedServerCall reports a response as a message and OK, and a cancel by its code", () => {
  const responded = recorder();
  new ObservedServerCall(new FakeCall("/a/B"), responded.observed).respond(new Uint8Array(7));
  assert.deepEqual(responded.events, ["sent 7", "ended 0"]);
  const cancelled = recorder();
  const inner = new FakeCall("/a/B");
  new ObservedServerCall(inner, cancelled.observed).sink = serverCallSink();
  inner.sink.onCancel(Status.DEADLINE_EXCEEDED, "late");
  assert.deepEqual(cancelled.events, ["ended 4"]);
});

function clientCall(isLate = false) {
  const { events, observed } = recorder();
  const inner: ClientCall = {
    writable: true,
    encoding: "identity",
    sendMessage() {},
    sendLastMessage() {},
    halfClose() {},
    cancel: () => void events.push("cancel"),
    setReadPaused() {},
  };
  const calls = new OpenCalls<OpenClientCall>();
  const call = new ObservedClientCall(observed, clientCallSink(), calls, () => isLate).join(inner);
  return { events, call };
}

Deno.test("ObservedClientCall reports messages, and the status once", () => {
  const { events, call } = clientCall();
  call.sendMessage(new Uint8Array(2), false);
  call.sendLastMessage(new Uint8Array(3), false);
  call.onMessage(new Uint8Array(4), false);
  call.onStatus(Status.OK, "", () => new Metadata(), "processed");
  call.cancel();
  assert.deepEqual(events, ["sent 2", "sent 3", "received 4", "ended 0", "cancel"]);
});

Deno.test("ObservedClientCall reports a cancel at the deadline as DEADLINE_EXCEEDED", () => {
  for (const [isLate, code] of [[false, Status.CANCELLED], [true, Status.DEADLINE_EXCEEDED]]) {
    const { events, call } = clientCall(isLate as boolean);
    call.cancel();
    assert.deepEqual(events, [`ended ${code}`, "cancel"]);
  }
});

Deno.test("after a function of the observer has failed, its call is not observed any more", async () => {
  const hooks: string[] = [];
  const failures = {
    hook: (hook: string) => void hooks.push(hook),
    returned: FailureLog.prototype.returned,
  } as unknown as FailureLog;
  const fail = () => {
    throw new Error("a fault");
  };
  for (const event of ["sent", "received", "ended"] as const) {
    const all = { sent() {}, received() {}, ended() {}, [event]: fail };
    const observed = Observation.start({ started: () => all }, "/a/B", true, failures)!;
    for (let i = 0; i < 2; i++) {
      observed.sent(1);
      observed.received(1);
    }
    observed.ended(Status.OK);
  }
  assert.equal(Observation.start({ started: fail }, "/a/B", true, failures), undefined);
  assert.deepEqual(hooks, [
    "observer.sent",
    "observer.received",
    "observer.ended",
    "observer.started",
  ]);
  const asynchronous = { sent() {}, received() {}, ended: () => Promise.reject("late") as never };
  Observation.start({ started: () => asynchronous }, "/a/B", true, failures)!.ended(Status.OK);
  await Promise.resolve();
  await Promise.resolve();
  assert.equal(hooks.length, 5);
});

Deno.test("ObservedServerCall passes on that the caller is charged for a fault", () => {
  const inner = new FakeCall("/a/B");
  new ObservedServerCall(inner, recorder().observed).chargeFault();
  assert.equal(inner.faults, 1);
});

Deno.test("ObservedServerCall reports the status with which the wire replaces the one given", () => {
  const { events, observed } = recorder();
  const inner = new FakeCall("/a/B");
  const call = new ObservedServerCall(inner, observed);
  call.sink = serverCallSink();
  inner.sendStatus = () => inner.sink.onCancel(Status.INTERNAL, "the trailers are too large");
  call.sendStatus(Status.OK, "");
  assert.deepEqual(events, ["ended 13"]);
});
