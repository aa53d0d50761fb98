/**
 * Server of known latency in a worker thread: 5 ms, every 100th call 50 ms, and a freeze of 1 s, 10 s after the
 * first call.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { serve } from "../../mod.ts";
import { EchoService } from "../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { BASE_MS, FREEZE_AFTER_MS, FREEZE_MS, SLOW_EVERY, SLOW_MS } from "./known_latency.ts";

interface Waiting {
  readonly dueMs: number;
  readonly resolve: () => void;
}

const waiting: Waiting[] = [];
let calls = 0;
let freezeAtMs = Infinity;

/** Replies by spinning the event loop: timers are up to 2 ms late, too imprecise for 5 ms. */
function turn(): void {
  const now = performance.now();
  if (now >= freezeAtMs) {
    freezeAtMs = Infinity;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FREEZE_MS);
  }
  for (let i = 0; i < waiting.length;) {
    if (waiting[i].dueMs <= now) waiting.splice(i, 1)[0].resolve();
    else i++;
  }
  setImmediate(turn);
}

const server = await serve("127.0.0.1:0", (router) => {
  router.service(EchoService, {
    async echo({ payload }) {
      const now = performance.now();
      // The first call is the probe of the benchmark.
      if (calls++ === 1) freezeAtMs = now + FREEZE_AFTER_MS;
      const workMs = calls % SLOW_EVERY === 0 ? SLOW_MS : BASE_MS;
      await new Promise<void>((resolve) => waiting.push({ dueMs: now + workMs, resolve }));
      return { payload };
    },
  });
});
turn();
(globalThis as unknown as Worker).postMessage(server.addresses[0]);
