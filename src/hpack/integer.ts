/**
 * Writes integers with a prefix (RFC 7541 §5.1). The decoder reads them.
 *
 * @module
 */

/** Maximum number of octets of an encoded integer below 2³¹. */
export const MAX_INTEGER_BYTES = 6;

/**
 * Writes `value` (0 to 2³¹−1) into `out` at `position`. The prefix is the low `prefixBits` bits of an octet whose upper
 * bits are `flags`. Returns the position after it.
 */
export function writeInteger(
  out: Uint8Array,
  position: number,
  flags: number,
  prefixBits: number,
  value: number,
): number {
  const max = (1 << prefixBits) - 1;
  if (value < max) {
    out[position++] = flags | value;
    return position;
  }
  out[position++] = flags | max;
  value -= max;
  while (value > 127) {
    out[position++] = value | 0x80;
    value >>>= 7;
  }
  out[position++] = value;
  return position;
}
