/**
 * Gathers header blocks from HEADERS and CONTINUATION frames (RFC 9113 §4.3, §6.2 and §6.10).
 *
 * @module
 */

import { ByteWriter } from "../bytes/writer.ts";
import { ProtocolError } from "../errors.ts";
import { ErrorCode, Flag } from "./constants.ts";

/** Handles complete header blocks. */
export interface BlockOwner {
  /**
   * Called with a complete header block, `start` to `end` of `buffer`, which is only valid during the call.
   * `selfDependent`: the block's priority makes the stream depend on itself.
   */
  onBlock(
    streamId: number,
    endStream: boolean,
    selfDependent: boolean,
    buffer: Uint8Array,
    start: number,
    end: number,
  ): void;
}

/** Gathers the fragments of a header block. Methods throw ProtocolError for connection errors. */
export class HeaderBlocks {
  /** Identifier of the stream whose header block is incomplete; 0 when there is none. */
  openStream = 0;
  #endStream = false;
  #selfDependent = false;
  #continuations = 0;
  #block: ByteWriter | null = null;

  /** `maxContinuationFrames`: limit on the CONTINUATION frames of one header block, empty frames included. */
  constructor(readonly owner: BlockOwner, readonly maxContinuationFrames: number) {}

  /** Size of the incomplete header block in bytes. */
  get bufferedBytes(): number {
    return this.#block === null ? 0 : this.#block.length;
  }

  /** Handles a HEADERS frame. */
  onHeaders(flags: number, id: number, buffer: Uint8Array, start: number, end: number): void {
    if (id === 0) throw violation("Received HEADERS on stream 0");
    let selfDependent = false;
    if (flags & Flag.PADDED) {
      const padding = start < end ? buffer[start++] : 256;
      if (padding > end - start) throw violation("Padding is not shorter than its frame");
      end -= padding;
    }
    if (flags & Flag.PRIORITY) {
      if (end - start < 5) {
        throw new ProtocolError(
          "connection",
          ErrorCode.FRAME_SIZE_ERROR,
          "Received HEADERS too short for its priority",
        );
      }
      const dependency = (buffer[start] & 0x7f) << 24 | buffer[start + 1] << 16 |
        buffer[start + 2] << 8 | buffer[start + 3];
      selfDependent = dependency === id;
      start += 5;
    }
    const endStream = (flags & Flag.END_STREAM) !== 0;
    if (flags & Flag.END_HEADERS) {
      return this.owner.onBlock(id, endStream, selfDependent, buffer, start, end);
    }
    this.openStream = id;
    this.#endStream = endStream;
    this.#selfDependent = selfDependent;
    this.#continuations = 0;
    this.#block = new ByteWriter();
    this.#block.bytes(buffer.subarray(start, end));
  }

  /** Handles a CONTINUATION frame of the open stream. */
  onContinuation(flags: number, id: number, buffer: Uint8Array, start: number, end: number): void {
    const block = this.#block;
    if (block === null) throw violation("Received CONTINUATION without HEADERS");
    if (++this.#continuations > this.maxContinuationFrames) {
      throw new ProtocolError(
        "connection",
        ErrorCode.ENHANCE_YOUR_CALM,
        `Received too many CONTINUATION frames: the limit is ${this.maxContinuationFrames} per header block`,
      );
    }
    block.bytes(buffer.subarray(start, end));
    if (!(flags & Flag.END_HEADERS)) return;
    this.openStream = 0;
    this.#block = null;
    this.owner.onBlock(id, this.#endStream, this.#selfDependent, block.buffer, 0, block.length);
    block.clear();
  }

  /** Drops an incomplete block. */
  clear(): void {
    this.#block?.clear();
    this.#block = null;
  }
}

function violation(message: string): ProtocolError {
  return new ProtocolError("connection", ErrorCode.PROTOCOL_ERROR, message);
}
