/**
 * Server times of the ready-made services, read from the encoded reply: decoding the whole reply would cost
 * the generator more than sending the call.
 *
 * @module
 */

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

// Times are read modulo 2^49 ns, the first 7 bytes of their varints, which a double holds exactly. A difference of two
// times that is negative for this reason is corrected by adding 2^49.
const WRAP = 2 ** 49;

/** Reads the server time of an encoded reply, in µs; undefined when it has none. */
export type ServerTimeReader = (message: Uint8Array) => number | undefined;

/** Server time of an `EchoResponse`: from `received_at_ns` (2) to `sent_at_ns` (3). */
export const echoServerTimeUs: ServerTimeReader = (message) => {
  const received = varintField(message, 2);
  const sent = varintField(message, 3);
  if (received < 0 || sent < 0) return undefined;
  return (sent - received + (sent < received ? WRAP : 0)) / 1000;
};

/** Server time of a `SignResponse`: `server_time_ns` (2). */
export const signServerTimeUs: ServerTimeReader = (message) => {
  const ns = varintField(message, 2);
  return ns < 0 ? undefined : ns / 1000;
};

/** Returns the lowest 49 bits of a varint field; -1 when it is missing or malformed. */
function varintField(message: Uint8Array, wanted: number): number {
  let at = 0;
  while (at < message.length) {
    const tag = message[at++];
    // All fields of the services have one-byte tags: this is another message.
    if (tag >= 0x80) return -1;
    if ((tag & 7) === VARINT && tag >>> 3 === wanted) return varintAt(message, at);
    at = skip(message, at, tag & 7);
    if (at < 0) return -1;
  }
  return -1;
}

function varintAt(message: Uint8Array, at: number): number {
  let value = 0;
  let factor = 1;
  for (let i = 0; i < 10 && at < message.length; i++) {
    const byte = message[at++];
    if (i < 7) {
      value += (byte & 0x7f) * factor;
      factor *= 128;
    }
    if (byte < 0x80) return value;
  }
  return -1;
}

function skip(message: Uint8Array, at: number, wireType: number): number {
  if (wireType === FIXED64) return at + 8;
  if (wireType === FIXED32) return at + 4;
  if (wireType === VARINT) {
    while (at < message.length && message[at] >= 0x80) at++;
    return at + 1;
  }
  if (wireType !== BYTES) return -1;
  let length = 0;
  let factor = 1;
  while (at < message.length) {
    const byte = message[at++];
    length += (byte & 0x7f) * factor;
    factor *= 128;
    if (byte < 0x80) return at + length;
  }
  return -1;
}
