/**
 * Deadlines in the forms of grpc-js.
 *
 * @module
 */

/** Point in time: a Date, or ms since 1970; Infinity for none. */
export type Deadline = Date | number;

/** Returns a deadline in ms since 1970. */
export function deadlineMs(deadline: Deadline): number {
  return deadline instanceof Date ? deadline.getTime() : deadline;
}
