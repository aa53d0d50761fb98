import assert from "node:assert/strict";
import { Metronome } from "../../cmd/benchmark/metronome.ts";

/** Resolves at the time of a timer. */
function ring(metronome: Metronome, delayMs: number): Promise<number> {
  return new Promise((resolve) => metronome.setTimer(() => resolve(performance.now()), delayMs));
}

Deno.test("the metronome rings in order and never early, also for times that have passed", async () => {
  const metronome = await Metronome.start();
  try {
    for (const delayMs of [0.3, 0, 5, -1, 0.05, 1]) {
      const dueMs = metronome.now() + delayMs;
      assert.ok(await ring(metronome, delayMs) >= dueMs - 1e-6, `${delayMs}`);
    }
  } finally {
    metronome.close();
  }
});

Deno.test("a timer replaces the one before, and one that is cleared does not ring", async () => {
  const metronome = await Metronome.start();
  try {
    const rung: string[] = [];
    const isSilent = () => rung.length === 0;
    metronome.setTimer(() => rung.push("replaced"), 1);
    const cleared = metronome.setTimer(() => rung.push("cleared"), 2);
    metronome.clearTimer(cleared);
    metronome.clearTimer(undefined);
    await ring(metronome, 10);
    assert.ok(isSilent());
    const first = metronome.setTimer(() => void rung.push("first"), 1);
    const second = ring(metronome, 3);
    // Clearing what was replaced changes nothing.
    metronome.clearTimer(first);
    await second;
    assert.ok(isSilent());
  } finally {
    metronome.close();
  }
});

Deno.test("with a schedule the metronome rings at its times, and for two that are close once between them", async () => {
  const metronome = await Metronome.start({
    ...{ arrivals: "uniform", ratePerSecond: 2_000, worker: 0, workers: 1, seed: 1 },
    // A single call in the second stage.
    stages: [
      { name: "pairs", durationMs: 10, fromRate: 2_000, toRate: 2_000 },
      { name: "single", durationMs: 100, fromRate: 10, toRate: 10 },
    ],
  });
  try {
    const startMs = metronome.now() + 5;
    metronome.begin(startMs);
    const rung: number[] = [];
    for (const dueMs of [0, 1, 2]) {
      const leftMs = startMs + dueMs - metronome.now();
      rung.push(await ring(metronome, leftMs) - startMs - dueMs);
    }
    for (const earlyMs of rung) assert.ok(earlyMs >= -0.26, `${rung}`);
  } finally {
    metronome.close();
  }
});
