/**
 * Offset between two clocks from the four times of an exchange (RFC 5905 §8).
 *
 * @module
 */

/**
 * Offset of a guest's clock, in ms.
 *
 * @category Clock
 */
export interface ClockOffset {
  /** The guest's time minus this machine's: above 0 if the guest is ahead. */
  readonly offsetMs: number;
  /** Time that the exchange took beside the guest's work; the offset is off by half of it at most. */
  readonly delayMs: number;
}

/** Times of one exchange, in ms. */
export interface ExchangeTimes {
  /** When the request was sent, by this machine's clock. */
  readonly sentMs: number;
  /** When it arrived, by the guest's clock. */
  readonly guestReceivedMs: number;
  /** When the response was sent, by the guest's clock. */
  readonly guestSentMs: number;
  /** When it arrived, by this machine's clock. */
  readonly receivedMs: number;
}

/**
 * Returns offset and delay; undefined if the times are impossible: no numbers, or a guest that worked for longer than the
 * exchange took, by more than the resolution of its clock (1 ms).
 */
export function offsetOf(times: ExchangeTimes): ClockOffset | undefined {
  const { sentMs, guestReceivedMs, guestSentMs, receivedMs } = times;
  const workMs = guestSentMs - guestReceivedMs;
  const delayMs = receivedMs - sentMs - workMs;
  if (!(workMs >= 0 && delayMs >= -1 && Math.abs(guestReceivedMs) < 2 ** 53)) return undefined;
  const offsetMs = ((guestReceivedMs - sentMs) + (guestSentMs - receivedMs)) / 2;
  return { offsetMs, delayMs: Math.max(0, delayMs) };
}

/** Returns the sample with the least delay, which is the most exact (RFC 5905 §10). */
export function bestOf(samples: readonly ClockOffset[]): ClockOffset | undefined {
  return samples.reduce<ClockOffset | undefined>(
    (best, one) => best === undefined || one.delayMs < best.delayMs ? one : best,
    undefined,
  );
}
