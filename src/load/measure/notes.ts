/**
 * Notes that a reader needs to judge the figures of a run.
 *
 * @module
 */

import type { RunResult } from "./result.ts";
import { count, duration, seconds } from "./units.ts";

// Share of a core from which a worker counts as saturated; below it, the worker waits for the server.
const SATURATED = 0.95;
// Shortest run, in ms, whose CPU time is judged: CPU time is counted in steps of 10 ms.
const SHORT_MS = 500;

/** Returns the notes on a result, most important first. */
export function notesOn(result: RunResult, threadsReason?: string): string[] {
  const { settings, schedule, cpu } = result;
  const notes: string[] = [];
  if (result.interrupted) {
    notes.push("Stopped early by the user; the figures cover the time until then.");
  }
  notes.push(...nothingMeasured(result), ...serverLoss(result));
  if (settings.mode === "closed") {
    notes.push(
      "Closed loop: a call starts when the one before it has ended, so pauses of the server are seen by " +
        "few calls (coordinated omission). Give a rate for latencies as users see them.",
    );
  } else {
    notes.push(
      "Open loop: latency runs from the intended send time; service time runs from the actual one.",
    );
  }
  if (schedule && schedule.missed > 0) {
    notes.push(
      `${count(schedule.missed)} of ${
        count(schedule.due)
      } calls were due and never sent: the server ` +
        "did not keep up with the rate; true latencies are higher than those shown.",
    );
  }
  const late = schedule ? schedule.lateForGenerator : 0;
  if (schedule && late > schedule.due * 0.01) {
    notes.push(
      `The generator was the limit: ${
        count(late)
      } calls were sent more than 1 ms late although a ` +
        "stream was free. Use a lower rate, more threads or another machine.",
    );
  }
  if (
    settings.ratePerSecond === null && cpu.busiestWorker !== null &&
    cpu.busiestWorker > SATURATED && result.durationMs > SHORT_MS
  ) {
    notes.push(
      `The generator was the limit: a worker used ${
        (cpu.busiestWorker * 100).toFixed(0)
      } % of its ` +
        "core. The server can do more than this rate says.",
    );
  }
  if (result.unfinished > 0) {
    notes.push(
      `${count(result.unfinished)} calls had not ended when the run did; they count as failed ` +
        "(UNFINISHED).",
    );
  }
  if (threadsReason) {
    notes.push(
      `${settings.threads} of ${settings.threadsAsked} threads were used: ${threadsReason}.`,
    );
  }
  return notes;
}

function serverLoss({ unreachable, lastSuccessMs }: RunResult): string[] {
  if (unreachable === null) return [];
  const { firstAtMs, lastAtMs } = unreachable;
  const back = lastSuccessMs !== null && lastSuccessMs > lastAtMs;
  const text = `The server could not be reached from ${seconds(firstAtMs)} on` +
    (back
      ? `; the last such failure was at ${seconds(lastAtMs)}, ${
        duration(lastAtMs - firstAtMs)
      } later.`
      : ", and no call succeeded after that.");
  return [text];
}

/** Says when nothing was measured, and what happened instead. */
function nothingMeasured(result: RunResult): string[] {
  if (result.successfulRequests > 0) return [];
  if (result.totalRequests === 0) return ["Not one call ended: nothing was measured."];
  const codes = result.failures.map(({ code, count: calls }) => `${count(calls)} ${code}`);
  return [
    `Not one call succeeded (${codes.join(", ")}): there are no latencies, and the rate is 0.`,
  ];
}
