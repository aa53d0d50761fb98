/**
 * Gives way: to other connections, timers and new connections while one of them has work without end.
 *
 * An operation of Deno that can finish at once does, without a turn of the event loop (up to 128 of them), and
 * while JavaScript keeps the loop awake by itself, by `setImmediate` or by such operations, Deno (2.9) asks the
 * kernel only every 61 turns which sockets have become ready. At 5 ms of work a turn others waited 300 ms and
 * more (p99 beside three flooding connections: 560 ms, now 10). So after a millisecond of work come
 * 61 turns without any, 40 µs together.
 *
 * While V8 marks its heap, though, it takes 2 ms of every turn, until it is done after some 15 turns: the kernel would
 * be asked after that only, and the longer the more work is done in between. So once two of these turns were slow,
 * work waits for 8 ms, and the loop sleeps whenever V8 lets it. Where others work in these turns, as a program's
 * own `setImmediate` may, who has much to do gets a tenth of the time.
 *
 * What connections say they have spent is not all: their handlers go on in microtasks after them (echoing messages of
 * no bytes takes fifteen times as long as reading them). So turns are measured as a whole, too, and what is said in the
 * next ones counts as many times more. It is one figure for all connections, as most of those who flood don't live long.
 *
 * Two other ways don't do: a timer each time sleeps for 2 ms, and an operation of another thread has often ended, where
 * there is one core, before the loop has gone to sleep.
 *
 * @module
 */

import { setImmediate } from "node:timers";

/** After this much input or output of one connection, in bytes, others get their turn. */
export const TURN_BYTES = 65_536;

const TURN_MS = 1;
const MAX_BURDEN = 16;
// How fast it grows, at most: one turn may have taken long only because garbage was collected.
const HEAVIER = 2;
// What part of the difference it shrinks by: turns in which connections end are light, and the next one's are not.
const LIGHTER = 1 / 16;
const POLL_INTERVAL_MS = 1;
// Tokio's event interval, as Deno sets it.
const TURNS_UNTIL_POLL = 61;
// Turns without work that take as long as this each are V8's, which marks its heap, 2 ms a turn.
const SLOW_TURN_MS = 0.7;
const MAX_SLOW_TURNS = 2;
const SLOW_POLL_MS = 8;

/** Who waits for a turn; a list, because an array that never empties never shrinks. */
interface Waiter {
  readonly resume: () => void;
  next: Waiter | null;
}

let first: Waiter | null = null;
let last: Waiter | null = null;
let waiting = 0;
let emptyTurnBeganMs = 0;
let slowTurns = 0;
let pollAgainAtMs = 0;
let emptyTurnsLeft = 0;
let spentMs = 0;
let turnOver = false;
let turnBeganMs = 0;
// How many times longer turns are than what was said to have been spent in them.
let costFactor = 1;

/** Whether the loop has its turns without work: whoever has much to do should wait for `nextTurn`. */
export function isPolling(): boolean {
  return emptyTurnsLeft > 0;
}

/** Whether this turn is over with `ms` more of a connection's work, and what comes of it. */
export function exceedsSlice(ms: number): boolean {
  return spentMs + ms * costFactor >= TURN_MS;
}

/** How much longer `ms` of a connection's work make the turn, going by those before. */
export function scaledCost(ms: number): number {
  return ms * costFactor;
}

/** Whether enough was done in this turn already, or the loop is polling. */
export function isTurnOver(): boolean {
  return turnOver || emptyTurnsLeft > 0;
}

/**
 * Says how long a connection worked. Once all of them together have worked for a millisecond in a turn it is over:
 * the reads of many may have become ready at once.
 */
export function spendTurn(ms: number): void {
  if (spentMs === 0) {
    setImmediate(beginTurn);
    turnBeganMs = performance.now() - ms;
  }
  // What took less than the clock can tell counts as well, or the turn would be begun again and again.
  spentMs += Math.max(ms, 0.01) * costFactor;
  turnOver = spentMs >= TURN_MS;
}

function beginTurn(): void {
  if (turnOver) {
    const last = (performance.now() - turnBeganMs) / (spentMs / costFactor);
    if (last >= costFactor) costFactor = Math.min(last, costFactor * HEAVIER, MAX_BURDEN);
    else costFactor += (Math.max(last, 1) - costFactor) * LIGHTER;
  }
  spentMs = 0;
  turnOver = false;
}

/**
 * A turn of the loop, after what others have to do. Who wait go on one by one, in the order in which they came, and
 * after 1 ms of it the sockets are looked at: thirty connections with 2 ms of work each don't make 60 ms of it.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const waiter: Waiter = { resume: resolve, next: null };
    if (last === null) first = waiter;
    else last.next = waiter;
    last = waiter;
    waiting++;
    // While the loop is polling, they are all scheduled at its end.
    if (emptyTurnsLeft === 0) setImmediate(resumeOne);
  });
}

/** Says that whoever had the last turn works for long in it: the next one goes on after a look at the sockets. */
export function forcePollBeforeNextTurn(): void {
  pollAgainAtMs = 0;
}

function resumeOne(): void {
  if (emptyTurnsLeft > 0) return;
  const nowMs = performance.now();
  if (nowMs < pollAgainAtMs) {
    resumeFirst();
    return;
  }
  emptyTurnBeganMs = nowMs;
  slowTurns = 0;
  emptyTurnsLeft = TURNS_UNTIL_POLL;
  setImmediate(emptyTurn);
}

function emptyTurn(): void {
  const nowMs = performance.now();
  if (nowMs - emptyTurnBeganMs >= SLOW_TURN_MS) slowTurns++;
  emptyTurnBeganMs = nowMs;
  if (--emptyTurnsLeft === 0) endPolling();
  else if (slowTurns < MAX_SLOW_TURNS) setImmediate(emptyTurn);
  else setTimeout(endPolling, SLOW_POLL_MS);
}

function endPolling(): void {
  emptyTurnsLeft = 0;
  pollAgainAtMs = performance.now() + POLL_INTERVAL_MS;
  for (let i = 1; i < waiting; i++) setImmediate(resumeOne);
  // At least one goes on between two polls, whatever the next turn brings.
  resumeFirst();
}

function resumeFirst(): void {
  const { resume, next } = first!;
  first = next;
  if (next === null) last = null;
  waiting--;
  resume();
}
