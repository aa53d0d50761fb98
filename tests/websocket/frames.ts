/** Frames of a client, for tests. */

/** One masked frame; `length` states another length than that of the payload, in `lengthBytes`. */
export function clientFrame(
  opcode: number,
  payload: Uint8Array | string = new Uint8Array(),
  { final = true, reserved = 0, masked = true, lengthBytes = undefined as 0 | 2 | 8 | undefined } =
    {},
): Uint8Array {
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  const { length } = bytes;
  const form = lengthBytes ?? (length < 126 ? 0 : length < 65536 ? 2 : 8);
  const head = [(final ? 0x80 : 0) | reserved | opcode];
  const mask = [0x37, 0xfa, 0x21, 0x3d];
  head.push((masked ? 0x80 : 0) | (form === 0 ? length : form === 2 ? 126 : 127));
  for (let i = form - 1; i >= 0; i--) head.push(Math.floor(length / 256 ** i) & 255);
  if (masked) head.push(...mask);
  return Uint8Array.from([
    ...head,
    ...bytes.map((octet, i) => masked ? octet ^ mask[i & 3] : octet),
  ]);
}

/** Joins byte arrays. */
export const joined = (...parts: Uint8Array[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));

/** Frames of a server, cut out of its output. */
export function serverFrames(bytes: Uint8Array): { opcode: number; payload: Uint8Array }[] {
  const frames = [];
  for (let at = 0; at < bytes.length;) {
    const opcode = bytes[at] & 15;
    let length = bytes[at + 1];
    at += 2;
    const lengthBytes = length === 126 ? 2 : length === 127 ? 8 : 0;
    if (lengthBytes > 0) {
      length = 0;
      for (let i = 0; i < lengthBytes; i++) length = length * 256 + bytes[at++];
    }
    frames.push({ opcode, payload: bytes.slice(at, at + length) });
    at += length;
  }
  return frames;
}
