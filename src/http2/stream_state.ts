/**
 * States of a stream (RFC 9113 §5.1), as a table from state and input to the next state or to an error. Server push is
 * disabled, so the reserved states do not occur.
 *
 * ```text
 *              HEADERS             END_STREAM (recv)
 *      idle ───────────► open ──────────────────────► half-closed (remote)
 *                         │                                   │
 *      END_STREAM (send)  │                                   │ END_STREAM (send), RST
 *                         ▼                                   ▼
 *               half-closed (local) ────────────────────► closed
 *                              END_STREAM (recv), RST
 * ```
 *
 * Any other input is an error: of the peer when it is received, of this engine when it is sent.
 *
 * @module
 */

import { ErrorCode } from "./constants.ts";

/** States of a stream that exists. Idle and closed streams have no object. */
export const StreamState = {
  IDLE: 0,
  OPEN: 1,
  HALF_CLOSED_LOCAL: 2,
  HALF_CLOSED_REMOTE: 3,
  CLOSED: 4,
} as const;

/** Inputs to the table. */
export const StreamInput = {
  RECV_HEADERS: 0,
  RECV_HEADERS_END: 1,
  RECV_DATA: 2,
  RECV_DATA_END: 3,
  SEND_HEADERS: 4,
  SEND_HEADERS_END: 5,
  SEND_DATA: 6,
  SEND_DATA_END: 7,
  RESET: 8,
} as const;

const INPUTS = 9;
// Offset of errors in the table: an entry of 16 or more is 16 + error code.
const ERROR = 16;
const TABLE = new Uint8Array(5 * INPUTS).fill(ERROR + ErrorCode.PROTOCOL_ERROR);

function row(state: number, next: Partial<Record<keyof typeof StreamInput, number>>): void {
  for (const [input, to] of Object.entries(next)) {
    TABLE[state * INPUTS + StreamInput[input as keyof typeof StreamInput]] = to;
  }
}

const { IDLE, OPEN, HALF_CLOSED_LOCAL, HALF_CLOSED_REMOTE, CLOSED } = StreamState;
const STREAM_CLOSED = ERROR + ErrorCode.STREAM_CLOSED;

row(IDLE, {
  RECV_HEADERS: OPEN,
  RECV_HEADERS_END: HALF_CLOSED_REMOTE,
  SEND_HEADERS: OPEN,
  SEND_HEADERS_END: HALF_CLOSED_LOCAL,
});
row(OPEN, {
  RECV_HEADERS: OPEN,
  RECV_HEADERS_END: HALF_CLOSED_REMOTE,
  RECV_DATA: OPEN,
  RECV_DATA_END: HALF_CLOSED_REMOTE,
  SEND_HEADERS: OPEN,
  SEND_HEADERS_END: HALF_CLOSED_LOCAL,
  SEND_DATA: OPEN,
  SEND_DATA_END: HALF_CLOSED_LOCAL,
  RESET: CLOSED,
});
row(HALF_CLOSED_LOCAL, {
  RECV_HEADERS: HALF_CLOSED_LOCAL,
  RECV_HEADERS_END: CLOSED,
  RECV_DATA: HALF_CLOSED_LOCAL,
  RECV_DATA_END: CLOSED,
  RESET: CLOSED,
});
row(HALF_CLOSED_REMOTE, {
  RECV_HEADERS: STREAM_CLOSED,
  RECV_HEADERS_END: STREAM_CLOSED,
  RECV_DATA: STREAM_CLOSED,
  RECV_DATA_END: STREAM_CLOSED,
  SEND_HEADERS: HALF_CLOSED_REMOTE,
  SEND_HEADERS_END: CLOSED,
  SEND_DATA: HALF_CLOSED_REMOTE,
  SEND_DATA_END: CLOSED,
  RESET: CLOSED,
});
row(CLOSED, {
  RECV_HEADERS: STREAM_CLOSED,
  RECV_HEADERS_END: STREAM_CLOSED,
  RECV_DATA: STREAM_CLOSED,
  RECV_DATA_END: STREAM_CLOSED,
  RESET: CLOSED,
});

/** Next state (0 to 4), or 16 + error code (RFC 9113 §7). */
export function nextState(state: number, input: number): number {
  return TABLE[state * INPUTS + input];
}

/** Whether a result of {@link nextState} is an error. */
export function isStateError(next: number): boolean {
  return next >= ERROR;
}

/** Error code of a result of {@link nextState} that is an error. */
export function stateErrorCode(next: number): number {
  return next - ERROR;
}
