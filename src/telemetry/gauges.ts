/**
 * Gauges of a server or a channel: connections, open calls, queues.
 *
 * @module
 */

import type { BatchObservableCallback, Meter, Observable } from "@opentelemetry/api";
import type { Channel } from "../rpc/channel/channel.ts";
import type { Server } from "../rpc/server/server.ts";
import { meterOf, type MetricsOptions } from "./metrics.ts";

/** Running measurement; `[Symbol.dispose]()` (or `using`) ends it. */
export type Observation = Disposable;

/** Gauge: name, unit, description and its getter. */
type Gauge<Stats> = readonly [
  name: string,
  unit: string,
  description: string,
  read: (stats: Stats) => number,
];

const SERVER: readonly Gauge<ReturnType<Server["stats"]>>[] = [
  [
    "vrpc.server.connections",
    "{connection}",
    "Open connections",
    (stats) => stats.connections.open,
  ],
  [
    "vrpc.server.connections.accepted",
    "{connection}",
    "Connections accepted since the start",
    (stats) => stats.connections.accepted,
  ],
  [
    "vrpc.server.connections.refused",
    "{connection}",
    "Connections refused over a limit or by vsock context id",
    (stats) => stats.connections.refused,
  ],
  [
    "vrpc.server.active_calls",
    "{call}",
    "Calls that are open or whose handlers are running",
    (stats) => stats.calls.active,
  ],
  [
    "vrpc.server.buffered",
    "By",
    "Bytes of messages that are incomplete or queued to be sent",
    (stats) => stats.bufferedBytes,
  ],
];

const CHANNEL: readonly Gauge<ReturnType<Channel["stats"]>>[] = [
  [
    "vrpc.client.connections",
    "{connection}",
    "Connections of the channel",
    (stats) => stats.connections.length,
  ],
  [
    "vrpc.client.active_calls",
    "{call}",
    "Calls in flight",
    (stats) => stats.activeCalls,
  ],
  [
    "vrpc.client.queued_calls",
    "{call}",
    "Calls waiting for a connection or a free stream",
    (stats) => stats.queuedCalls,
  ],
];

/** Observes a server at each collection: `vrpc.server.connections`, `.active_calls`, `.buffered` and others. */
export function observeServer(server: Server, options: MetricsOptions = {}): Observation {
  return observe(() => server.stats(), SERVER, options, {});
}

/**
 * Observes a channel at each collection: `vrpc.client.connections`, `.active_calls`, `.queued_calls`, with
 * the label `grpc.target`.
 */
export function observeChannel(
  channel: Channel,
  options: MetricsOptions & { target: string },
): Observation {
  return observe(() => channel.stats(), CHANNEL, options, { "grpc.target": options.target });
}

function observe<Stats>(
  read: () => Stats,
  gauges: readonly Gauge<Stats>[],
  options: MetricsOptions,
  labels: Record<string, string>,
): Observation {
  const meter = meterOf(options);
  const instruments = gauges.map(([name, unit, description]) =>
    meter.createObservableGauge(name, { unit, description })
  );
  // One snapshot of the statistics for all gauges.
  return observeTogether(meter, instruments, (result) => {
    const stats = read();
    gauges.forEach(([, , , value], i) => result.observe(instruments[i], value(stats), labels));
  });
}

/** Calls `callback` at each collection, for all `instruments` at once. */
export function observeTogether(
  meter: Meter,
  instruments: Observable[],
  callback: BatchObservableCallback,
): Observation {
  meter.addBatchObservableCallback(callback, instruments);
  return { [Symbol.dispose]: () => meter.removeBatchObservableCallback(callback, instruments) };
}
