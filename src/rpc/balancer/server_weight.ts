/**
 * The weight of a server from its load reports (gRPC A58).
 *
 * @module
 */

import type { LoadReport } from "./orca.ts";

/** Latest weight of one server. */
export class ServerWeight {
  #weight = 0;
  #updatedMs = -Infinity;
  /** Time of the first report since the server was connected, or since its weight expired. */
  #knownSinceMs = Infinity;

  /** Takes a report. One without calls or load changes nothing. */
  report(report: LoadReport, errorPenalty: number, nowMs: number): void {
    const { applicationUtilization = 0, cpuUtilization = 0 } = report;
    const { requestsPerSecond = 0, errorsPerSecond = 0 } = report;
    const utilization = applicationUtilization > 0 ? applicationUtilization : cpuUtilization;
    if (requestsPerSecond <= 0 || utilization <= 0) return;
    const penalty = errorsPerSecond / requestsPerSecond * errorPenalty;
    this.#weight = requestsPerSecond / (utilization + penalty);
    this.#updatedMs = nowMs;
    if (this.#knownSinceMs === Infinity) this.#knownSinceMs = nowMs;
  }

  /** Begins the blackout again: the server is connected anew. */
  restart(): void {
    this.#knownSinceMs = Infinity;
  }

  /** Whether a report has arrived, and is too old to be used. */
  isStale(nowMs: number, expirationMs: number): boolean {
    return this.#updatedMs > -Infinity && nowMs - this.#updatedMs >= expirationMs;
  }

  /** Returns the weight; 0 if it is too old or too new to be used. */
  at(nowMs: number, blackoutMs: number, expirationMs: number): number {
    if (nowMs - this.#updatedMs >= expirationMs) {
      this.#knownSinceMs = Infinity;
      return 0;
    }
    if (blackoutMs > 0 && !(nowMs - this.#knownSinceMs >= blackoutMs)) return 0;
    return this.#weight;
  }
}
