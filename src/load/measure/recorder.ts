/**
 * Measurements of one worker, of a fixed size for any length of the run.
 *
 * @module
 */

import type { RpcError } from "../../errors.ts";
import { Histogram, type HistogramData } from "./histogram.ts";
import type { FlowCounts } from "./flow_counts.ts";
import { type PartCounts, Parts } from "./parts.ts";
import type { Reply } from "./reply.ts";

/** Failures with one status code. Times are ms from the start of measuring. */
export interface FailureCount {
  /** Status name such as `UNAVAILABLE`, or `UNFINISHED` for calls abandoned at the end of the run. */
  readonly code: string;
  /** Number of failed calls. */
  count: number;
  /** End of the first failed call. */
  firstAtMs: number;
  /** End of the last failed call. */
  lastAtMs: number;
  /** Error message of the first failed call. */
  readonly message: string;
}

/** Failures of calls for which no connection could be made. Times are ms from the start of measuring. */
export interface Unreached {
  /** Number of failed calls. */
  readonly count: number;
  /** End of the first failed call. */
  readonly firstAtMs: number;
  /** End of the last failed call. */
  readonly lastAtMs: number;
}

/** Interval of a worker's time series. */
export interface IntervalReport {
  /** Covers `index * intervalMs` to `(index + 1) * intervalMs` after the start of measuring. */
  readonly index: number;
  /** Calls that failed in the interval. */
  readonly failures: number;
  /** Latencies of the calls that succeeded in the interval. */
  readonly latency: HistogramData;
}

/** Totals of one worker. */
export interface WorkerResult {
  /** Latencies of successful calls: from the intended send time in an open loop. */
  readonly latency: HistogramData;
  /** Durations from the actual send time, in an open loop; absent in a closed one, where they equal latency. */
  readonly serviceTime?: HistogramData;
  /** Server times, where replies contain them. */
  readonly serverTime?: HistogramData;
  /** Latencies of failed calls. */
  readonly failedLatency: HistogramData;
  /** Failures by status code. */
  readonly failures: readonly FailureCount[];
  /** Failures without a connection, included in `failures`; undefined when there was none. */
  readonly unreached?: Unreached;
  /** Calls in flight at the start of the drain that ended during it; included in `latency` or `failedLatency`. */
  readonly drained: number;
  /** Calls abandoned after the drain; included in the failures with the code UNFINISHED. */
  readonly unfinished: number;
  /** Payload bytes sent by all measured calls. */
  readonly bytesSent: number;
  /** Payload bytes received by successful calls. */
  readonly bytesReceived: number;
  /** Messages received by successful calls. */
  readonly messagesReceived: number;
  /** Open loop: calls that were due and never sent. */
  readonly missed: number;
  /** Open loop: calls sent more than 1 ms late because no stream was free. */
  readonly lateForStream: number;
  /** Open loop: calls sent more than 1 ms late although a stream was free: the generator was too slow. */
  readonly lateForGenerator: number;
  /** Largest delay between due time and send, in ms. */
  readonly maxLatenessMs: number;
  /** Open loop: delays between due time and send while a stream was free; absent in a closed one. */
  readonly lateness?: HistogramData;
  /** End of the last measured call, in ms from the start of measuring. */
  readonly endMs: number;
  /** End of the last successful call, in ms from the start of measuring; -1 when there is none. */
  readonly lastSuccessMs: number;
  /** CPU time of the worker's thread while measuring, in ms; absent where it can't be read. */
  readonly cpuMs?: number;
  /** Counts by stage; absent without stages. */
  readonly stages?: readonly PartCounts[];
  /** Counts by method; absent with one method. */
  readonly methods?: readonly PartCounts[];
  /** Counts of flows; absent without. */
  readonly flow?: FlowCounts;
}

/** Records the outcome of calls. Times are ms from the start of measuring. */
export class Recorder {
  /** Open loop: calls due and never sent. */
  missed = 0;
  /** Calls sent late because no stream was free. */
  lateForStream = 0;
  /** Calls sent late although a stream was free. */
  lateForGenerator = 0;
  /** Largest delay of a send, in ms. */
  maxLatenessMs = 0;
  /** Calls that ended during the drain. */
  drained = 0;
  /** Calls abandoned after the drain. */
  unfinished = 0;
  /** Payload bytes sent. */
  bytesSent = 0;

  /** Records by stage. */
  readonly stages: Parts;
  /** Records by method. */
  readonly methods: Parts;
  readonly #intervalMs: number;
  readonly #onInterval: (report: IntervalReport) => void;
  readonly #open: boolean;
  readonly #interval = new Histogram();
  readonly #latency = new Histogram();
  readonly #service = new Histogram();
  readonly #server = new Histogram();
  readonly #failed = new Histogram();
  readonly #lateness = new Histogram();
  readonly #failures = new Map<string, FailureCount>();
  #index = 0;
  #boundaryMs: number;
  #intervalFailures = 0;
  #bytesReceived = 0;
  #messagesReceived = 0;
  #endMs = 0;
  #lastSuccessMs = -1;
  #unreached: Unreached | undefined;

  /**
   * `open`: whether service time differs from latency. `onInterval` gets each completed interval. `stages` and `methods`
   * are the numbers of parts that are recorded separately, 0 for none.
   */
  constructor(
    options: {
      intervalMs: number;
      open: boolean;
      stages?: number;
      methods?: number;
      onInterval: (report: IntervalReport) => void;
    },
  ) {
    this.#intervalMs = options.intervalMs;
    this.#boundaryMs = options.intervalMs;
    this.#open = options.open;
    this.#onInterval = options.onInterval;
    this.stages = new Parts(options.stages ?? 0);
    this.methods = new Parts(options.methods ?? 0);
  }

  /** Records a call that succeeded at `atMs`. */
  success(
    atMs: number,
    latencyMs: number,
    serviceMs: number,
    reply: Reply,
    serverTimeUs: number | undefined,
  ): void {
    if (atMs >= this.#boundaryMs) this.roll(atMs);
    this.#interval.recordMs(latencyMs);
    if (this.#open) this.#service.recordMs(serviceMs);
    if (serverTimeUs !== undefined) this.#server.recordMs(serverTimeUs / 1000);
    this.#bytesReceived += reply.byteLength;
    this.#messagesReceived += reply.messages ?? 1;
    this.#endMs = atMs;
    this.#lastSuccessMs = atMs;
  }

  /** Records a call that failed at `atMs`. */
  failure(atMs: number, latencyMs: number, { codeName, message }: RpcError): void {
    this.#fail(codeName, message, atMs, latencyMs);
  }

  /** Records that the call that failed at `atMs` had no connection. */
  unreached(atMs: number): void {
    const { count, firstAtMs } = this.#unreached ?? { count: 0, firstAtMs: atMs };
    this.#unreached = { count: count + 1, firstAtMs, lastAtMs: atMs };
  }

  /** Records a call abandoned at `atMs`. */
  giveUp(atMs: number, latencyMs: number): void {
    this.unfinished++;
    this.#fail("UNFINISHED", "Still in flight when the run ended", atMs, latencyMs);
  }

  /** Records how much later than it was due a call was sent, although a stream was free. */
  late(latenessMs: number): void {
    this.#lateness.recordMs(latenessMs);
  }

  /** Reports the intervals that have ended by `atMs`. */
  roll(atMs: number): void {
    if (atMs < this.#boundaryMs) return;
    this.#handOver();
    this.#index = Math.floor(atMs / this.#intervalMs);
    this.#boundaryMs = (this.#index + 1) * this.#intervalMs;
  }

  /** Reports the last interval and returns the totals. */
  finish(): WorkerResult {
    this.#handOver();
    return {
      latency: this.#latency.toData(),
      serviceTime: this.#open ? this.#service.toData() : undefined,
      serverTime: this.#server.count > 0 ? this.#server.toData() : undefined,
      failedLatency: this.#failed.toData(),
      failures: [...this.#failures.values()],
      unreached: this.#unreached,
      drained: this.drained,
      unfinished: this.unfinished,
      bytesSent: this.bytesSent,
      bytesReceived: this.#bytesReceived,
      messagesReceived: this.#messagesReceived,
      missed: this.missed,
      lateForStream: this.lateForStream,
      lateForGenerator: this.lateForGenerator,
      maxLatenessMs: this.maxLatenessMs,
      lateness: this.#open ? this.#lateness.toData() : undefined,
      endMs: this.#endMs,
      lastSuccessMs: this.#lastSuccessMs,
      stages: this.stages.counts(),
      methods: this.methods.counts(),
    };
  }

  #fail(code: string, message: string, atMs: number, latencyMs: number): void {
    this.roll(atMs);
    this.#failed.recordMs(latencyMs);
    this.#intervalFailures++;
    this.#endMs = atMs;
    const known = this.#failures.get(code);
    if (known) {
      known.count++;
      known.lastAtMs = atMs;
    } else {
      this.#failures.set(code, { code, count: 1, firstAtMs: atMs, lastAtMs: atMs, message });
    }
  }

  #handOver(): void {
    if (this.#interval.count === 0 && this.#intervalFailures === 0) return;
    this.#onInterval({
      index: this.#index,
      failures: this.#intervalFailures,
      latency: this.#interval.toData(),
    });
    this.#latency.add(this.#interval);
    this.#interval.reset();
    this.#intervalFailures = 0;
  }
}
