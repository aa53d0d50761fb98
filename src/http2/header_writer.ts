/**
 * Header blocks as they are sent, in HEADERS and CONTINUATION frames (RFC 9113 §4.3).
 *
 * @module
 */

import type { ByteWriter } from "../bytes/writer.ts";
import { HpackEncoder } from "../hpack/encoder.ts";
import { Flag, FRAME_HEADER_BYTES, FrameType } from "./constants.ts";
import { putFrameHeader } from "./frame_writer.ts";

/** Writes header blocks straight into the output; owns the encoder's table. */
export class HeaderWriter {
  /** Encodes header fields. Use it only between `begin` and `end`. */
  readonly encoder = new HpackEncoder();
  readonly #out: ByteWriter;

  /** `out` is the connection's output. */
  constructor(out: ByteWriter) {
    this.#out = out;
  }

  /** Starts a HEADERS frame, to which `encoder` then adds fields. Returns the offset of the frame in the output. */
  begin(): number {
    const out = this.#out;
    out.reserve(FRAME_HEADER_BYTES);
    const at = out.length;
    out.length = at + FRAME_HEADER_BYTES;
    this.encoder.begin(out);
    return at;
  }

  /** Completes the frame at offset `at`; a block above `maxFrameBytes` continues in CONTINUATION frames. */
  end(id: number, at: number, endStream: boolean, maxFrameBytes: number): void {
    const { buffer, length } = this.#out;
    const bytes = length - at - FRAME_HEADER_BYTES;
    const flags = endStream ? Flag.END_STREAM : 0;
    if (bytes > maxFrameBytes) return this.#split(id, at, flags, maxFrameBytes);
    putFrameHeader(buffer, at, bytes, FrameType.HEADERS, flags | Flag.END_HEADERS, id);
  }

  #split(id: number, at: number, endStream: number, maxFrameBytes: number): void {
    const out = this.#out;
    const block = out.buffer.slice(at + FRAME_HEADER_BYTES, out.length);
    out.length = at;
    for (let from = 0; from < block.length; from += maxFrameBytes) {
      const part = Math.min(maxFrameBytes, block.length - from);
      const type = from === 0 ? FrameType.HEADERS : FrameType.CONTINUATION;
      const flags = (from === 0 ? endStream : 0) |
        (from + part === block.length ? Flag.END_HEADERS : 0);
      out.reserve(FRAME_HEADER_BYTES + part);
      putFrameHeader(out.buffer, out.length, part, type, flags, id);
      out.length += FRAME_HEADER_BYTES;
      out.bytes(block.subarray(from, from + part));
    }
  }
}
