/**
 * What a server or a channel holds at the moment: connections, open calls, queues.
 *
 * @module
 */

import type { Channel } from "../rpc/channel/channel.ts";
import type { Server } from "../rpc/server/server.ts";
import { meterOf, type MetricsOptions } from "./metrics.ts";

/** Ends with `using` or `[Symbol.dispose]()`; from then on nothing is measured. */
export type Observation = Disposable;

/** A gauge by name, unit, description, and how to read it. */
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
    "Connections open now",
    (stats) => stats.connections.open,
  ],
  [
    "vrpc.server.connections.accepted",
    "{connection}",
    "Connections ever accepted",
    (stats) => stats.connections.accepted,
  ],
  [
    "vrpc.server.connections.refused",
    "{connection}",
    "Connections closed at once, over a limit or by their vsock context id",
    (stats) => stats.connections.refused,
  ],
  [
    "vrpc.server.active_calls",
    "{call}",
    "Calls that are open or whose handlers still run",
    (stats) => stats.calls.active,
  ],
  [
    "vrpc.server.buffered",
    "By",
    "Messages that are incomplete or wait to be sent",
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
    "Calls that wait for a connection or a free stream",
    (stats) => stats.queuedCalls,
  ],
];

/** Measures a server: `vrpc.server.connections`, `.active_calls`, `.buffered` and others, when asked for. */
export function observeServer(server: Server, options: MetricsOptions = {}): Observation {
  return observe(() => server.stats(), SERVER, options, {});
}

/**
 * Measures a channel: `vrpc.client.connections`, `.active_calls`, `.queued_calls`, with the label
 * `grpc.target`, when asked for.
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
  // One look for all of them.
  const callback: Parameters<typeof meter.addBatchObservableCallback>[0] = (result) => {
    const stats = read();
    gauges.forEach(([, , , value], i) => result.observe(instruments[i], value(stats), labels));
  };
  meter.addBatchObservableCallback(callback, instruments);
  return { [Symbol.dispose]: () => meter.removeBatchObservableCallback(callback, instruments) };
}
