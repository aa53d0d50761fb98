/**
 * Many deadlines behind one timer. A timer of the runtime per call costs more than the call itself, and
 * nearly every deadline is cancelled before it passes, so adding and cancelling are O(1) here: a
 * hierarchical timing wheel, as in Varghese and Lauck, "Hashed and Hierarchical Timing Wheels" (1987).
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";

// Five levels of 64 slots: a level-0 slot is 1 ms wide, a level-1 slot 64 ms, up to 2^30 ms in all.
const LEVELS = 5;
const BITS = 6;
const SLOTS = 1 << BITS;
const MASK = SLOTS - 1;
const MAX_TICK = 2 ** (LEVELS * BITS) - 1;
// When half of the range is used up (6 days), the wheel is laid out anew from the present.
const REBASE_TICK = 2 ** 29;
// The `slot` of entries that are about to be called.
const DUE = LEVELS * SLOTS;

/** A waiting deadline; give it to {@link DeadlineQueue.cancel}. */
export interface DeadlineHandle {
  /** When it is due, in the clock's ms. */
  readonly atMs: number;
}

class Entry implements DeadlineHandle {
  readonly atMs: number;
  callback: () => void;
  previous: Entry | undefined = undefined;
  next: Entry | undefined = undefined;
  /** Index into the slots; -1 when it is not waiting. */
  slot = -1;

  constructor(atMs: number, callback: () => void) {
    this.atMs = atMs;
    this.callback = callback;
  }
}

/**
 * Calls back when deadlines pass, at most a millisecond or so late, never early. The one timer stays
 * armed for a deadline that was cancelled (clearing it would cost more than one idle wake-up): call
 * `close` when the queue is not needed any more.
 */
export class DeadlineQueue {
  #clock: Clock;
  #slots: (Entry | undefined)[] = new Array(LEVELS * SLOTS).fill(undefined);
  // Per level, two words of 32 bits: which slots hold entries.
  #occupied = new Int32Array(LEVELS * 2);
  /** The clock's time of tick 0. */
  #originMs: number;
  /** All entries of ticks up to this one have been called. */
  #tick = 0;
  #size = 0;
  #timer: unknown = undefined;
  #timerTick = Infinity;
  #onTimer = () => this.#fire();

  /** Makes an empty queue; no timer runs until something is added. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#originMs = Math.floor(clock.now());
  }

  /** How many deadlines wait. */
  get size(): number {
    return this.#size;
  }

  /**
   * Calls `callback` once when the clock reaches `atMs`, never synchronously; for a time that has passed,
   * as soon as timers run. The callback must not throw. `nowMs` saves asking the clock where it is known.
   */
  add(atMs: number, callback: () => void, nowMs?: number): DeadlineHandle {
    const entry = new Entry(atMs, callback);
    // An empty wheel may be moved to the present for free, so that ticks rarely run out.
    if (this.#size === 0) this.#moveTo(nowMs ?? this.#clock.now());
    this.#insert(entry);
    this.#size++;
    // A timer that comes before this is due will see to it. Else one is set for the tick of its slot: for
    // upper levels that is when the slot is spread out.
    if (!(atMs - this.#originMs >= this.#timerTick)) this.#arm(this.#slotTick(entry.slot));
    return entry;
  }

  /** Forgets a deadline; fine when it has passed or was cancelled before. */
  cancel(handle: DeadlineHandle): void {
    const entry = handle as Entry;
    if (entry.slot < 0) return;
    if (entry.slot === DUE) entry.slot = -1;
    else this.#unlink(entry);
    this.#size--;
  }

  /** Forgets every deadline and clears the timer. The queue may be used again. */
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
    // An armed timer fires whenever it does; its tick only has to be right in the new count.
    if (this.#timerTick !== Infinity) this.#timerTick -= tick;
  }

  /** Links an entry in by its due tick, as seen from the present tick. */
  #insert(entry: Entry): void {
    const due = Math.ceil(entry.atMs - this.#originMs);
    // A tick of the past, or of now, is due at the next one. NaN goes there as well.
    const tick = due > this.#tick ? Math.min(due, MAX_TICK) : this.#tick + 1;
    // The level is that of the highest group of bits in which the tick differs from the present.
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

  /** The first tick of a slot. Slots of a level all lie ahead of the present within its rotation. */
  #slotTick(slot: number): number {
    const shift = (slot >>> BITS) * BITS;
    const rotation = Math.floor(this.#tick / 2 ** (shift + BITS)) * 2 ** (shift + BITS);
    return rotation + (slot & MASK) * 2 ** shift;
  }

  /** The slot that comes first, or -1. A lower level always precedes a higher one. */
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
    // Rounded up, because the runtime drops fractions and would call too early.
    const delayMs = Math.max(0, Math.ceil(this.#originMs + tick - this.#clock.now()));
    // Longer delays overflow the runtime's timers, which then fire at once.
    this.#timer = this.#clock.setTimer(this.#onTimer, Math.min(delayMs, 0x7fffffff));
  }

  #fire(): void {
    this.#timer = undefined;
    this.#timerTick = Infinity;
    const nowMs = this.#clock.now();
    const nowTick = Math.floor(nowMs - this.#originMs);
    const rebase = nowTick >= REBASE_TICK;
    // Gathered first and called last, so that callbacks may add and cancel freely.
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
      // A callback before this one may have cancelled it.
      if (entry.slot >= 0) {
        entry.slot = -1;
        this.#size--;
        entry.callback();
      }
      entry = next;
    }
  }
}
