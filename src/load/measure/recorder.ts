/**
 * What one worker notes of its calls. Everything is of fixed size, however long the run.
 *
 * @module
 */

import { RpcError } from "../../errors.ts";
import { Histogram, type HistogramData } from "./histogram.ts";
import type { Reply } from "./reply.ts";

/** Failures with one status code. Times are ms from the start of measuring. */
export interface FailureCount {
  /** A status name such as `UNAVAILABLE`, or `UNFINISHED` for calls given up at the end of the run. */
  readonly code: string;
  /** How many calls. */
  count: number;
  /** When the first one ended. */
  firstAtMs: number;
  /** When the last one ended. */
  lastAtMs: number;
  /** The text of the first one. */
  readonly message: string;
}

/** One point of a worker's time series. */
export interface IntervalReport {
  /** The point covers `index * intervalMs` to `(index + 1) * intervalMs` after the start of measuring. */
  readonly index: number;
  /** Calls that failed in it. */
  readonly failures: number;
  /** Latencies of the calls that succeeded in it. */
  readonly latency: HistogramData;
}

/** Everything that one worker measured. */
export interface WorkerResult {
  /** Latencies of successful calls: from the intended send time in an open loop. */
  readonly latency: HistogramData;
  /** From the actual send time, in an open loop; in a closed one it is the same as latency. */
  readonly serviceTime?: HistogramData;
  /** What the server says it took, where it says so. */
  readonly serverTime?: HistogramData;
  /** Latencies of failed calls. */
  readonly failedLatency: HistogramData;
  /** Failures by status code. */
  readonly failures: readonly FailureCount[];
  /** Calls that were still under way when the last one was started, and ended in time: counted above. */
  readonly drained: number;
  /** Calls given up after the drain: counted as failures with the code UNFINISHED. */
  readonly unfinished: number;
  /** Payload bytes sent by all measured calls. */
  readonly bytesSent: number;
  /** Payload bytes received by successful calls. */
  readonly bytesReceived: number;
  /** Messages received by successful calls. */
  readonly messagesReceived: number;
  /** Open loop: calls that were due and never sent. */
  readonly missed: number;
  /** Sent more than 1 ms late because no stream was free. */
  readonly lateForStream: number;
  /** Sent more than 1 ms late although a stream was free: this program was too slow. */
  readonly lateForGenerator: number;
  /** The latest that a call was sent after its time, in ms. */
  readonly maxLatenessMs: number;
  /** When the last measured call ended, in ms from the start of measuring. */
  readonly endMs: number;
  /** When the last call succeeded, in ms from the start of measuring; -1 when none did. */
  readonly lastSuccessMs: number;
  /** CPU time of the worker's thread while it measured, in ms, where it can be read. */
  readonly cpuMs?: number;
}

/** Collects the outcome of calls. Times are ms from the start of measuring. */
export class Recorder {
  /** Open loop: due and never sent. */
  missed = 0;
  /** Late for want of a free stream. */
  lateForStream = 0;
  /** Late through this program's own fault. */
  lateForGenerator = 0;
  /** The latest send in ms. */
  maxLatenessMs = 0;
  /** Ended in time after the last start. */
  drained = 0;
  /** Given up after the drain. */
  unfinished = 0;
  /** Payload bytes sent. */
  bytesSent = 0;

  readonly #intervalMs: number;
  readonly #onInterval: (report: IntervalReport) => void;
  readonly #open: boolean;
  readonly #interval = new Histogram();
  readonly #latency = new Histogram();
  readonly #service = new Histogram();
  readonly #server = new Histogram();
  readonly #failed = new Histogram();
  readonly #failures = new Map<string, FailureCount>();
  #index = 0;
  #boundaryMs: number;
  #intervalFailures = 0;
  #bytesReceived = 0;
  #messagesReceived = 0;
  #endMs = 0;
  #lastSuccessMs = -1;

  /** `open` says whether service time differs from latency; `onInterval` gets each finished interval. */
  constructor(
    options: {
      intervalMs: number;
      open: boolean;
      onInterval: (report: IntervalReport) => void;
    },
  ) {
    this.#intervalMs = options.intervalMs;
    this.#boundaryMs = options.intervalMs;
    this.#open = options.open;
    this.#onInterval = options.onInterval;
  }

  /** A call ended well at `atMs`. */
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

  /** A call failed at `atMs`; returns the code's name. */
  failure(atMs: number, latencyMs: number, error: unknown): string {
    const { codeName, message } = RpcError.from(error);
    this.#fail(codeName, message, atMs, latencyMs);
    return codeName;
  }

  /** A call was given up at `atMs`. */
  giveUp(atMs: number, latencyMs: number): void {
    this.unfinished++;
    this.#fail("UNFINISHED", "Still under way when the run ended", atMs, latencyMs);
  }

  /** Hands over the intervals that have ended by `atMs`. */
  roll(atMs: number): void {
    if (atMs < this.#boundaryMs) return;
    this.#handOver();
    this.#index = Math.floor(atMs / this.#intervalMs);
    this.#boundaryMs = (this.#index + 1) * this.#intervalMs;
  }

  /** Ends the recording: hands over the last interval and returns the totals. */
  finish(): WorkerResult {
    this.#handOver();
    return {
      latency: this.#latency.toData(),
      serviceTime: this.#open ? this.#service.toData() : undefined,
      serverTime: this.#server.count > 0 ? this.#server.toData() : undefined,
      failedLatency: this.#failed.toData(),
      failures: [...this.#failures.values()],
      drained: this.drained,
      unfinished: this.unfinished,
      bytesSent: this.bytesSent,
      bytesReceived: this.#bytesReceived,
      messagesReceived: this.#messagesReceived,
      missed: this.missed,
      lateForStream: this.lateForStream,
      lateForGenerator: this.lateForGenerator,
      maxLatenessMs: this.maxLatenessMs,
      endMs: this.#endMs,
      lastSuccessMs: this.#lastSuccessMs,
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
