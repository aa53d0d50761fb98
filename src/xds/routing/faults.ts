/**
 * Faults that are injected into calls (gRPC A33).
 *
 * @module
 */

import { statusFromHttp } from "../../call/http_status.ts";
import type { Metadata } from "../../call/metadata.ts";
import { Status, statusFromNumber } from "../../call/status.ts";
import type { FaultConfig, FaultShare } from "../resources/types.ts";

/** The fault of a call. */
export interface Fault {
  readonly delayMs: number;
  readonly failure: { readonly code: Status; readonly message: string } | undefined;
}

const ALL_MILLIONTHS = 1_000_000;
const DELAY = "x-envoy-fault-delay-request";
const DELAY_SHARE = "x-envoy-fault-delay-request-percentage";
const ABORT_HTTP = "x-envoy-fault-abort-request";
const ABORT_GRPC = "x-envoy-fault-abort-grpc-request";
const ABORT_SHARE = "x-envoy-fault-abort-request-percentage";

/** Calls of the process with a fault. */
let active = 0;

/**
 * Decides whether a call gets a fault; undefined for none. Each fault counts as active until `releaseFault`.
 */
export function injectFault(
  config: FaultConfig,
  metadata: Metadata | undefined,
  random: () => number,
): Fault | undefined {
  const delayMs = delayOf(config.delay, metadata, random);
  const failure = failureOf(config.abort, metadata, random);
  if ((delayMs === 0 && failure === undefined) || active >= config.maxActive) return undefined;
  active++;
  return { delayMs, failure };
}

/** Ends a fault. */
export function releaseFault(): void {
  active--;
}

function delayOf(
  delay: FaultConfig["delay"],
  metadata: Metadata | undefined,
  random: () => number,
): number {
  if (delay === undefined) return 0;
  const ms = delay.fixedMs ?? numberOf(metadata, DELAY) ?? 0;
  if (ms <= 0) return 0;
  const asked = delay.fixedMs === undefined ? numberOf(metadata, DELAY_SHARE) : undefined;
  return happens(delay, asked, random) ? ms : 0;
}

function failureOf(
  abort: FaultConfig["abort"],
  metadata: Metadata | undefined,
  random: () => number,
): Fault["failure"] {
  if (abort === undefined) return undefined;
  let { code } = abort;
  let asked: number | undefined;
  if (code === undefined) {
    const http = numberOf(metadata, ABORT_HTTP);
    const grpc = numberOf(metadata, ABORT_GRPC);
    if (http !== undefined) code = http >= 200 && http < 600 ? statusFromHttp(http) : undefined;
    else if (grpc !== undefined) code = statusFromNumber(grpc);
    asked = numberOf(metadata, ABORT_SHARE);
  }
  if (code === undefined || code === Status.OK || !happens(abort, asked, random)) return undefined;
  return { code, message: "The call was ended by fault injection" };
}

/** Calls may ask for a smaller share than the configured one. */
function happens(
  { share, unit }: FaultShare,
  asked: number | undefined,
  random: () => number,
): boolean {
  const wanted = asked === undefined ? share : Math.min(share, asked * unit);
  return random() * ALL_MILLIONTHS < wanted;
}

function numberOf(metadata: Metadata | undefined, name: string): number | undefined {
  const text = metadata?.getAll(name).at(-1);
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
