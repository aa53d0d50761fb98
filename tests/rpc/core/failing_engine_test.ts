// An exception of an engine, or of what it calls, costs its own connection only.

import assert from "node:assert/strict";
import type { ConnectionEngine } from "../../../src/call/wire.ts";
import { ConnectionDriver } from "../../../src/rpc/core/connection_driver.ts";
import type { FailureFacts, FailureLog } from "../../../src/rpc/core/failure_log.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { until } from "../../fixtures/waiting.ts";
import { GivingStream, microtasks } from "./byte_streams.ts";
import { silentEngine } from "./silent_engine.ts";

const ENTRIES = [
  "receive",
  "receiveEnd",
  "transportLost",
  "outputDrained",
  "nextTimerMs",
  "onTimer",
  "wantsRead",
  "finished",
  "readThrottledUntilMs",
] as const;

/** Makes an entry of the engine throw from now on. */
function breakEntry(engine: ConnectionEngine, entry: typeof ENTRIES[number]): void {
  const fail = () => {
    throw new Error(`a defect in ${entry}`);
  };
  const property = typeof engine[entry] === "function" ? { value: fail } : { get: fail };
  Object.defineProperty(engine, entry, { configurable: true, ...property });
}

for (const entry of ENTRIES) {
  Deno.test(`an engine that throws in ${entry} closes its connection, with a log line`, async () => {
    const clock = new FakeClock(1000.25);
    const engine = silentEngine();
    const stream = new GivingStream();
    const logged: FailureFacts[] = [];
    let closes = 0;
    const driver = new ConnectionDriver({
      stream,
      engine,
      clock,
      onClose: () => closes++,
      failures: { error: (_, facts) => logged.push(facts) } as Partial<FailureLog> as FailureLog,
    });
    let dueMs = clock.now() + 1_000;
    engine.nextTimerMs = () => dueMs;
    engine.onTimer = () => dueMs = Infinity;
    driver.start();
    breakEntry(engine, entry);
    engine.out.u32(1);
    driver.wake();
    await microtasks();
    for (const write of stream.writes.splice(0)) write(4);
    await microtasks();
    if (!driver.closed) await stream.give(8);
    clock.tick(1_001);
    await microtasks();
    if (entry === "receiveEnd") await stream.give(null);
    if (entry === "transportLost") driver.close("The test is over");
    await until(() => driver.closed);
    assert.equal(closes, 1);
    assert.equal(stream.closed, true);
    assert.equal(logged.length >= 1, true);
    assert.match((logged[0].error as Error).stack!, new RegExp(`a defect in ${entry}\\n +at `));
  });
}
