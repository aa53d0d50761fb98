/**
 * Messages on standard input and output, each after its length in 4 bytes, big-endian.
 *
 * @module
 */

/** Reads messages until the input ends. */
export async function* readFrames(input: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held = new Uint8Array();
  for await (const chunk of input) {
    const joined = new Uint8Array(held.length + chunk.length);
    joined.set(held);
    joined.set(chunk, held.length);
    held = joined;
    while (held.length >= 4) {
      const end = 4 + new DataView(held.buffer, held.byteOffset).getUint32(0);
      if (held.length < end) break;
      yield held.slice(4, end);
      held = held.slice(end);
    }
  }
}

/** Writes one message to standard output in one piece, so that concurrent messages do not interleave. */
export function writeFrame(message: Uint8Array): void {
  const frame = new Uint8Array(4 + message.length);
  new DataView(frame.buffer).setUint32(0, message.length);
  frame.set(message, 4);
  for (let offset = 0; offset < frame.length;) {
    offset += Deno.stdout.writeSync(frame.subarray(offset));
  }
}
