/**
 * Metrics of an egress proxy.
 *
 * @module
 */

import type { EgressProxy } from "../guest/egress/proxy.ts";
import { type Observation, observeTogether } from "./gauges.ts";
import { meterOf, type MetricsOptions } from "./metrics.ts";

/**
 * Observes an egress proxy at each collection: `vrpc.egress.connections`, `vrpc.egress.tunnels` and
 * `vrpc.egress.tunnels.opened`, `vrpc.egress.bytes` with the label `direction` (`sent`, `received`), and
 * `vrpc.egress.refused` with the label `reason` (`peer`, `busy`, `malformed`, `forbidden`, `unreachable`).
 */
export function observeEgress(proxy: EgressProxy, options: MetricsOptions = {}): Observation {
  const meter = meterOf(options);
  const connections = meter.createObservableGauge("vrpc.egress.connections", {
    unit: "{connection}",
    description: "Open connections from enclaves to the egress proxy",
  });
  const tunnels = meter.createObservableGauge("vrpc.egress.tunnels", {
    unit: "{tunnel}",
    description: "Open tunnels to destinations",
  });
  const opened = meter.createObservableCounter("vrpc.egress.tunnels.opened", {
    unit: "{tunnel}",
    description: "Tunnels opened since the start",
  });
  const bytes = meter.createObservableCounter("vrpc.egress.bytes", {
    unit: "By",
    description: "Bytes forwarded since the start, by direction",
  });
  const refused = meter.createObservableCounter("vrpc.egress.refused", {
    unit: "{request}",
    description: "Requests refused since the start, by reason",
  });
  const all = [connections, tunnels, opened, bytes, refused];
  return observeTogether(meter, all, (result) => {
    const stats = proxy.stats();
    result.observe(connections, stats.connections);
    result.observe(tunnels, stats.tunnels);
    result.observe(opened, stats.opened);
    result.observe(bytes, stats.sentBytes, { direction: "sent" });
    result.observe(bytes, stats.receivedBytes, { direction: "received" });
    for (const [reason, count] of Object.entries(stats.refused)) {
      result.observe(refused, count, { reason });
    }
  });
}
