/**
 * Connections of a benchmark: one channel each, so that their number is exact.
 *
 * @module
 */

import { type Channel, connect } from "../../mod.ts";
import { TransportError } from "../../src/transport/mod.ts";
import type { Endpoint } from "./messages.ts";

/** How long connecting may take before the benchmark gives up. */
export const CONNECT_TIMEOUT_MS = 10_000;

/** Opens `count` connections and waits until all are ready. Rejects when one can't be made. */
export async function openChannels(endpoint: Endpoint, count: number): Promise<Channel[]> {
  const { address, wire, tls, batch } = endpoint;
  const channels = Array.from({ length: count }, () =>
    connect(address, {
      wire,
      tls,
      poolSize: 1,
      batch: batch ? true : undefined,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      // A server that comes back is noticed soon.
      initialBackoffMs: 100,
      maxBackoffMs: 1000,
    }));
  try {
    await Promise.all(channels.map(readyOrFailed));
    return channels;
  } catch (error) {
    await closeAll(channels);
    throw error;
  }
}

/** Waits for a connection; unlike calls, a benchmark does not hope for a second attempt. */
async function readyOrFailed(channel: Channel): Promise<void> {
  // The reason that matters is the first; this one only comes after a timeout.
  const ready = channel.ready({ timeoutMs: CONNECT_TIMEOUT_MS });
  ready.catch(() => {});
  for await (const state of channel.watchState()) {
    if (state === "READY") return;
    if (state === "TRANSIENT_FAILURE") {
      const { addresses } = channel.stats();
      const reason = addresses.find((address) => address.lastError !== undefined)?.lastError;
      if (reason !== undefined) throw new TransportError(reason);
    }
    if (state === "SHUTDOWN") break;
  }
  await ready;
}

/** Closes channels; failures to do so don't matter any more. */
export async function closeAll(channels: readonly Channel[]): Promise<void> {
  await Promise.allSettled(channels.map((channel) => channel.close()));
}
