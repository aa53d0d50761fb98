/**
 * Measurements of flows: each flow as a whole, the methods that it calls, and its checks.
 *
 * @module
 */

import { type PartCounts, Parts } from "./parts.ts";

/** Counts of one worker's flows. */
export interface FlowCounts {
  /** Flows that ended, and their durations. */
  readonly flows: PartCounts;
  /** Flows that were under way when the run ended. */
  readonly cutOff: number;
  /** Error of the first flow that failed. */
  readonly failure?: string;
  /** Calls by method. */
  readonly methods: readonly (readonly [name: string, counts: PartCounts])[];
  /** Checks. */
  readonly checks: readonly CheckSummary[];
}

/** Outcomes of one check. */
export interface CheckSummary {
  /** Name. */
  readonly name: string;
  /** How often it passed. */
  readonly passed: number;
  /** How often it failed. */
  readonly failed: number;
}

/** Records flows. */
export class FlowRecorder {
  /** Flows that were under way when the run ended. */
  cutOff = 0;
  readonly #flows = new Parts(1);
  readonly #methods = new Map<string, Parts>();
  readonly #checks = new Map<string, { passed: number; failed: number }>();
  #failure: string | undefined;

  /** Records a flow that ended. */
  success(durationMs: number): void {
    this.#flows.success(0, durationMs);
  }

  /** Records a flow that failed. */
  failure(message: string): void {
    this.#failure ??= message;
    this.#flows.failure(0);
  }

  /** Records a flow that was due and never began. */
  miss(): void {
    this.#flows.miss(0);
  }

  /** Records a call of a method; without a latency it failed. */
  called(method: string, latencyMs: number | undefined): void {
    let parts = this.#methods.get(method);
    if (parts === undefined) this.#methods.set(method, parts = new Parts(1));
    if (latencyMs === undefined) parts.failure(0);
    else parts.success(0, latencyMs);
  }

  /** Records a check. */
  checked(name: string, passed: boolean): void {
    let counts = this.#checks.get(name);
    if (counts === undefined) this.#checks.set(name, counts = { passed: 0, failed: 0 });
    counts[passed ? "passed" : "failed"]++;
  }

  /** Returns what was recorded. */
  counts(): FlowCounts {
    return {
      flows: this.#flows.counts()![0],
      cutOff: this.cutOff,
      failure: this.#failure,
      methods: [...this.#methods].map(([name, parts]) => [name, parts.counts()![0]]),
      checks: [...this.#checks].map(([name, counts]) => ({ name, ...counts })),
    };
  }
}

/** Adds up the counts of all workers by name. */
export function mergedChecks(all: readonly FlowCounts[]): CheckSummary[] {
  const merged = new Map<string, { passed: number; failed: number }>();
  for (const { name, passed, failed } of all.flatMap(({ checks }) => checks)) {
    const before = merged.get(name) ?? { passed: 0, failed: 0 };
    merged.set(name, { passed: before.passed + passed, failed: before.failed + failed });
  }
  return [...merged].map(([name, counts]) => ({ name, ...counts }));
}
