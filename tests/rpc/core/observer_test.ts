import assert from "node:assert/strict";
import { Metadata } from "../../../src/call/metadata.ts";
import { Status } from "../../../src/call/status.ts";
import type { ClientCall } from "../../../src/call/wire.ts";
import { ObservedClientCall, ObservedServerCall } from "../../../src/rpc/core/observer.ts";
import { FakeCall } from "../../fixtures/fake_call.ts";
import { clientCallSink, serverCallSink } from "../../fixtures/sinks.ts";

/** An observer that records its events. */
function recorder() {
  const events: string[] = [];
  return {
    events,
    observed: {
      sent: (bytes: number) => void events.push(`sent ${bytes}`),
      received: (bytes: number) => void events.push(`received ${bytes}`),
      ended: (code: Status) => void events.push(`ended ${code}`),
    },
  };
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
  const call = new ObservedClientCall(observed, clientCallSink(), () => isLate).join(inner);
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
