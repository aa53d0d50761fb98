import assert from "node:assert/strict";
import * as grpc from "../../src/grpc_js/mod.ts";
import { IdleTimer } from "../../src/grpc_js/idle_timer.ts";
import { send, start } from "./fixtures.ts";

Deno.test("the timer fires once after the last use, not while there are calls", async () => {
  let busy = true;
  let fired = 0;
  const asked = Promise.withResolvers<void>();
  let onIdle = () => {};
  const idle = new Promise<void>((resolve) => onIdle = resolve);
  const isBusy = () => {
    asked.resolve();
    return busy;
  };
  const timer = new IdleTimer(20, isBusy, () => {
    fired++;
    onIdle();
  });
  // The timer itself keeps no process alive.
  const hold = setInterval(() => {}, 1_000);
  timer.used();
  await asked.promise;
  assert.equal(fired, 0);
  busy = false;
  timer.used();
  await idle;
  clearInterval(hold);
  assert.equal(fired, 1);
  timer.used();
  timer.stop();
});

Deno.test("a channel becomes idle, and connects again at the next call", async () => {
  await using pair = await start({ client: { "grpc.client_idle_timeout_ms": 1_000 } });
  await send(pair.client, {});
  const channel = grpc.getClientChannel(pair.client);
  const { READY, IDLE } = grpc.connectivityState;
  assert.equal(channel.getConnectivityState(false), READY);
  await new Promise<void>((resolve, reject) => {
    channel.watchConnectivityState(
      READY,
      Date.now() + 30_000,
      (error) => error ? reject(error) : resolve(),
    );
  });
  assert.equal(channel.getConnectivityState(false), IDLE);
  assert.equal((await send(pair.client, { text: "a" })).reply!.text, "a!");
});
