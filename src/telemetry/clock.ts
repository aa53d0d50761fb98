/**
 * Metrics of a guest's clock.
 *
 * @module
 */

import type { ClockWatch } from "../guest/clock/measure.ts";
import { type Observation, observeTogether } from "./gauges.ts";
import { meterOf, type MetricsOptions } from "./metrics.ts";

/**
 * Observes a watch of a guest's clock at each collection: `vrpc.guest.clock.offset` and `vrpc.guest.clock.delay`, in
 * seconds, with the label `vrpc.guest`. Nothing is observed while the guest's clock is not known.
 */
export function observeClock(watch: ClockWatch, options: MetricsOptions = {}): Observation {
  const meter = meterOf(options);
  const offset = meter.createObservableGauge("vrpc.guest.clock.offset", {
    unit: "s",
    description: "Time of the guest's clock minus that of this machine",
  });
  const delay = meter.createObservableGauge("vrpc.guest.clock.delay", {
    unit: "s",
    description: "Delay of that measurement, which is off by half of it at most",
  });
  const labels = { "vrpc.guest": watch.target };
  return observeTogether(meter, [offset, delay], (result) => {
    const { latest } = watch;
    if (latest === undefined) return;
    result.observe(offset, latest.offsetMs / 1_000, labels);
    result.observe(delay, latest.delayMs / 1_000, labels);
  });
}
