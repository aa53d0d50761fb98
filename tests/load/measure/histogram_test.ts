import assert from "node:assert/strict";
import fc from "fast-check";
import { build } from "hdr-histogram-js";
import { Histogram } from "../../../src/load/measure/histogram.ts";

const duration = fc.oneof(
  fc.integer({ min: 1, max: 5000 }),
  fc.integer({ min: 1, max: 2 ** 31 }),
  fc.integer({ min: 1, max: 2 ** 41 }),
);

Deno.test("Histogram is empty at first", () => {
  const histogram = new Histogram();
  assert.equal(histogram.count, 0);
  assert.equal(histogram.percentileNs(99), 0);
  assert.equal(histogram.meanNs, 0);
  assert.equal(histogram.standardDeviationNs, 0);
  assert.deepEqual([...histogram.buckets()], []);
});

Deno.test("Histogram keeps small values, minimum, maximum and mean exactly", () => {
  const histogram = new Histogram();
  for (let ns = 1; ns <= 1000; ns++) histogram.recordNs(ns);
  assert.equal(histogram.percentileNs(50), 500);
  assert.equal(histogram.percentileNs(99.9), 999);
  assert.equal(histogram.percentileNs(100), 1000);
  assert.equal(histogram.minNs, 1);
  assert.equal(histogram.maxNs, 1000);
  assert.equal(histogram.meanNs, 500.5);
  assert.equal(histogram.countAtOrBelowNs(250), 250);
});

Deno.test("Histogram agrees with HdrHistogram on every percentile", () => {
  fc.assert(fc.property(fc.array(duration, { minLength: 1, maxLength: 300 }), (values) => {
    const ours = new Histogram();
    const theirs = build({
      bitBucketSize: 64,
      highestTrackableValue: 2 ** 42,
      numberOfSignificantValueDigits: 3,
      useWebAssembly: false,
    });
    for (const value of values) {
      ours.recordNs(value);
      theirs.recordValue(value);
    }
    for (const p of [0, 10, 50, 75, 90, 95, 99, 99.9, 99.99, 100]) {
      const expected = theirs.getValueAtPercentile(p);
      assert.ok(
        Math.abs(ours.percentileNs(p) - expected) <= expected * 0.001,
        `p${p}: ${ours.percentileNs(p)} instead of ${expected}`,
      );
    }
  }));
});

Deno.test("Histogram's percentiles are at most 0.1 % above the exact value, never below", () => {
  fc.assert(fc.property(fc.array(duration, { minLength: 1, maxLength: 300 }), (values) => {
    const histogram = new Histogram();
    for (const value of values) histogram.recordNs(value);
    values.sort((a, b) => a - b);
    for (const p of [1, 50, 90, 99, 100]) {
      const exact = values[Math.max(0, Math.ceil(p / 100 * values.length - 1e-7) - 1)];
      const found = histogram.percentileNs(p);
      assert.ok(found >= exact && found <= exact * 1.001 + 1, `p${p}: ${found}, exactly ${exact}`);
    }
  }));
});

Deno.test("merged histograms equal one of all values", () => {
  fc.assert(
    fc.property(fc.array(fc.array(duration, { maxLength: 50 }), { maxLength: 5 }), (parts) => {
      const whole = new Histogram();
      const merged = new Histogram();
      for (const values of parts) {
        const part = new Histogram();
        for (const value of values) {
          part.recordNs(value);
          whole.recordNs(value);
        }
        merged.add(structuredClone(part.toData()));
      }
      assert.deepEqual(merged.toData(), whole.toData());
      assert.deepEqual(Histogram.fromData(whole.toData()).toData(), whole.toData());
    }),
  );
});

Deno.test("Histogram.reset() removes all values", () => {
  const histogram = new Histogram();
  for (const ns of [1, 5_000, 3e9, 1e12]) histogram.recordNs(ns);
  histogram.reset();
  assert.deepEqual(histogram.toData(), new Histogram().toData());
});

Deno.test("Histogram counts negative durations as 0 and excessive ones in the last bucket", () => {
  const histogram = new Histogram();
  histogram.recordMs(-1);
  histogram.recordMs(NaN);
  histogram.recordMs(1e9);
  assert.equal(histogram.count, 3);
  assert.equal(histogram.minNs, 0);
  assert.equal(histogram.maxNs, 1e15);
  assert.equal(histogram.percentileNs(50), 0);
});

Deno.test("Histogram's buckets join without gaps or overlaps", () => {
  const histogram = new Histogram();
  for (let ns = 1; ns < 2 ** 41; ns = Math.ceil(ns * 1.00005)) histogram.recordNs(ns);
  let last = 0;
  for (const { fromNs, toNs } of histogram.buckets()) {
    assert.ok(fromNs > last || last === 0);
    assert.ok(toNs >= fromNs && toNs - fromNs <= fromNs / 1000);
    last = toNs;
  }
});
