/**
 * Status codes of calls, on every wire (gRPC's "Status codes and their use in gRPC").
 *
 * @module
 */

/** A call's status code: 0 (OK) to 16. */
export const Status = {
  /** Success. */
  OK: 0,
  /** Cancelled, usually by the caller. */
  CANCELLED: 1,
  /** An error that has no better code; also what an unexpected exception in a handler becomes. */
  UNKNOWN: 2,
  /** The arguments are wrong whatever the state of the system. */
  INVALID_ARGUMENT: 3,
  /** The deadline passed before the call was complete. */
  DEADLINE_EXCEEDED: 4,
  /** Something asked for was not found. */
  NOT_FOUND: 5,
  /** What was to be created is there already. */
  ALREADY_EXISTS: 6,
  /** The caller is known but not allowed to do this. */
  PERMISSION_DENIED: 7,
  /** A quota, a queue or a size limit is exhausted. */
  RESOURCE_EXHAUSTED: 8,
  /** The system is not in the state that the call needs. */
  FAILED_PRECONDITION: 9,
  /** Aborted, typically by a concurrency conflict. */
  ABORTED: 10,
  /** Past the valid range. */
  OUT_OF_RANGE: 11,
  /** The method does not exist or is not supported. */
  UNIMPLEMENTED: 12,
  /** An invariant is broken; also a peer that breaks the protocol. */
  INTERNAL: 13,
  /** The service can't be reached now; a retry may help. */
  UNAVAILABLE: 14,
  /** Data was lost or is corrupt beyond recovery. */
  DATA_LOSS: 15,
  /** The caller is not authenticated. */
  UNAUTHENTICATED: 16,
} as const;

/** A call's status code: 0 (OK) to 16. */
export type Status = (typeof Status)[keyof typeof Status];

/** A name such as `NOT_FOUND`. */
export type StatusName = keyof typeof Status;

const NAMES = Object.keys(Status) as StatusName[];

/** The name of a code, for example `NOT_FOUND`; `CODE_99` for a number that is none. */
export function statusName(code: number): string {
  return NAMES[code] ?? `CODE_${code}`;
}

/** The code of a name, for example `Status.NOT_FOUND` for `"NOT_FOUND"`; undefined when there is none. */
export function statusFromName(name: string): Status | undefined {
  return Object.hasOwn(Status, name) ? Status[name as StatusName] : undefined;
}

/** A received number as a Status: numbers that are none become UNKNOWN, as gRPC asks. */
export function statusFromNumber(code: number): Status {
  return Number.isInteger(code) && code >= 0 && code <= 16 ? code as Status : Status.UNKNOWN;
}
