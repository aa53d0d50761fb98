/**
 * Load reports for clients that balance by them: `xds.service.orca.v3.OpenRcaService`, and trailers of calls (gRPC A51).
 *
 * @module
 */

import {
  decodeReportInterval,
  encodeLoadReport,
  type LoadReport,
  ORCA_STREAM,
  ORCA_TRAILER,
} from "../rpc/balancer/orca.ts";
import type { Router } from "../rpc/dispatch/router.ts";

/** Options of {@link addLoadReports}. */
export interface LoadReportOptions {
  /** Whether the trailers of calls have a report. Default true. */
  perCall?: boolean;
  /** Whether clients may open a stream of reports. Default true. */
  outOfBand?: boolean;
  /** Shortest interval of a stream of reports, in ms; 1 or more. Default 30,000 (gRPC's). */
  minIntervalMs?: number;
}

/**
 * Reports the load of this server to clients that balance by `weighted_round_robin`. `report` is called for each report.
 * Throws RangeError for an interval below 1.
 */
export function addLoadReports(
  router: Router,
  report: () => LoadReport,
  options: LoadReportOptions = {},
): void {
  const { perCall = true, outOfBand = true, minIntervalMs = 30_000 } = options;
  if (!(minIntervalMs >= 1)) {
    throw new RangeError(`Cannot use minIntervalMs ${minIntervalMs}: must be at least 1`);
  }
  if (perCall) {
    router.use((next) => async (call) => {
      const reply = await next(call);
      if (call.method.path !== ORCA_STREAM) {
        reply.trailers.set(ORCA_TRAILER, encodeLoadReport(report()));
      }
      return reply;
    });
  }
  if (!outOfBand) return;
  router.method(
    ORCA_STREAM,
    { kind: "server_streaming", description: "reports the load of the server" },
    async function* (request, context) {
      const intervalMs = Math.max(minIntervalMs, decodeReportInterval(request));
      while (true) {
        yield encodeLoadReport(report());
        if (await waits(intervalMs, context.signal)) return;
      }
    },
  );
}

/** Resolves after a time with false, or with true when the signal fires. */
function waits(ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const onAbort = () => {
      clearTimeout(timer);
      resolve(true);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve(false);
    }, Math.min(ms, 0x7fffffff));
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
