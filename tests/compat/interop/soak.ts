/**
 * Interoperability cases that repeat large_unary on one channel (rpc_soak) or on a new channel for each call
 * (channel_soak).
 *
 * @module
 */

import type { Channel } from "../../../mod.ts";
import { largeUnary } from "./cases.ts";

/** Options of a soak. */
export interface SoakOptions {
  /** Total number of calls. */
  iterations: number;
  /** Number of concurrent calls. */
  threads: number;
  /** Longest duration of a successful call, in ms. */
  maxLatencyMs: number;
  /** Time limit of the soak, in ms. */
  overallTimeoutMs: number;
}

/** Repeats the call and returns a line of figures. Throws when a call fails. */
export async function soak(
  open: () => Channel,
  perCall: boolean,
  options: SoakOptions,
): Promise<string> {
  const latencies: number[] = [];
  const failures: string[] = [];
  const endMs = performance.now() + options.overallTimeoutMs;
  let next = 0;
  const shared = perCall ? undefined : open();
  async function worker() {
    while (next++ < options.iterations && performance.now() < endMs) {
      const startMs = performance.now();
      const channel = shared ?? open();
      try {
        await largeUnary(channel);
        const latencyMs = performance.now() - startMs;
        latencies.push(latencyMs);
        if (latencyMs > options.maxLatencyMs) failures.push(`took ${latencyMs.toFixed(0)} ms`);
      } catch (error) {
        failures.push(String(error));
      } finally {
        if (!shared) await channel.close();
      }
    }
  }
  await Promise.all(Array.from({ length: options.threads }, worker));
  await shared?.close();
  latencies.sort((a, b) => a - b);
  const quantile = (q: number) => latencies[Math.floor(q * (latencies.length - 1))]?.toFixed(1);
  const line = `${latencies.length} of ${options.iterations} calls, ${failures.length} failed, ` +
    `median ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms, max ${quantile(1)} ms`;
  if (failures.length > 0 || latencies.length < options.iterations) {
    throw new Error(`${line}; first: ${failures[0] ?? "out of time"}`);
  }
  return line;
}
