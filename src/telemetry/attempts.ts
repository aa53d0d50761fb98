/**
 * Attempts of a client's call: events of its span, and the metrics of retries of gRPC proposal A96.
 *
 * @module
 */

import { type Attributes, type Context, context, type Span } from "@opentelemetry/api";
import { type Status, statusName } from "../call/status.ts";
import { type AttemptKind, type AttemptListener, listenToAttempts } from "../rpc/core/attempts.ts";
import { onReplyEnd } from "../rpc/core/reply_completion.ts";
import type { InterceptedReply, Interceptor } from "../rpc/core/types.ts";
import { peerAttributes } from "./conventions.ts";
import { type ClientMetricsOptions, DURATION_BUCKETS_S, meterOf, methodLabel } from "./metrics.ts";

/**
 * Adds an event to the span of a call for each attempt after the first (`vrpc.retry`, `vrpc.hedge`,
 * `vrpc.transparent_retry`), and one for each wait for a connection, with the names of gRPC proposal A72.
 */
export class AttemptEvents implements AttemptListener {
  readonly #span: Span;
  readonly #active: Context;
  /** Attempts so far, transparent retries not counted. */
  #counted = 0;
  #lastStatus: Status | undefined = undefined;
  #beganNow = false;
  /** Address of the connection that was picked last. */
  #address: string | undefined = undefined;

  /** Events go to `span`, which `active` holds: attempts are sent in that context. */
  constructor(span: Span, active: Context) {
    this.#span = span;
    this.#active = active;
  }

  began(kind: AttemptKind): void {
    if (kind !== "first") {
      const status = this.#lastStatus;
      this.#span.addEvent(`vrpc.${kind}`, {
        "previous-rpc-attempts": this.#counted,
        "transparent-retry": kind === "transparent_retry",
        ...(status !== undefined && kind !== "hedge" && { "rpc.status_code": statusName(status) }),
      });
    }
    if (kind !== "transparent_retry") this.#counted++;
    this.#beganNow = true;
    // A pick that is not delayed follows in the same turn.
    queueMicrotask(() => this.#beganNow = false);
  }

  picked(address: string, send: () => void): void {
    if (!this.#beganNow) this.#span.addEvent("Delayed LB pick complete");
    this.#address = address;
    context.with(this.#active, send);
  }

  ended(code: Status): void {
    this.#lastStatus = code;
  }

  /** `network.peer.address` and `network.peer.port` of the last attempt; empty if it had no connection. */
  get peer(): Attributes {
    return this.#address === undefined ? {} : peerAttributes(this.#address);
  }
}

// A96.
const COUNT_BUCKETS: readonly number[] = [1, 2, 3, 4, 5];
const TRANSPARENT_BUCKETS: readonly number[] = [1, 2, 3, 4, 5, 10];

/**
 * Creates an interceptor of a channel that measures `grpc.client.call.retries`, `.transparent_retries`, `.hedges` and
 * `.retry_delay` (gRPC proposal A96), with the labels `grpc.method` and `grpc.target`. Counts of 0 are not recorded.
 */
export function callRetries(options: ClientMetricsOptions): Interceptor {
  const meter = meterOf(options);
  const histogram = (name: string, unit: string, description: string, bounds: readonly number[]) =>
    meter.createHistogram(`grpc.client.call.${name}`, {
      unit,
      description,
      advice: { explicitBucketBoundaries: [...bounds] },
    });
  const counts = {
    retry: histogram("retries", "{retry}", "Retries of a call", COUNT_BUCKETS),
    transparent_retry: histogram(
      "transparent_retries",
      "{transparent_retry}",
      "Transparent retries of a call",
      TRANSPARENT_BUCKETS,
    ),
    hedge: histogram("hedges", "{hedge}", "Hedges of a call", COUNT_BUCKETS),
  };
  const text = "Time of a call without an active attempt";
  const delayS = histogram("retry_delay", "s", text, DURATION_BUCKETS_S);
  return (next) => async (call) => {
    const active = context.active();
    const attempts = new AttemptCounts();
    listenToAttempts(call, attempts);
    const end = () => {
      const labels = {
        "grpc.method": methodLabel(call.method.path),
        "grpc.target": options.target,
      };
      for (const kind of ["retry", "transparent_retry", "hedge"] as const) {
        const count = attempts.counts[kind];
        if (count > 0) counts[kind].record(count, labels, active);
      }
      delayS.record(attempts.delayMs / 1_000, labels, active);
    };
    let reply: InterceptedReply;
    try {
      reply = await next(call);
    } catch (error) {
      end();
      throw error;
    }
    return onReplyEnd(reply, end);
  };
}

class AttemptCounts implements AttemptListener {
  readonly counts: Record<AttemptKind, number> = {
    first: 0,
    retry: 0,
    hedge: 0,
    transparent_retry: 0,
  };
  /** Time between the end of the last active attempt and the next one, so far. */
  delayMs = 0;
  #active = 0;
  #idleSinceMs: number | undefined = undefined;

  began(kind: AttemptKind): void {
    this.counts[kind]++;
    this.#active++;
    if (this.#idleSinceMs !== undefined) this.delayMs += performance.now() - this.#idleSinceMs;
    this.#idleSinceMs = undefined;
  }

  picked(_address: string, send: () => void): void {
    send();
  }

  ended(): void {
    if (--this.#active === 0) this.#idleSinceMs = performance.now();
  }
}
