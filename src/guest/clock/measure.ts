/**
 * The parent's side of the comparison of clocks: one measurement, or one at each interval.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { ClockService } from "../../../proto/gen/vrpc/guest/v1/guest_pb.ts";
import { Status } from "../../call/status.ts";
import { isInstance, RpcError, textOf } from "../../errors.ts";
import { checkRange, measured, whole } from "../../limits/ranges.ts";
import type { Channel } from "../../rpc/channel/channel.ts";
import { runtime } from "../../runtime/mod.ts";
import { bestOf, type ClockOffset, offsetOf } from "./offset.ts";

const logger = getLogger(["vrpc", "guest", "clock"]);

/**
 * Options of {@link measureClock}.
 *
 * @category Clock
 */
export interface MeasureClockOptions {
  /** Exchanges, of which the fastest counts, 1 to 100. Default 8. */
  samples?: number;
  /** Time limit of each exchange, in ms. Default 5,000. */
  timeoutMs?: number;
  /** Ends the measurement. */
  signal?: AbortSignal;
}

/**
 * Measures the offset of a guest's clock from this machine's, by exchanges of four times as in NTP (RFC 5905 §8). The guest
 * must have `addClock`. Rejects with an RpcError: that of the call, or INTERNAL if the guest's times are impossible.
 *
 * @category Clock
 */
export function measureClock(
  channel: Channel,
  options: MeasureClockOptions = {},
): Promise<ClockOffset> {
  return measureBy(channel, options, Date.now);
}

/** Measures with a given clock of this machine, in ms since 1970. */
export async function measureBy(
  channel: Channel,
  options: MeasureClockOptions,
  now: () => number,
): Promise<ClockOffset> {
  const { samples = 8, timeoutMs = 5_000, signal } = options;
  checkRange("samples", samples, whole(1, 100));
  checkRange("timeoutMs", timeoutMs, measured(1));
  const client = channel.client(ClockService);
  const found: ClockOffset[] = [];
  for (let i = 0; i < samples; i++) {
    const sentMs = now();
    const startMs = performance.now();
    const response = await client.exchange({}, { timeoutMs, signal });
    // The monotonic clock: a step of the wall clock in between would count as delay.
    const receivedMs = sentMs + performance.now() - startMs;
    const sample = offsetOf({
      sentMs,
      guestReceivedMs: Number(response.receivedMicros) / 1_000,
      guestSentMs: Number(response.sentMicros) / 1_000,
      receivedMs,
    });
    if (sample !== undefined) found.push(sample);
  }
  const best = bestOf(found);
  if (best !== undefined) return best;
  throw new RpcError(Status.INTERNAL, "The times of the guest's clock are impossible");
}

/**
 * Options of {@link watchClock}.
 *
 * @category Clock
 */
export interface WatchClockOptions extends MeasureClockOptions {
  /** Name of the guest, for logs and metrics. */
  target: string;
  /** Time between measurements, in ms, 100 or more. Default 60,000. */
  intervalMs?: number;
  /**
   * Largest offset without a warning, in ms. Default 300,000, the `clockSkewMs` of `nitroPolicy`: past it, documents of
   * the guest are refused.
   */
  maxSkewMs?: number;
  /** Called with each measurement. */
  onOffset?: (offset: ClockOffset) => void;
}

/**
 * Repeated measurement of a guest's clock.
 *
 * @category Clock
 */
export interface ClockWatch extends Disposable {
  /** Name of the guest. */
  readonly target: string;
  /** Latest measurement; undefined before the first, and after one that failed. */
  readonly latest: ClockOffset | undefined;
  /** Whether the latest measurement was past `maxSkewMs`. */
  readonly skewed: boolean;
  /** Ends the measurements. */
  stop(): void;
}

/**
 * Measures a guest's clock now and at each interval, and logs a warning when the offset goes past `maxSkewMs` by more than
 * the measurement may be off. Ends by itself if the guest has no `addClock`. Does not keep the process alive.
 *
 * @category Clock
 */
export function watchClock(channel: Channel, options: WatchClockOptions): ClockWatch {
  const { intervalMs = 60_000, maxSkewMs = 300_000, samples = 8, timeoutMs = 5_000 } = options;
  checkRange("intervalMs", intervalMs, measured(100, 0x7fffffff));
  checkRange("maxSkewMs", maxSkewMs, measured(0));
  checkRange("samples", samples, whole(1, 100));
  checkRange("timeoutMs", timeoutMs, measured(1));
  const watch = new RunningWatch(channel, { ...options, intervalMs, maxSkewMs });
  watch.run();
  return watch;
}

class RunningWatch implements ClockWatch {
  latest: ClockOffset | undefined = undefined;
  skewed = false;
  readonly #channel: Channel;
  readonly #options: WatchClockOptions & { intervalMs: number; maxSkewMs: number };
  readonly #abort = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined = undefined;

  constructor(
    channel: Channel,
    options: WatchClockOptions & { intervalMs: number; maxSkewMs: number },
  ) {
    this.#channel = channel;
    this.#options = options;
  }

  get target(): string {
    return this.#options.target;
  }

  /** Measures once, and later again. Never rejects. */
  async run(): Promise<void> {
    const { target, intervalMs, onOffset } = this.#options;
    const { signal } = this.#abort;
    try {
      const offset = await measureClock(this.#channel, { ...this.#options, signal });
      if (signal.aborted) return;
      this.latest = offset;
      this.#judge(offset);
      onOffset?.(offset);
    } catch (error) {
      if (signal.aborted) return;
      this.latest = undefined;
      if (isInstance(error, RpcError) && error.code === Status.UNIMPLEMENTED) {
        logger.debug("The guest {target} does not tell its time", { target });
        return;
      }
      const reason = textOf(error);
      logger.debug("Cannot measure the clock of {target}: {reason}", { target, reason });
    }
    this.#timer = setTimeout(() => this.run(), intervalMs);
    runtime.unref(this.#timer);
  }

  stop(): void {
    this.#abort.abort();
    clearTimeout(this.#timer);
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  #judge({ offsetMs, delayMs }: ClockOffset): void {
    const { target, maxSkewMs } = this.#options;
    const skewed = Math.abs(offsetMs) - delayMs / 2 > maxSkewMs;
    if (skewed === this.skewed) return;
    this.skewed = skewed;
    const values = { target, maxSkewMs, offsetMs: Math.round(offsetMs) };
    if (skewed) {
      logger.warn("The clock of {target} is off by {offsetMs} ms; {maxSkewMs} are allowed", values);
    } else {
      logger.info("The clock of {target} is off by {offsetMs} ms, as is allowed", values);
    }
  }
}
