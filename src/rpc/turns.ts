/**
 * Gives way: to other connections, timers and new connections while one of them has work without end.
 *
 * An operation of Deno that can finish at once does, without a turn of the event loop (up to 128 of them), and
 * while JavaScript keeps the loop awake by itself, by `setImmediate` or by such operations, Deno (2.9) asks the
 * kernel only every 61 turns which sockets have become ready. At 5 ms of work a turn others waited 300 ms and
 * more (p99 beside three flooding connections: 560 ms, now 20). So after two milliseconds of work come
 * 61 turns without any, 40 µs together.
 *
 * Two other ways don't do: a timer sleeps for 2 ms, and an operation of another thread has often ended, where
 * there is one core, before the loop has gone to sleep.
 *
 * @module
 */

import { setImmediate } from "node:timers";

/** After this much input or output of one connection, in bytes, others get their turn. */
export const TURN_BYTES = 65_536;

const POLL_INTERVAL_MS = 2;
// Tokio's event interval, as Deno sets it.
const TURNS_UNTIL_POLL = 61;

let polledAtMs = 0;
let polling: Promise<void> | null = null;

/** Whether the loop has its turns without work: whoever has some should wait for `nextTurn`. */
export function isPolling(): boolean {
  return polling !== null;
}

/**
 * A turn for the others. All that call it while the loop has its turns without work wait for their end.
 */
export function nextTurn(): Promise<void> {
  if (polling !== null) return polling;
  if (performance.now() - polledAtMs < POLL_INTERVAL_MS) {
    return new Promise((resolve) => setImmediate(resolve));
  }
  return polling = new Promise((resolve) => {
    let left = TURNS_UNTIL_POLL;
    // One callback after the other, because a promise for each turn would cost as much again.
    const turn = () => {
      if (--left > 0) {
        setImmediate(turn);
        return;
      }
      polledAtMs = performance.now();
      polling = null;
      resolve();
    };
    setImmediate(turn);
  });
}
