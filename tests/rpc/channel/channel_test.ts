import assert from "node:assert/strict";
import { connect, Status } from "../../../mod.ts";
import type { ChannelState } from "../../../src/rpc/pool/mod.ts";
import { EMPTY } from "../../fixtures/bytes.ts";
import { failure } from "../../../src/testing/failure.ts";
import { Network } from "../../fixtures/network.ts";

Deno.test("watchState() iterates over the states of a channel", async () => {
  await using network = new Network();
  const channel = network.connect("a");
  const states: ChannelState[] = [];
  const watching = (async () => {
    for await (const state of channel.watchState()) states.push(state);
  })();
  await failure(channel.call("/suite/echo", EMPTY));
  await network.up("a");
  await network.pass(1_000);
  await network.until(() => channel.state === "READY");
  await network.settle();
  const closing = channel.close();
  await network.pass(1_000);
  await closing;
  await watching;
  assert.deepEqual(states, ["IDLE", "CONNECTING", "TRANSIENT_FAILURE", "READY", "SHUTDOWN"]);
});

Deno.test("connect() throws for options out of range and for invalid addresses", () => {
  for (
    const options of [
      { poolSize: 0 },
      { poolSize: { min: 3, max: 2 } },
      { initialBackoffMs: 0 },
      { initialBackoffMs: 10, maxBackoffMs: 5 },
      { connectTimeoutMs: -1 },
      { batch: { maxCalls: 0 } },
    ]
  ) {
    assert.throws(() => connect("127.0.0.1:1", options), RangeError, JSON.stringify(options));
  }
  assert.throws(() => connect("nonsense"), TypeError);
  assert.throws(() => connect([]), TypeError);
  assert.throws(
    () => connect("localhost:1", { tls: { ca: "x" } }),
    /^TypeError: tls\.ca contains no PEM/,
  );
});

Deno.test("a gRPC path must begin with a slash", async () => {
  await using channel = connect("127.0.0.1:1");
  assert.throws(() => channel.session("chat"), TypeError);
  await assert.rejects(channel.call("chat", EMPTY), TypeError);
  await assert.rejects(channel.capabilities(), { code: Status.UNIMPLEMENTED });
});
