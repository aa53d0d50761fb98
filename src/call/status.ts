/**
 * Status codes of calls on every wire (gRPC, "Status codes and their use in gRPC").
 *
 * @module
 */

/**
 * Status code of a call, 0 (OK) to 16.
 *
 * @category Errors
 */
export const Status = {
  /** Success. */
  OK: 0,
  /** Cancelled, usually by the caller. */
  CANCELLED: 1,
  /** An error without a better code, for example an unexpected exception in a handler. */
  UNKNOWN: 2,
  /** The arguments are invalid, whatever the state of the system. */
  INVALID_ARGUMENT: 3,
  /** The deadline passed before the call was complete. */
  DEADLINE_EXCEEDED: 4,
  /** A requested entity was not found. */
  NOT_FOUND: 5,
  /** An entity to be created already exists. */
  ALREADY_EXISTS: 6,
  /** The caller is authenticated but not permitted to do this. */
  PERMISSION_DENIED: 7,
  /** A quota, a queue or a size limit is exhausted. */
  RESOURCE_EXHAUSTED: 8,
  /** The system is not in the state that the call requires. */
  FAILED_PRECONDITION: 9,
  /** Aborted, typically by a concurrency conflict. */
  ABORTED: 10,
  /** Past the valid range. */
  OUT_OF_RANGE: 11,
  /** The method does not exist or is not supported. */
  UNIMPLEMENTED: 12,
  /** An invariant is broken, or the peer broke the protocol. */
  INTERNAL: 13,
  /** The service is unreachable at the moment; a retry may help. */
  UNAVAILABLE: 14,
  /** Unrecoverable loss or corruption of data. */
  DATA_LOSS: 15,
  /** The caller is not authenticated. */
  UNAUTHENTICATED: 16,
} as const;

/**
 * Status code of a call, 0 (OK) to 16.
 *
 * @category Errors
 */
export type Status = (typeof Status)[keyof typeof Status];

/**
 * Name of a code, for example `NOT_FOUND`.
 *
 * @category Errors
 */
export type StatusName = keyof typeof Status;

const NAMES = Object.keys(Status) as StatusName[];

/**
 * Name of a code, for example `NOT_FOUND`; `CODE_99` for a number without one.
 *
 * ```ts
 * import { Status, statusName } from "@vrpc/vrpc";
 *
 * console.log(statusName(Status.NOT_FOUND)); // "NOT_FOUND"
 * ```
 *
 * @category Errors
 */
export function statusName(code: number): string {
  return NAMES[code] ?? `CODE_${code}`;
}

/** Code of a name, for example `Status.NOT_FOUND` for `"NOT_FOUND"`; undefined for any other text. */
export function statusFromName(name: string): Status | undefined {
  return Object.hasOwn(Status, name) ? Status[name as StatusName] : undefined;
}

/** Converts a received number to a Status; as gRPC requires, unknown numbers become UNKNOWN. */
export function statusFromNumber(code: number): Status {
  return Number.isInteger(code) && code >= 0 && code <= 16 ? code as Status : Status.UNKNOWN;
}
