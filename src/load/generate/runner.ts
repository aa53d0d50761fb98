/**
 * Runs one worker's share of a load plan against a target.
 *
 * Closed loop: each slot calls, waits for the reply and calls again, so a slow server reduces the load and
 * only few calls measure its slowness. Open loop: calls are due at times fixed in advance. A call without a
 * free slot waits, and its latency counts from its due time: the part that "coordinated omission" hides.
 * Calls that were due and could not be sent before the end count as missed.
 *
 * Warm-up starts at `startAtMs`, measuring at `startAtMs + warmupMs`. Calls that start (closed) or are due
 * (open) during the warm-up are made and not recorded.
 *
 * @module
 */

import { deferred } from "../../rpc/core/deferred.ts";
import type { Clock } from "../../call/clock.ts";
import { Status } from "../../call/status.ts";
import { RpcError } from "../../errors.ts";
import type { WorkerPlan } from "./plan.ts";
import { type IntervalReport, Recorder, type WorkerResult } from "../measure/recorder.ts";
import { makeSchedule, type Schedule } from "./schedule.ts";
import { Slot } from "./slot.ts";
import { SlotQueue } from "./slot_queue.ts";
import type { Reply } from "../measure/reply.ts";
import { CallOutcomes, FlowOutcomes, type Outcomes } from "./outcomes.ts";
import type { Target } from "./target.ts";
import { UserRamp } from "./user_ramp.ts";

/** Options of {@link startLoad}. */
export interface LoadRunOptions {
  /** Clock whose timers may be a few ms late. */
  readonly clock: Clock;
  /** Clock of the same time with exact timers, for pacing. Default: `clock`. */
  readonly pacer?: Clock;
  /**
   * Lateness of the pacer, in ms, up to which the latency of a call counts from its send instead of its due time: the time
   * in which a sleeping generator wakes up. Default 0.
   */
  readonly wakeUpMs?: number;
  /** How long before it is due a call may be sent, in ms: the pacer may ring once for two calls. Default 0. */
  readonly earlyMs?: number;
  /** Start of the warm-up, in the clock's time. Default: now. */
  readonly startAtMs?: number;
  /** Called with each completed interval of the time series. */
  readonly onInterval?: (report: IntervalReport) => void;
  /** Called when measuring starts. */
  readonly onMeasure?: () => void;
}

/** Running load. */
export interface LoadRun {
  /** Resolves when all calls have ended or been abandoned. Never rejects. */
  readonly done: Promise<WorkerResult>;
  /** Stops starting calls and waits for those in flight. Idempotent. */
  stop(): void;
}

/** Starts load on `target`. */
export function startLoad(target: Target, plan: WorkerPlan, options: LoadRunOptions): LoadRun {
  const runner = new Runner(target, plan, options);
  runner.start();
  return { done: runner.done, stop: () => runner.stop() };
}

const LATE_MS = 1;
/** How often the number of users is adapted to a ramp. */
const USERS_MS = 50;
// Without a pause, a closed loop against a dead server fails millions of times a second.
const PAUSE_AFTER_UNREACHABLE_MS = 50;

class Runner {
  readonly done: Promise<WorkerResult>;
  readonly #resolve: (result: WorkerResult) => void;
  readonly #target: Target;
  readonly #plan: WorkerPlan;
  readonly #clock: Clock;
  readonly #pacer: Clock;
  readonly #wakeUpMs: number;
  readonly #earlyMs: number;
  readonly #onMeasure?: () => void;
  readonly #recorder: Recorder;
  readonly #outcomes: Outcomes;
  readonly #flows?: FlowOutcomes;
  readonly #users?: UserRamp;
  readonly #slots: Slot[] = [];
  readonly #startMs: number;
  readonly #measureMs: number;
  readonly #endMs: number;
  readonly #timers = new Set<unknown>();
  #inFlight = 0;
  #sequence = 0;
  #remaining: number;
  #stopped = false;
  #finished = false;
  /** End of the last call, measured or not. */
  #lastEndMs = -Infinity;
  // The following fields are used only with a rate.
  readonly #schedule?: Schedule;
  readonly #free: SlotQueue;
  readonly #stageEndsMs: number[] = [];
  #stage = 0;
  #dueMs = Infinity;
  #slipMs = 0;
  #blocked = false;
  #blockedUntilMs = -Infinity;
  #wakeTimer: unknown;

  constructor(target: Target, plan: WorkerPlan, options: LoadRunOptions) {
    if (plan.mode === "open" && plan.ratePerSecond === undefined) {
      throw new TypeError("An open loop needs a rate");
    }
    if (plan.requests === undefined && plan.durationMs === undefined) {
      throw new TypeError("The run has no end: set requests or a duration");
    }
    const { promise, resolve } = deferred<WorkerResult>();
    this.done = promise;
    this.#resolve = resolve;
    this.#target = target;
    this.#plan = plan;
    this.#clock = options.clock;
    this.#pacer = options.pacer ?? options.clock;
    this.#wakeUpMs = options.wakeUpMs ?? 0;
    this.#earlyMs = options.earlyMs ?? 0;
    this.#onMeasure = options.onMeasure;
    this.#startMs = options.startAtMs ?? this.#clock.now();
    this.#measureMs = this.#startMs + plan.warmupMs;
    this.#endMs = plan.durationMs === undefined ? Infinity : this.#measureMs + plan.durationMs;
    let stageEndMs = this.#measureMs;
    for (const { durationMs } of plan.stages ?? []) {
      this.#stageEndsMs.push(stageEndMs += durationMs);
    }
    this.#remaining = plan.requests ?? Infinity;
    this.#recorder = new Recorder({
      intervalMs: plan.intervalMs,
      open: plan.mode === "open",
      stages: plan.stages?.length,
      methods: target.methods,
      onInterval: options.onInterval ?? (() => {}),
    });
    if (target.flow) {
      this.#flows = new FlowOutcomes(this.#recorder, this.#measureMs, {
        now: () => this.#clock.now(),
        stageAt: (atMs) => this.#stageAt(atMs),
        slot: (index) => this.#slots[index],
        ended: (now) => this.#lastEndMs = now,
      });
      target.flow.report(this.#flows);
    }
    this.#outcomes = this.#flows ?? new CallOutcomes(this.#recorder, target, this.#measureMs);
    this.#users = UserRamp.of(plan, this.#measureMs);
    for (let i = 0; i < target.slots; i++) this.#slots.push(new Slot(i, this));
    this.#free = new SlotQueue(target.slots);
    if (plan.ratePerSecond !== undefined) {
      this.#schedule = makeSchedule({ ...plan, ratePerSecond: plan.ratePerSecond });
    }
  }

  start(): void {
    const now = this.#clock.now();
    this.#after(this.#startMs - now, () => this.#begin());
    this.#after(this.#measureMs - now, () => {
      this.#onMeasure?.();
      this.#tick();
    });
    if (this.#endMs !== Infinity) this.#after(this.#endMs - now, () => this.stop());
  }

  #begin(): void {
    if (this.#stopped || this.#remaining === 0) {
      this.stop();
    } else if (this.#schedule) {
      this.#dueMs = this.#startMs + this.#schedule.next();
      for (const slot of this.#slots) this.#free.push(slot.index);
      this.#pump();
    } else {
      this.#startUsers();
    }
  }

  /** Starts the slots of all users, and as their number rises those of more. */
  #startUsers(): void {
    if (this.#stopped) return;
    const active = this.#users?.active(this.#clock.now()) ?? Infinity;
    for (const slot of this.#slots) {
      if (slot.index < active && !slot.busy && !slot.paused) this.#callAgain(slot);
    }
    if (this.#users) this.#after(USERS_MS, () => this.#startUsers());
  }

  /**
   * Reports intervals that completed without any call ending, and stops the run when no call has ended for too long.
   */
  #tick(): void {
    const now = this.#clock.now();
    this.#recorder.roll(now - this.#measureMs);
    if (this.#isStalled(now)) {
      this.stop();
      this.#finish();
    } else {
      this.#after(this.#plan.intervalMs, () => this.#tick());
    }
  }

  #isStalled(now: number): boolean {
    const { stallMs } = this.#plan;
    // Users of flows may think for longer.
    const inFlight = this.#flows?.inFlight ?? this.#inFlight;
    if (stallMs === undefined || inFlight === 0) return false;
    return now - Math.max(this.#lastEndMs, this.#measureMs) >= stallMs;
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    if (this.#schedule) this.#countMissed();
    if (this.#inFlight === 0) return this.#finish();
    for (const slot of this.#slots) {
      if (slot.busy && slot.measured && !this.#flows) this.#recorder.drained++;
    }
    this.#target.flow?.stop();
    this.#after(this.#plan.drainMs, () => this.#finish());
  }

  replied(slot: Slot, reply: Reply): void {
    if (this.#finished) return;
    const now = this.#clock.now();
    this.#lastEndMs = now;
    slot.busy = false;
    this.#inFlight--;
    if (slot.measured) this.#outcomes.success(slot, now, reply);
    this.#next(slot, now);
  }

  failed(slot: Slot, error: unknown): void {
    if (this.#finished) return;
    const now = this.#clock.now();
    this.#lastEndMs = now;
    slot.busy = false;
    this.#inFlight--;
    const failure = RpcError.from(error);
    // UNAVAILABLE alone does not prove a missing connection: a handler may fail with the same code.
    const unreachable = failure.code === Status.UNAVAILABLE &&
      (this.#target.unreachable?.(slot.index) ?? true);
    if (slot.measured) this.#outcomes.failure(slot, now, failure, unreachable);
    const pause = unreachable && !this.#schedule && !this.#stopped &&
      now - slot.sentMs < PAUSE_AFTER_UNREACHABLE_MS;
    if (pause && this.#remaining > 0) {
      slot.paused = true;
      this.#after(PAUSE_AFTER_UNREACHABLE_MS, () => {
        slot.paused = false;
        this.#next(slot, this.#clock.now());
      });
    } else {
      this.#next(slot, now);
    }
  }

  #next(slot: Slot, now: number): void {
    if (this.#stopped || this.#remaining === 0) {
      if (this.#inFlight === 0) this.#finish();
    } else if (this.#schedule) {
      this.#free.push(slot.index);
      if (this.#blocked) {
        this.#blocked = false;
        this.#blockedUntilMs = now;
        this.#pump();
      }
    } else {
      this.#callAgain(slot);
    }
  }

  #callAgain(slot: Slot): void {
    if (this.#stopped || this.#remaining === 0) {
      if (this.#inFlight === 0) this.#finish();
      return;
    }
    const now = this.#clock.now();
    if (this.#users && slot.index >= this.#users.active(now)) return;
    this.#send(slot, now, now);
  }

  /** Starts the calls that are due while slots are free, and schedules its next run. */
  #pump(): void {
    for (let now = this.#clock.now(); this.#dueMs - this.#earlyMs <= now; now = this.#clock.now()) {
      if (this.#stopped || this.#remaining === 0 || this.#dueMs >= this.#endMs) return;
      const index = this.#free.shift();
      if (index < 0) {
        this.#blocked = true;
        return;
      }
      if (this.#plan.mode === "closed") {
        // In a closed loop the rate is a limit: calls not sent in time are not made up for.
        this.#slipMs += Math.max(0, now - this.#dueMs - LATE_MS);
        this.#send(this.#slots[index], now, now);
      } else {
        this.#noteLateness(now);
        this.#send(this.#slots[index], this.#countedFrom(now), now);
      }
      this.#dueMs = this.#startMs + this.#schedule!.next() + this.#slipMs;
    }
    this.#pacer.clearTimer(this.#wakeTimer);
    if (this.#dueMs === Infinity) return;
    this.#wakeTimer = this.#pacer.setTimer(() => this.#pump(), this.#dueMs - this.#clock.now());
  }

  /** Returns the time from which the latency of the call that is due counts. */
  #countedFrom(now: number): number {
    const isWakeUp = now - this.#dueMs <= this.#wakeUpMs && this.#dueMs > this.#blockedUntilMs &&
      this.#dueMs >= this.#measureMs;
    return isWakeUp ? Math.max(now, this.#measureMs) : this.#dueMs;
  }

  #noteLateness(now: number): void {
    const latenessMs = now - this.#dueMs;
    if (this.#dueMs < this.#measureMs) return;
    if (latenessMs > this.#recorder.maxLatenessMs) this.#recorder.maxLatenessMs = latenessMs;
    const isForStream = this.#dueMs <= this.#blockedUntilMs;
    if (!isForStream) this.#recorder.late(latenessMs);
    if (latenessMs <= LATE_MS) return;
    if (isForStream) this.#recorder.lateForStream++;
    else this.#recorder.lateForGenerator++;
  }

  #send(slot: Slot, fromMs: number, now: number): void {
    slot.fromMs = fromMs;
    slot.sentMs = now;
    slot.busy = true;
    slot.measured = fromMs >= this.#measureMs;
    this.#inFlight++;
    const reply = this.#target.call(slot.index, this.#sequence++);
    if (slot.measured) {
      this.#remaining--;
      slot.stage = this.#stageAt(this.#plan.mode === "open" ? this.#dueMs : fromMs);
      this.#recorder.bytesSent += this.#target.sentBytes(slot.index);
    }
    reply.then(slot.onReply, slot.onError);
  }

  /** Returns the number of the stage in which a time lies; fastest where times do not decrease. */
  #stageAt(atMs: number): number {
    const ends = this.#stageEndsMs;
    while (this.#stage > 0 && atMs < ends[this.#stage - 1]) this.#stage--;
    while (this.#stage < ends.length - 1 && atMs >= ends[this.#stage]) this.#stage++;
    return this.#stage;
  }

  #countMissed(): void {
    const end = Math.min(this.#endMs, this.#clock.now());
    while (this.#plan.mode === "open" && this.#dueMs < end && this.#remaining > 0) {
      if (this.#dueMs >= this.#measureMs) {
        this.#recorder.missed++;
        this.#recorder.stages.miss(this.#stageAt(this.#dueMs));
        this.#flows?.flows.miss();
        this.#remaining--;
      }
      this.#dueMs = this.#startMs + this.#schedule!.next();
    }
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    const now = this.#clock.now();
    for (const slot of this.#slots) {
      if (!slot.busy || !slot.measured) continue;
      if (!this.#flows) this.#recorder.drained--;
      this.#outcomes.giveUp(slot, now);
    }
    for (const timer of this.#timers) this.#clock.clearTimer(timer);
    this.#pacer.clearTimer(this.#wakeTimer);
    this.#resolve({ ...this.#recorder.finish(), flow: this.#flows?.flows.counts() });
  }

  #after(delayMs: number, callback: () => void): void {
    const atMs = this.#clock.now() + delayMs;
    const timer = this.#clock.setTimer(() => {
      this.#timers.delete(timer);
      if (this.#finished) return;
      // Timers may fire a fraction of a ms early, which would assign the call to the warm-up.
      const leftMs = atMs - this.#clock.now();
      if (leftMs > 0) this.#after(leftMs, callback);
      else callback();
    }, Math.max(0, delayMs));
    this.#timers.add(timer);
  }
}
