/**
 * Cooperative fairness between busy connections, timers and accepts.
 *
 * An operation of Deno that can finish at once does so without a turn of the event loop (up to 128 in a row). While
 * `setImmediate` or such operations keep the loop awake, Deno 2.9 polls the sockets only every 61 turns. At 5 ms of
 * work a turn, other connections waited 300 ms and more (p99 beside three flooding connections: 560 ms, now 10 ms).
 * So each millisecond of work is followed by 61 turns without work, which take 40 µs together. Node and Bun poll in
 * every turn: one is enough there.
 *
 * While V8 marks its heap, it takes 2 ms of every turn, for some 15 turns. 61 turns would then delay the poll until V8
 * has finished, and work between the turns delays it further. So after two slow turns all work waits for 8 ms, so that
 * the loop can sleep and poll. If the program itself keeps every turn busy by `setImmediate`, the connections get a
 * tenth of the time.
 *
 * Two alternatives are worse: a timer for each poll sleeps for 2 ms; an operation on another thread has often
 * finished, on a single core, before the loop goes to sleep.
 *
 * @module
 */

import { runtime } from "../runtime/mod.ts";
import { type EventLoop, systemLoop } from "./loop.ts";
import { TurnMeter } from "./turn_meter.ts";

/** Bytes of input or output after which a connection waits for its next turn. */
export const TURN_BYTES = 65_536;

const POLL_INTERVAL_MS = 1;
// Duration from which a turn without work counts as slow: V8 is then marking its heap.
const SLOW_TURN_MS = 0.7;
const MAX_SLOW_TURNS = 2;
// Most resumptions that are scheduled at once. Those that a poll overtakes are scheduled again after it: one for each
// of 3,000 waiting connections made every poll take longer than the work between two of them.
const MAX_SCHEDULED = 32;
const SLOW_POLL_MS = 8;

/** Waiting connection in a linked list; an array that is never empty would never shrink. */
interface Waiter {
  readonly resume: () => void;
  next: Waiter | null;
}

/** Waiters, first in first out. */
class WaiterQueue {
  #first: Waiter | null = null;
  #last: Waiter | null = null;

  get isEmpty(): boolean {
    return this.#first === null;
  }

  add(resume: () => void): void {
    const waiter: Waiter = { resume, next: null };
    if (this.#last === null) this.#first = waiter;
    else this.#last.next = waiter;
    this.#last = waiter;
  }

  /** Removes the first waiter; there must be one. */
  take(): () => void {
    const { resume, next } = this.#first!;
    this.#first = next;
    if (next === null) this.#last = null;
    return resume;
  }
}

/** What waits for a turn. The kinds that have waiters are served in rotation. */
export const Lane = {
  /** Connections with input or output. */
  CONNECTIONS: 0,
  /** Listeners: behind the first requests of 500 new connections, a client would wait for all of them. */
  ACCEPTS: 1,
  /** Requests whose bodies have not arrived in full: whole ones need not wait for them. */
  UNFINISHED: 2,
} as const;

/** Shares the turns of one event loop between its connections. */
export class TurnScheduler {
  /** Event loop whose turns are shared. */
  readonly loop: EventLoop;
  readonly #turnsUntilPoll: number;
  readonly #meter: TurnMeter;
  readonly #queues = Object.values(Lane).map(() => new WaiterQueue());
  #lane = 0;
  #waiting = 0;
  // Number of `setImmediate` callbacks that will each resume one waiter.
  #scheduled = 0;
  #nextPollMs = 0;
  // Number of empty turns left until the sockets are polled; above 0 while a poll is in progress.
  #emptyTurnsLeft = 0;
  #emptyTurnStartMs = 0;
  #slowTurns = 0;
  readonly #resumeOne = () => this.#pollOrResume();
  readonly #emptyTurn = () => this.#countEmptyTurn();
  readonly #endPolling = () => this.#finishPoll();

  /** Creates a scheduler whose first turn begins with a poll, which takes `turnsUntilPoll` turns without work. */
  constructor(loop: EventLoop, turnsUntilPoll: number = runtime.turnsUntilPoll) {
    this.loop = loop;
    this.#turnsUntilPoll = turnsUntilPoll;
    this.#meter = new TurnMeter(loop);
  }

  /** Whether a poll is in progress: longer work should wait for `nextTurn`. */
  isPolling(): boolean {
    return this.#emptyTurnsLeft > 0;
  }

  /** Whether the work of this turn has reached its limit, or the loop is polling. */
  isTurnOver(): boolean {
    return this.#meter.isOver || this.#emptyTurnsLeft > 0;
  }

  /** Whether `ms` more of a connection's work, and the handlers it starts, would end this turn. */
  exceedsSlice(ms: number): boolean {
    return this.#meter.exceeds(ms);
  }

  /** Estimated length that `ms` of a connection's work add to the turn, in ms, handlers included. */
  scaledCost(ms: number): number {
    return this.#meter.scale(ms);
  }

  /**
   * Counts `ms` of a connection's work. The turn is over once that of all connections reaches 1 ms: many reads may
   * complete in the same turn.
   */
  spendTurn(ms: number): void {
    this.#meter.spend(ms);
  }

  /** Runs `work` in this turn and counts its time; once the turn is over, runs it on a later one. */
  runInTurn(work: () => void): void {
    if (this.isTurnOver()) return this.onNextTurn(work);
    const startMs = this.loop.now();
    work();
    this.spendTurn(this.loop.now() - startMs);
  }

  /** Resolves on a later turn, first in first out in its lane; sockets are polled after each 1 ms of resumed work. */
  nextTurn(lane: number = Lane.CONNECTIONS): Promise<void> {
    return new Promise((resolve) => this.onNextTurn(resolve, lane));
  }

  /** Calls `resume` when {@link nextTurn} would resolve. */
  onNextTurn(resume: () => void, lane: number = Lane.CONNECTIONS): void {
    this.#queues[lane].add(resume);
    this.#waiting++;
    // During a poll nothing is scheduled, because the end of the poll does that.
    if (this.#emptyTurnsLeft === 0) this.#schedule();
  }

  /** Resolves on the next `setImmediate`, ahead of the queue of `nextTurn`. */
  nextMacrotask(): Promise<void> {
    return new Promise((resolve) => this.loop.setImmediate(resolve));
  }

  /** Delays the next waiter until after a poll, because the current work takes long. */
  forcePollBeforeNextTurn(): void {
    this.#nextPollMs = 0;
  }

  #schedule(): void {
    const count = Math.min(this.#waiting, MAX_SCHEDULED);
    while (this.#scheduled < count) {
      this.#scheduled++;
      this.loop.setImmediate(this.#resumeOne);
    }
  }

  #pollOrResume(): void {
    this.#scheduled--;
    if (this.#emptyTurnsLeft > 0 || this.#waiting === 0) return;
    const nowMs = this.loop.now();
    if (nowMs < this.#nextPollMs) {
      this.#resumeFirst();
      if (this.#scheduled === 0) this.#schedule();
      return;
    }
    this.#emptyTurnStartMs = nowMs;
    this.#slowTurns = 0;
    this.#emptyTurnsLeft = this.#turnsUntilPoll;
    this.loop.setImmediate(this.#emptyTurn);
  }

  #countEmptyTurn(): void {
    const nowMs = this.loop.now();
    if (nowMs - this.#emptyTurnStartMs >= SLOW_TURN_MS) this.#slowTurns++;
    this.#emptyTurnStartMs = nowMs;
    if (--this.#emptyTurnsLeft === 0) this.#finishPoll();
    else if (this.#slowTurns < MAX_SLOW_TURNS) this.loop.setImmediate(this.#emptyTurn);
    else this.loop.setTimeout(this.#endPolling, SLOW_POLL_MS);
  }

  #finishPoll(): void {
    this.#emptyTurnsLeft = 0;
    this.#nextPollMs = this.loop.now() + POLL_INTERVAL_MS;
    // At least one waiter resumes between two polls, even if the next turn is slow.
    this.#resumeFirst();
    this.#schedule();
  }

  #resumeFirst(): void {
    do {
      this.#lane = (this.#lane + 1) % this.#queues.length;
    } while (this.#queues[this.#lane].isEmpty);
    this.#waiting--;
    this.#queues[this.#lane].take()();
  }
}

/** Scheduler of this thread's event loop. */
export const systemTurns: TurnScheduler = new TurnScheduler(systemLoop);
