/**
 * Codes of Close frames (RFC 6455 §7.4.1).
 *
 * @module
 */

/** Codes that this side sends. */
export const CloseCode = {
  /** The server goes away. */
  GOING_AWAY: 1001,
  /** The peer broke the protocol. */
  PROTOCOL_ERROR: 1002,
  /** The peer sent text. */
  UNSUPPORTED_DATA: 1003,
  /** The reason of a Close frame is not UTF-8. */
  INVALID_PAYLOAD: 1007,
  /** The peer used up its budget, or is too slow. */
  POLICY_VIOLATION: 1008,
  /** A message is too long. */
  TOO_BIG: 1009,
} as const;

/** Whether a Close frame may carry this code: 1005, 1006 and 1015 are never sent (RFC 6455 §7.4.1, §7.4.2). */
export function isCloseCode(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
}
