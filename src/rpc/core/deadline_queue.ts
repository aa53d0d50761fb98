/**
 * Many deadlines with one timer, in a hierarchical timing wheel (Varghese and Lauck, "Hashed and Hierarchical Timing
 * Wheels", 1987). A timer of the runtime per call would cost more than the call. Nearly all deadlines are cancelled
 * before they pass, so adding and cancelling are O(1).
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";

// Five levels of 64 slots: level-0 slots are 1 ms wide, level-1 slots 64 ms, up to 2^30 ms in all.
const LEVELS = 5;
const BITS = 6;
const SLOTS = 1 << BITS;
const MASK = SLOTS - 1;
const MAX_TICK = 2 ** (LEVELS * BITS) - 1;
// After half of the range (6 days) the wheel is rebuilt from the current time.
const REBASE_TICK = 2 ** 29;
// `slot` of entries that are about to be called.
const DUE = LEVELS * SLOTS;

/** Waiting deadline, for {@link DeadlineQueue.cancel}. */
export interface DeadlineHandle {
  /** Due time, in ms of the clock. */
  readonly atMs: number;
}

class Entry implements DeadlineHandle {
  readonly atMs: number;
  callback: () => void;
  previous: Entry | undefined = undefined;
  next: Entry | undefined = undefined;
  /** Index into the slots; -1 if it is not waiting. */
  slot = -1;

  constructor(atMs: number, callback: () => void) {
    this.atMs = atMs;
    this.callback = callback;
  }
}

/**
 * Calls back when deadlines pass, about a millisecond late at most, never early. The timer stays armed after a cancel,
 * because clearing it would cost more than one idle wake-up; `close` clears it.
 */
export class DeadlineQueue {
  #clock: Clock;
  #onFailure: (error: unknown) => void;
  #slots: (Entry | undefined)[] = new Array(LEVELS * SLOTS).fill(undefined);
  // Bit set of the slots with entries: two words of 32 bits per level.
  #occupied = new Int32Array(LEVELS * 2);
  /** Time of tick 0, in ms of the clock. */
  #originMs: number;
  /** All entries of ticks up to this one have been called. */
  #tick = 0;
  #size = 0;
  #timer: unknown = undefined;
  #timerTick = Infinity;
  #onTimer = () => this.#fire();

  /** Creates an empty queue, without a timer. `onFailure` gets what a callback throws; the other callbacks are called. */
  constructor(clock: Clock, onFailure: (error: unknown) => void) {
    this.#clock = clock;
    this.#onFailure = onFailure;
    this.#originMs = Math.floor(clock.now());
  }

  /** Number of waiting deadlines. */
  get size(): number {
    return this.#size;
  }

  /**
   * Calls `callback` once when the clock reaches `atMs`, never synchronously; for a time in the past, as soon as timers
   * run. `nowMs` is the current time, if known.
   */
  add(atMs: number, callback: () => void, nowMs?: number): DeadlineHandle {
    const entry = new Entry(atMs, callback);
    // An empty wheel moves to the current time at no cost, which makes rebuilds of a filled wheel rare.
    if (this.#size === 0) this.#moveTo(nowMs ?? this.#clock.now());
    this.#insert(entry);
    this.#size++;
    // An earlier timer re-arms for this deadline. Otherwise the timer is set for the tick of its slot, at which slots
    // of upper levels are distributed to lower ones.
    if (!(atMs - this.#originMs >= this.#timerTick)) this.#arm(this.#slotTick(entry.slot));
    return entry;
  }

  /** Removes a deadline; no effect if it has passed or was cancelled. */
  cancel(handle: DeadlineHandle): void {
    const entry = handle as Entry;
    if (entry.slot < 0) return;
    if (entry.slot === DUE) entry.slot = -1;
    else this.#unlink(entry);
    this.#size--;
  }

  /** Removes all deadlines and clears the timer. The queue may be used again. */
  close(): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
    this.#timerTick = Infinity;
    for (let i = 0; i < this.#slots.length; i++) {
      for (let entry = this.#takeSlot(i); entry; entry = entry.next) entry.slot = -1;
    }
    this.#size = 0;
  }

  #moveTo(nowMs: number): void {
    const tick = Math.floor(nowMs - this.#originMs);
    if (tick < REBASE_TICK) {
      if (tick > this.#tick) this.#tick = tick;
      return;
    }
    this.#originMs = Math.floor(nowMs);
    this.#tick = 0;
    // An armed timer keeps its time; its tick is converted to the new origin.
    if (this.#timerTick !== Infinity) this.#timerTick -= tick;
  }

  /** Inserts an entry by its due tick, relative to the current tick. */
  #insert(entry: Entry): void {
    const due = Math.ceil(entry.atMs - this.#originMs);
    // Past and current ticks, and NaN, become due at the next tick.
    const tick = due > this.#tick ? Math.min(due, MAX_TICK) : this.#tick + 1;
    // The level is the highest group of 6 bits in which the tick differs from the current one.
    const level = Math.trunc((31 - Math.clz32(tick ^ this.#tick)) / BITS);
    const index = (tick >>> (level * BITS)) & MASK;
    const slot = level * SLOTS + index;
    const head = this.#slots[slot];
    entry.slot = slot;
    entry.previous = undefined;
    entry.next = head;
    if (head) head.previous = entry;
    else this.#occupied[level * 2 + (index >>> 5)] |= 1 << (index & 31);
    this.#slots[slot] = entry;
  }

  #unlink(entry: Entry): void {
    const { slot, previous, next } = entry;
    entry.slot = -1;
    if (next) next.previous = previous;
    if (previous) {
      previous.next = next;
    } else {
      this.#slots[slot] = next;
      if (!next) this.#clearBit(slot);
    }
    entry.previous = entry.next = undefined;
  }

  #takeSlot(slot: number): Entry | undefined {
    const head = this.#slots[slot];
    if (head) {
      this.#slots[slot] = undefined;
      this.#clearBit(slot);
    }
    return head;
  }

  #clearBit(slot: number): void {
    const index = slot & MASK;
    this.#occupied[(slot >>> BITS) * 2 + (index >>> 5)] &= ~(1 << (index & 31));
  }

  /** First tick of a slot. All occupied slots of a level are ahead of the current tick, within its rotation. */
  #slotTick(slot: number): number {
    const shift = (slot >>> BITS) * BITS;
    const rotation = Math.floor(this.#tick / 2 ** (shift + BITS)) * 2 ** (shift + BITS);
    return rotation + (slot & MASK) * 2 ** shift;
  }

  /** Next occupied slot, or -1. Lower levels precede higher ones. */
  #nextSlot(): number {
    for (let level = 0; level < LEVELS; level++) {
      const low = this.#occupied[level * 2];
      if (low !== 0) return level * SLOTS + 31 - Math.clz32(low & -low);
      const high = this.#occupied[level * 2 + 1];
      if (high !== 0) return level * SLOTS + 63 - Math.clz32(high & -high);
    }
    return -1;
  }

  #arm(tick: number): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    this.#timerTick = tick;
    // The delay is rounded up, because the runtime truncates fractions and would fire early.
    const delayMs = Math.max(0, Math.ceil(this.#originMs + tick - this.#clock.now()));
    // Delays above 2³¹−1 ms overflow the runtime's timers, which would fire at once.
    this.#timer = this.#clock.setTimer(this.#onTimer, Math.min(delayMs, 0x7fffffff));
  }

  #fire(): void {
    this.#timer = undefined;
    this.#timerTick = Infinity;
    const nowMs = this.#clock.now();
    const nowTick = Math.floor(nowMs - this.#originMs);
    const rebase = nowTick >= REBASE_TICK;
    // All due entries are collected before the first callback runs, because callbacks may add and cancel deadlines.
    let due: Entry | undefined;
    let last: Entry | undefined;
    let later: Entry | undefined;
    for (let slot = this.#nextSlot(); slot >= 0; slot = this.#nextSlot()) {
      if (!rebase && this.#slotTick(slot) > nowTick) break;
      for (let entry = this.#takeSlot(slot); entry;) {
        const next: Entry | undefined = entry.next;
        if (entry.atMs > nowMs) {
          entry.next = later;
          later = entry;
        } else {
          entry.slot = DUE;
          entry.next = undefined;
          if (last) last.next = entry;
          else due = entry;
          last = entry;
        }
        entry = next;
      }
    }
    if (rebase) this.#originMs = Math.floor(nowMs);
    this.#tick = rebase ? 0 : Math.max(this.#tick, nowTick);
    for (let entry = later; entry;) {
      const next: Entry | undefined = entry.next;
      this.#insert(entry);
      entry = next;
    }
    const slot = this.#nextSlot();
    if (slot >= 0) this.#arm(this.#slotTick(slot));
    this.#call(due);
  }

  #call(due: Entry | undefined): void {
    for (let entry = due; entry;) {
      const next: Entry | undefined = entry.next;
      // An earlier callback may have cancelled it.
      if (entry.slot >= 0) {
        entry.slot = -1;
        this.#size--;
        try {
          entry.callback();
        } catch (error) {
          this.#onFailure(error);
        }
      }
      entry = next;
    }
  }
}
