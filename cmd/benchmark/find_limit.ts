/**
 * Searches the highest rate at which conditions hold.
 *
 * @module
 */

import { LimitSearch } from "../../src/load/generate/limit_search.ts";
import type { Condition, RunResult } from "../../src/load/mod.ts";
import { runBenchmark } from "./run.ts";
import type { RunOrder } from "./run_order.ts";

/** Share of the calls that may be missed or late because of the generator before a trial says nothing. */
const GENERATOR_SHARE = 0.05;

/** Makes trials until the limit is known. Returns the last run at the limit, else the last run, with all trials. */
export async function findLimit(order: RunOrder): Promise<RunResult> {
  const { text, conditions } = order.settings.limit!;
  const search = new LimitSearch(order.settings.plan.ratePerSecond!);
  const trials: { ratePerSecond: number; holds: boolean; found: string }[] = [];
  let last: RunResult | undefined;
  let best: RunResult | undefined;
  for (let rate = search.next(); rate !== undefined; rate = search.next()) {
    last = await runBenchmark(trialOrder(order, rate));
    if (order.signal.aborted) break;
    const outcome = judged(last, conditions);
    trials.push({ ratePerSecond: rate, ...outcome });
    search.report(outcome.holds);
    if (rate === search.limit) best = last;
  }
  const { limit = null, failed = null } = search;
  return {
    ...(best ?? last!),
    limit: { condition: text, ratePerSecond: limit, failedRate: failed, trials },
  };
}

function trialOrder(order: RunOrder, ratePerSecond: number): RunOrder {
  const { settings } = order;
  return {
    ...order,
    settings: { ...settings, plan: { ...settings.plan, ratePerSecond } },
    label: `${Math.round(ratePerSecond)}/s`,
  };
}

/** A rate holds only if it was kept: the calls that were not sent in time would have made the figures worse. */
function judged(
  run: RunResult,
  conditions: readonly Condition[],
): { holds: boolean; found: string } {
  const checks = conditions.map((condition) => ({ condition, ...condition.check(run) }));
  const { missed, due, lateForGenerator } = run.schedule!;
  const found = checks.map((one) => `${one.condition.text}: ${one.found}`);
  if (missed > 0) found.push(`${missed} of ${due} calls missed`);
  if (lateForGenerator > due * GENERATOR_SHARE) found.push("the generator was late");
  const holds = missed === 0 && checks.every((one) => one.holds && one.measured);
  return { holds, found: found.join(", ") };
}
