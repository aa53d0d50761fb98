/**
 * What is recorded when a slot's call has ended: the call itself, or of a flow the calls in it and the flow as a whole.
 *
 * @module
 */

import type { RpcError } from "../../errors.ts";
import { FlowRecorder } from "../measure/flow_counts.ts";
import type { Recorder } from "../measure/recorder.ts";
import type { Reply } from "../measure/reply.ts";
import type { FlowSink, Target } from "./target.ts";

/** Call or flow of a slot. */
export interface SlotCall {
  /** Number of the slot. */
  readonly index: number;
  /** Time from which its latency counts. */
  readonly fromMs: number;
  /** Time of its start. */
  readonly sentMs: number;
  /** Number of its stage. */
  readonly stage: number;
}

/** Records the ends of what slots do. Times are those of the runner's clock. */
export interface Outcomes {
  /** Records a success. */
  success(slot: SlotCall, now: number, reply: Reply): void;
  /** Records a failure. */
  failure(slot: SlotCall, now: number, error: RpcError, unreachable: boolean): void;
  /** Records that it was abandoned after the drain. */
  giveUp(slot: SlotCall, now: number): void;
}

/** Records calls. */
export class CallOutcomes implements Outcomes {
  readonly #recorder: Recorder;
  readonly #target: Target;
  readonly #measureMs: number;

  /** `measureMs` is when measuring begins. */
  constructor(recorder: Recorder, target: Target, measureMs: number) {
    this.#recorder = recorder;
    this.#target = target;
    this.#measureMs = measureMs;
  }

  success(slot: SlotCall, now: number, reply: Reply): void {
    const { stages, methods } = this.#recorder;
    const latencyMs = now - slot.fromMs;
    const serverTimeUs = this.#target.serverTimeUs?.(reply, slot.index);
    const atMs = now - this.#measureMs;
    this.#recorder.success(atMs, latencyMs, now - slot.sentMs, reply, serverTimeUs);
    stages.success(slot.stage, latencyMs);
    methods.success(this.#methodOf(slot), latencyMs);
  }

  failure(slot: SlotCall, now: number, error: RpcError, unreachable: boolean): void {
    const atMs = now - this.#measureMs;
    this.#recorder.failure(atMs, now - slot.fromMs, error);
    this.#count(slot);
    if (unreachable) this.#recorder.unreached(atMs);
  }

  giveUp(slot: SlotCall, now: number): void {
    this.#recorder.giveUp(now - this.#measureMs, now - slot.fromMs);
    this.#count(slot);
  }

  #count(slot: SlotCall): void {
    this.#recorder.stages.failure(slot.stage);
    this.#recorder.methods.failure(this.#methodOf(slot));
  }

  #methodOf({ index }: SlotCall): number {
    return this.#target.methodOf?.(index) ?? 0;
  }
}

/** What flows need of the runner. */
export interface FlowRunner {
  /** Returns the time. */
  now(): number;
  /** Returns the number of the stage of a time. */
  stageAt(atMs: number): number;
  /** Returns the slot's flow. */
  slot(index: number): SlotCall;
  /** Notes that a call has ended. */
  ended(now: number): void;
}

/** Records flows, and the calls in them. */
export class FlowOutcomes implements Outcomes, FlowSink {
  /** Flows. */
  readonly flows = new FlowRecorder();
  /** Calls under way. */
  inFlight = 0;
  readonly #recorder: Recorder;
  readonly #measureMs: number;
  readonly #runner: FlowRunner;

  /** `measureMs` is when measuring begins. */
  constructor(recorder: Recorder, measureMs: number, runner: FlowRunner) {
    this.#recorder = recorder;
    this.#measureMs = measureMs;
    this.#runner = runner;
  }

  success(slot: SlotCall, now: number, { cutOff }: Reply): void {
    if (cutOff) this.flows.cutOff++;
    else this.flows.success(now - slot.fromMs);
  }

  failure(_slot: SlotCall, _now: number, error: RpcError): void {
    this.flows.failure(error.message);
  }

  giveUp(): void {
    this.flows.failure("still under way when the run ended");
  }

  /** The first call of a flow is as late as the flow. */
  begin(index: number, isFirst: boolean): { sentMs: number; lateMs: number } {
    this.inFlight++;
    const { fromMs, sentMs } = this.#runner.slot(index);
    return { sentMs: this.#runner.now(), lateMs: isFirst ? Math.max(0, sentMs - fromMs) : 0 };
  }

  end(
    call: { sentMs: number; lateMs: number },
    method: string,
    sentBytes: number,
    outcome: Reply | RpcError,
    unreachable: boolean,
  ): void {
    const now = this.#runner.now();
    this.inFlight--;
    this.#runner.ended(now);
    if (call.sentMs < this.#measureMs) return;
    const stage = this.#runner.stageAt(call.sentMs);
    const serviceMs = now - call.sentMs;
    const latencyMs = serviceMs + call.lateMs;
    const atMs = now - this.#measureMs;
    this.#recorder.bytesSent += sentBytes;
    if ("byteLength" in outcome) {
      this.#recorder.success(atMs, latencyMs, serviceMs, outcome, undefined);
      this.#recorder.stages.success(stage, latencyMs);
      this.flows.called(method, latencyMs);
    } else {
      this.#recorder.failure(atMs, latencyMs, outcome);
      if (unreachable) this.#recorder.unreached(atMs);
      this.#recorder.stages.failure(stage);
      this.flows.called(method, undefined);
    }
  }

  check(name: string, passed: boolean): void {
    if (this.#runner.now() >= this.#measureMs) this.flows.checked(name, passed);
  }
}
