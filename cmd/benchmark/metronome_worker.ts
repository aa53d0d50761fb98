/**
 * Thread that sleeps until a call is due. `Atomics.wait` is exact to about 0.1 ms, where the timers of the event loop are up
 * to 2 ms late, and it takes no CPU.
 *
 * @module
 */

import { makeSchedule, type ScheduleOptions } from "../../src/load/generate/schedule.ts";
import { EARLY_MS, type MetronomeOrder } from "./metronome.ts";

interface WorkerScope {
  onmessage: ((event: MessageEvent<MetronomeOrder>) => void) | null;
  close(): void;
}

const scope = globalThis as unknown as WorkerScope;

scope.onmessage = ({ data }) => {
  data.port.postMessage(0);
  if (data.schedule === undefined) ringOnOrder(data);
  else ringOnSchedule(data, data.schedule);
  data.port.close();
  scope.close();
};

/** Rings at each time that the other thread orders. */
function ringOnOrder({ memory, originMs, port }: MetronomeOrder): void {
  const sequence = new Int32Array(memory, 0, 1);
  const due = new Float64Array(memory, 8, 1);
  const offsetMs = originMs - performance.timeOrigin;
  let done = 0;
  for (;;) {
    const current = Atomics.load(sequence, 0);
    if (current < 0) break;
    if (current === done) {
      Atomics.wait(sequence, 0, current);
      continue;
    }
    // After a change of the sequence the wait begins again, with another time.
    const leftMs = due[0] + offsetMs - performance.now();
    if (leftMs > 0) Atomics.wait(sequence, 0, current, leftMs);
    else {
      done = current;
      port.postMessage(current);
    }
  }
}

/**
 * Rings at the times of a schedule, which it knows by itself, and between those of two calls that are due close together:
 * each wake-up costs more than a call.
 */
function ringOnSchedule(
  { memory, originMs, port }: MetronomeOrder,
  options: ScheduleOptions,
): void {
  const sequence = new Int32Array(memory, 0, 1);
  const start = new Float64Array(memory, 8, 1);
  Atomics.wait(sequence, 0, 0);
  const startMs = start[0] + originMs - performance.timeOrigin;
  const schedule = makeSchedule(options);
  let firstMs = startMs + schedule.next();
  for (;;) {
    const secondMs = startMs + schedule.next();
    const isPair = secondMs - firstMs <= 2 * EARLY_MS;
    const ringMs = isPair ? (firstMs + secondMs) / 2 : firstMs;
    for (let now = performance.now(); now < ringMs; now = performance.now()) {
      // Infinity after the last stage: until the end.
      Atomics.wait(sequence, 0, 1, ringMs - now);
      if (Atomics.load(sequence, 0) !== 1) return;
    }
    port.postMessage(1);
    firstMs = isPair ? startMs + schedule.next() : secondMs;
  }
}
