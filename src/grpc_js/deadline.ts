/**
 * Deadlines in the forms of grpc-js.
 *
 * @module
 */

/** Point in time: a Date, or ms since 1970; Infinity for none. */
export type Deadline = Date | number;

/** Returns a deadline in ms since 1970; 0, which has passed, for one that is not a number. */
export function deadlineMs(deadline: Deadline): number {
  const ms = deadline instanceof Date ? deadline.getTime() : deadline;
  return Number.isNaN(ms) ? 0 : ms;
}
