/**
 * The guest's side of the comparison of clocks.
 *
 * @module
 */

import { ClockService } from "../../../proto/gen/vrpc/guest/v1/guest_pb.ts";
import type { Router } from "../../rpc/dispatch/router.ts";

/**
 * Adds the service by which a parent measures how far this machine's clock is off (`measureClock`).
 *
 * @category Clock
 */
export function addClock(router: Router): void {
  addClockOf(router, Date.now);
}

/** Adds the service with a given clock, in ms since 1970. */
export function addClockOf(router: Router, now: () => number): void {
  const micros = () => BigInt(Math.round(now() * 1_000));
  router.service(ClockService, {
    exchange() {
      const receivedMicros = micros();
      return { receivedMicros, sentMicros: micros() };
    },
  });
}
