/**
 * Conversion between the two formats of an ECDSA signature: DER, `SEQUENCE { r INTEGER, s INTEGER }`
 * (RFC 3279 §2.2.3), used by OpenSSL and X.509, and IEEE P1363, `r` and `s` at fixed length, used by
 * WebCrypto.
 *
 * @module
 */

const SEQUENCE = 0x30;
const INTEGER = 0x02;

/** Converts P1363 to DER. `signature` has an even length: 64 bytes for P-256, 96 for P-384. */
export function p1363ToDer(signature: Uint8Array): Uint8Array {
  const half = signature.length / 2;
  if (!Number.isInteger(half) || half === 0 || half > 60) {
    throw new RangeError(
      `Cannot read an ECDSA signature of ${signature.length} bytes: the length must be even, from 2 to 120`,
    );
  }
  const r = derInteger(signature.subarray(0, half));
  const s = derInteger(signature.subarray(half));
  // Two integers of at most 61 bytes with their headers: the length fits one byte below 0x80.
  const der = new Uint8Array(2 + r.length + s.length);
  der[0] = SEQUENCE;
  der[1] = r.length + s.length;
  der.set(r, 2);
  der.set(s, 2 + r.length);
  return der;
}

/**
 * Converts DER to P1363, with `fieldBytes` for each number (32 for P-256, 48 for P-384). Undefined when
 * `der` is not the canonical encoding of two positive numbers that fit.
 */
export function derToP1363(der: Uint8Array, fieldBytes: number): Uint8Array | undefined {
  if (der.length < 8 || der[0] !== SEQUENCE || der[1] >= 0x80 || der[1] !== der.length - 2) {
    return undefined;
  }
  const out = new Uint8Array(2 * fieldBytes);
  const afterR = takeInteger(der, 2, out.subarray(0, fieldBytes));
  if (afterR === undefined) return undefined;
  const end = takeInteger(der, afterR, out.subarray(fieldBytes));
  return end === der.length ? out : undefined;
}

/** Encodes a big-endian unsigned number as a DER INTEGER: one leading zero where the top bit is set, else none. */
function derInteger(number: Uint8Array): Uint8Array {
  let start = 0;
  while (start < number.length - 1 && number[start] === 0) start++;
  const pad = number[start] >= 0x80 ? 1 : 0;
  const length = number.length - start + pad;
  const out = new Uint8Array(2 + length);
  out[0] = INTEGER;
  out[1] = length;
  out.set(number.subarray(start), 2 + pad);
  return out;
}

/** Copies the INTEGER at `offset` right-aligned into `into`; returns the offset of its end, or undefined. */
function takeInteger(der: Uint8Array, offset: number, into: Uint8Array): number | undefined {
  if (offset + 2 > der.length || der[offset] !== INTEGER) return undefined;
  const length = der[offset + 1];
  let start = offset + 2;
  const end = start + length;
  if (length === 0 || length >= 0x80 || end > der.length || der[start] >= 0x80) return undefined;
  if (der[start] === 0 && length > 1) {
    if (der[start + 1] < 0x80) return undefined;
    start++;
  }
  if (end - start > into.length) return undefined;
  into.set(der.subarray(start, end), into.length - (end - start));
  return end;
}
