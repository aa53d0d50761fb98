/**
 * Callbacks for the end of a server.
 *
 * @module
 */

import { deferred } from "../core/deferred.ts";
import type { Clock } from "../../call/clock.ts";
import type { FailureLog } from "../core/failure_log.ts";
import { serverLog } from "../core/log.ts";
import type { Dispatcher } from "../dispatch/dispatcher.ts";
import type { Router } from "../dispatch/router.ts";

/** Longest wait for the callbacks of `onClose` and for the dispatcher's `close`, in ms. */
const CLOSE_MS = 5_000;

/** Runs the dispatcher's `close` and the router's `onClose`. Resolves when they have ended, after 5 s at most. */
export async function runCloseHooks(
  dispatcher: Dispatcher,
  router: Router,
  failures: FailureLog,
  clock: Clock,
): Promise<void> {
  const late = deferred<void>();
  const timer = clock.setTimer(() => {
    serverLog.error("Callbacks of onClose have not finished within {ms} ms", { ms: CLOSE_MS });
    late.resolve();
  }, CLOSE_MS);
  await Promise.race([run(dispatcher, router, failures), late.promise]);
  clock.clearTimer(timer);
}

async function run(dispatcher: Dispatcher, router: Router, failures: FailureLog): Promise<void> {
  try {
    await dispatcher.close?.();
  } catch (error) {
    failures.hook("close of the dispatcher", error);
  }
  await router.closed((error) => failures.hook("onClose", error));
}
