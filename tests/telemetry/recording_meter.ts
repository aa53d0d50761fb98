/**
 * A meter provider of tests that keeps all measurements with their contexts.
 *
 * @module
 */

import {
  type Attributes,
  type Context,
  context,
  createNoopMeter,
  type Meter,
  type MeterProvider,
} from "@opentelemetry/api";

/** One value given to an instrument. */
export interface Measurement {
  readonly name: string;
  readonly value: number;
  readonly attributes: Attributes;
  /** What an SDK's exemplar filter sees. */
  readonly context: Context;
}

/** Keeps what its instruments are given. */
export class RecordingMeterProvider implements MeterProvider {
  readonly measurements: Measurement[] = [];

  getMeter(): Meter {
    const noop = createNoopMeter();
    const record = (name: string) => (value: number, attributes: Attributes = {}, at?: Context) => {
      this.measurements.push({ name, value, attributes, context: at ?? context.active() });
    };
    return Object.assign(Object.create(noop), {
      createHistogram: (name: string) => ({ record: record(name) }),
      createCounter: (name: string) => ({ add: record(name) }),
      createUpDownCounter: (name: string) => ({ add: record(name) }),
    });
  }

  /** Returns the measurements of one instrument. */
  of(name: string): Measurement[] {
    return this.measurements.filter((one) => one.name === name);
  }

  /** Returns the values of one instrument. */
  values(name: string): number[] {
    return this.of(name).map(({ value }) => value);
  }
}
