import assert from "node:assert/strict";
import { TransportError } from "../../../src/errors.ts";
import { Listeners } from "../../../src/rpc/server/listeners.ts";
import { WarningLimit } from "../../../src/rpc/server/warning_limit.ts";
import { memoryPair } from "../../../src/transport/memory.ts";
import type { ByteStream, Listener } from "../../../src/transport/types.ts";
import { until } from "../../fixtures/waiting.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { captureLog } from "../../../src/testing/captured_log.ts";

/** Listener that answers `accept` as it is told. */
class ScriptedListener implements Listener {
  readonly address = "scripted:1";
  readonly freed = Promise.withResolvers<void>();
  closed = false;
  accepts = 0;
  #accepting = Promise.withResolvers<ByteStream | null>();

  accept(): Promise<ByteStream | null> {
    this.accepts++;
    this.#accepting = Promise.withResolvers();
    return this.#accepting.promise;
  }

  async fail(): Promise<void> {
    this.#accepting.reject(new TransportError("out of descriptors", { address: this.address }));
    await settle();
  }

  async give(stream: ByteStream): Promise<void> {
    const { accepts } = this;
    this.#accepting.resolve(stream);
    await until(() => this.accepts > accepts);
  }

  close(): Promise<void> {
    this.closed = true;
    this.#accepting.resolve(null);
    return this.freed.promise;
  }
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

function begin() {
  const clock = new FakeClock(1000.25);
  const accepted: ByteStream[] = [];
  const listeners = new Listeners({
    clock,
    warnings: new WarningLimit(clock),
    accept: (stream) => void accepted.push(stream),
  });
  const listener = new ScriptedListener();
  listeners.add(listener);
  return { clock, accepted, listeners, listener };
}

Deno.test("Listeners.close() resolves when every address is free", async () => {
  const { listeners, listener } = begin();
  let free = false;
  const closing = listeners.close().then(() => free = true);
  assert.equal(listener.closed, true);
  const again = listeners.close();
  await settle();
  assert.equal(free, false);
  listener.freed.resolve();
  await Promise.all([closing, again]);
});

Deno.test("Listeners accepts again after failures, ever more slowly, until a connection is accepted", async () => {
  const { clock, accepted, listeners, listener } = begin();
  for (const delayMs of [5, 10, 20, 40, 80, 160, 320, 640, 1_000, 1_000]) {
    await listener.fail();
    clock.tick(delayMs - 1);
    assert.equal(clock.pendingTimers, 1);
    clock.tick(1);
    assert.equal(clock.pendingTimers, 0);
    await settle();
  }
  const [stream] = memoryPair();
  await listener.give(stream);
  assert.deepEqual(accepted, [stream]);
  await listener.fail();
  clock.tick(5);
  assert.equal(clock.pendingTimers, 0);
  await listener.fail();
  const closing = listeners.close();
  assert.equal(clock.pendingTimers, 0);
  listener.freed.resolve();
  await closing;
});

Deno.test("Listeners: failed accepts cause a bounded number of warnings", async () => {
  await using log = await captureLog({ lowestLevel: "debug" });
  const { clock, listeners, listener } = begin();
  for (let i = 0; i < 200; i++) {
    await listener.fail();
    clock.tick(5);
    await settle();
    // A connection in between starts the delays anew.
    await listener.give(memoryPair()[0]);
  }
  const failures = log.records.filter(({ rawMessage }) =>
    String(rawMessage).startsWith("Cannot a")
  );
  assert.equal(failures.length, 200);
  assert.equal(failures.filter(({ level }) => level === "warning").length, 10);
  listener.freed.resolve();
  await listeners.close();
});
