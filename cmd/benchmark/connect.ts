/**
 * Connections of a benchmark, one channel for each, so that their number is exact.
 *
 * @module
 */

import { type Channel, connect } from "../../mod.ts";
import { TransportError } from "../../src/transport/mod.ts";
import type { Endpoint } from "./messages.ts";

/** Longest time to connect, in ms. */
export const CONNECT_TIMEOUT_MS = 10_000;

/** Opens `count` connections and waits until all are ready. Rejects when one fails. */
export async function openChannels(endpoint: Endpoint, count: number): Promise<Channel[]> {
  const { address, wire, tls, batch } = endpoint;
  const channels = Array.from({ length: count }, () =>
    connect(address, {
      wire,
      tls,
      poolSize: 1,
      batch: batch ? true : undefined,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      // Reconnects soon after a restart of the server.
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

/** Waits for a connection. Rejects at the first failed attempt, without a retry, and after the time limit. */
async function readyOrFailed(channel: Channel): Promise<void> {
  const ready = channel.ready({ timeoutMs: CONNECT_TIMEOUT_MS });
  // The error of the first attempt is more precise than the timeout of ready().
  await Promise.race([ready, firstAttempt(channel)]);
}

/** Resolves at a connection; rejects with the reason of the first failed attempt. */
async function firstAttempt(channel: Channel): Promise<void> {
  for await (const state of channel.watchState()) {
    if (state === "READY") return;
    if (state === "TRANSIENT_FAILURE") {
      const { addresses } = channel.stats();
      const reason = addresses.find((address) => address.lastError !== undefined)?.lastError;
      if (reason !== undefined) throw new TransportError(reason);
    }
  }
  throw new TransportError("The channel was closed");
}

/** Closes channels and ignores failures. */
export async function closeAll(channels: readonly Channel[]): Promise<void> {
  await Promise.allSettled(channels.map((channel) => channel.close()));
}
