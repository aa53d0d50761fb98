/**
 * Thread that sleeps until a call is due. `Atomics.wait` is exact to about 0.1 ms, where the timers of the event loop are up
 * to 2 ms late, and it takes no CPU.
 *
 * @module
 */

import type { MetronomeOrder } from "./metronome.ts";

interface WorkerScope {
  onmessage: ((event: MessageEvent<MetronomeOrder>) => void) | null;
  close(): void;
}

const scope = globalThis as unknown as WorkerScope;

scope.onmessage = ({ data: { memory, originMs, port } }) => {
  const sequence = new Int32Array(memory, 0, 1);
  const due = new Float64Array(memory, 8, 1);
  const offsetMs = originMs - performance.timeOrigin;
  port.postMessage(0);
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
  port.close();
  scope.close();
};
