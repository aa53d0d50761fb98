/**
 * `outlier_detection`: takes addresses out of use for a time whose calls fail more often than those of others (gRPC A50).
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import { ChildBalancer } from "./child_balancer.ts";
import { type OutlierDetectionConfig, parseOutlierDetection } from "./outlier_config.ts";
import type {
  Balancer,
  BalancerHost,
  BalancerPolicyDefinition,
  BalancerSubchannel,
  BalancerUpdate,
  ConnectivityState,
  ResolvedAddress,
  SubchannelListener,
} from "./types.ts";

/** The policy `outlier_detection`, which gRPC calls `outlier_detection_experimental`. */
export const OUTLIER_DETECTION: BalancerPolicyDefinition<OutlierDetectionConfig> = {
  name: "outlier_detection",
  parseConfig: parseOutlierDetection,
  create: (host) => new OutlierDetection(host),
};

/** One address: its calls in the current interval, and its ejection. */
class Candidate {
  successes = 0;
  failures = 0;
  /** Figures of the interval before, which are judged. */
  judgedSuccesses = 0;
  judgedFailures = 0;
  /** Time of the ejection in the clock's ms; undefined while the address is in use. */
  ejectedMs: number | undefined = undefined;
  /** Number of ejections in a row, by which the time of the next one grows. */
  multiplier = 0;
  readonly gates = new Set<Gate>();

  constructor(readonly address: string) {}

  get volume(): number {
    return this.judgedSuccesses + this.judgedFailures;
  }

  eject(nowMs: number): void {
    this.ejectedMs = nowMs;
    this.multiplier++;
    for (const gate of this.gates) gate.report();
  }

  uneject(): void {
    this.ejectedMs = undefined;
    for (const gate of this.gates) gate.report();
  }
}

/** Stands between a subchannel and its listener: an ejected one is in TRANSIENT_FAILURE for the policy below. */
class Gate implements SubchannelListener {
  #state: ConnectivityState = "IDLE";
  #error: Error | undefined = undefined;
  readonly #listener: SubchannelListener;
  readonly #candidate: Candidate;
  readonly #ejected: Error;

  constructor(listener: SubchannelListener, candidate: Candidate, address: string) {
    this.#listener = listener;
    this.#candidate = candidate;
    this.#ejected = new Error(`${address} is ejected: too many of its calls failed`);
  }

  onState(state: ConnectivityState, error: Error | undefined): void {
    this.#state = state;
    this.#error = error;
    // Known to be failing until it is returned, whatever its connections do.
    if (this.#candidate.ejectedMs === undefined) this.report();
  }

  report(): void {
    if (this.#candidate.ejectedMs === undefined) this.#listener.onState(this.#state, this.#error);
    else this.#listener.onState("TRANSIENT_FAILURE", this.#ejected);
  }

  onCallEnd: NonNullable<SubchannelListener["onCallEnd"]> = (code, trailers) => {
    if (code === Status.OK) this.#candidate.successes++;
    // The caller has given up: that says nothing about the server.
    else if (code !== Status.CANCELLED) this.#candidate.failures++;
    this.#listener.onCallEnd?.(code, trailers);
  };
}

class OutlierDetection implements Balancer<OutlierDetectionConfig> {
  readonly #host: BalancerHost;
  readonly #child: ChildBalancer;
  readonly #candidates = new Map<string, Candidate>();
  #config!: OutlierDetectionConfig;
  #timer: unknown = undefined;
  #timerStartMs = 0;

  constructor(host: BalancerHost) {
    this.#host = host;
    this.#child = new ChildBalancer({
      ...host,
      createSubchannel: (address, listener) => this.#createSubchannel(address, listener),
    });
  }

  update({ addresses, config, attributes }: BalancerUpdate<OutlierDetectionConfig>): void {
    this.#config = config;
    const current = new Set(addresses.map(({ address }) => address));
    for (const name of this.#candidates.keys()) {
      if (!current.has(name)) this.#candidates.delete(name);
    }
    for (const name of current) {
      if (!this.#candidates.has(name)) this.#candidates.set(name, new Candidate(name));
    }
    this.#setTimer();
    this.#child.update({ addresses, config: config.childPolicy, attributes });
  }

  exitIdle(): void {
    this.#child.exitIdle();
  }

  close(): void {
    this.#clearTimer();
    this.#child.close();
  }

  #createSubchannel(address: ResolvedAddress, listener: SubchannelListener): BalancerSubchannel {
    const candidate = this.#candidates.get(address.address) ??
      new Candidate(address.address);
    const gate = new Gate(listener, candidate, address.address);
    candidate.gates.add(gate);
    return this.#host.createSubchannel(address, gate);
  }

  /** Starts the timer, or moves its end by the change of the interval; without rules, returns all addresses. */
  #setTimer(): void {
    const { intervalMs, successRate, failurePercentage } = this.#config;
    const started = this.#timer !== undefined;
    this.#clearTimer();
    if (successRate === undefined && failurePercentage === undefined) {
      for (const candidate of this.#candidates.values()) {
        candidate.multiplier = 0;
        if (candidate.ejectedMs !== undefined) candidate.uneject();
      }
      return;
    }
    const { clock } = this.#host;
    if (!started) {
      this.#timerStartMs = clock.now();
      for (const candidate of this.#candidates.values()) {
        candidate.successes = candidate.failures = 0;
      }
    }
    const delayMs = Math.max(0, this.#timerStartMs + intervalMs - clock.now());
    this.#timer = clock.setTimer(() => {
      this.#timer = undefined;
      this.#judge();
      this.#timerStartMs = clock.now();
      this.#setTimerAgain();
    }, delayMs);
  }

  #setTimerAgain(): void {
    this.#timer = this.#host.clock.setTimer(() => {
      this.#judge();
      this.#timerStartMs = this.#host.clock.now();
      this.#setTimerAgain();
    }, this.#config.intervalMs);
  }

  #clearTimer(): void {
    if (this.#timer !== undefined) this.#host.clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  #judge(): void {
    const nowMs = this.#host.clock.now();
    for (const candidate of this.#candidates.values()) {
      candidate.judgedSuccesses = candidate.successes;
      candidate.judgedFailures = candidate.failures;
      candidate.successes = candidate.failures = 0;
    }
    this.#bySuccessRate(nowMs);
    this.#byFailurePercentage(nowMs);
    const { baseEjectionTimeMs, maxEjectionTimeMs } = this.#config;
    for (const candidate of this.#candidates.values()) {
      const { ejectedMs, multiplier } = candidate;
      if (ejectedMs === undefined) {
        if (multiplier > 0) candidate.multiplier--;
      } else if (
        nowMs >= ejectedMs + Math.min(baseEjectionTimeMs * multiplier, maxEjectionTimeMs)
      ) {
        candidate.uneject();
      }
    }
  }

  #bySuccessRate(nowMs: number): void {
    const rule = this.#config.successRate;
    if (rule === undefined) return;
    const judged = this.#judged(rule.requestVolume);
    if (judged.length === 0 || judged.length < rule.minimumHosts) return;
    const rates = judged.map((one) => one.judgedSuccesses / one.volume);
    const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
    const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length;
    const required = mean - Math.sqrt(variance) * rule.stdevFactor / 1_000;
    for (const [i, candidate] of judged.entries()) {
      if (rates[i] < required) {
        this.#ejectSome(candidate, "success_rate", rule.enforcementPercentage, nowMs);
      }
    }
  }

  #byFailurePercentage(nowMs: number): void {
    const rule = this.#config.failurePercentage;
    if (rule === undefined) return;
    const judged = this.#judged(rule.requestVolume);
    if (judged.length === 0 || judged.length < rule.minimumHosts) return;
    for (const candidate of judged) {
      const percentage = 100 * candidate.judgedFailures / candidate.volume;
      if (percentage > rule.threshold) {
        this.#ejectSome(candidate, "failure_percentage", rule.enforcementPercentage, nowMs);
      }
    }
  }

  #judged(volume: number): Candidate[] {
    return [...this.#candidates.values()].filter((one) => one.volume > 0 && one.volume >= volume);
  }

  /** Whether no further address may be ejected. */
  get #full(): boolean {
    const all = [...this.#candidates.values()];
    const ejected = all.filter((one) => one.ejectedMs !== undefined).length;
    return 100 * ejected / all.length >= this.#config.maxEjectionPercent;
  }

  #ejectSome(
    candidate: Candidate,
    method: "success_rate" | "failure_percentage",
    percentage: number,
    nowMs: number,
  ): void {
    if (candidate.ejectedMs !== undefined) return;
    const { observer, random } = this.#host;
    const { address } = candidate;
    if (this.#full) return observer?.outlier(address, method, "max_ejection_overflow");
    if (random() * 100 >= percentage) {
      return observer?.outlier(address, method, "enforcement_percentage");
    }
    candidate.eject(nowMs);
    observer?.outlier(address, method);
  }
}
