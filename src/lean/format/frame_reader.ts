/**
 * Cuts received bytes into frames. A frame that lies within one chunk is passed on in place; one that spans chunks is
 * gathered in a buffer that grows with the received bytes, never with the declared length.
 *
 * @module
 */

import { HEADER_BYTES, readU32, VERSION } from "./frames.ts";

/** Receives the frames of a {@link FrameReader}. */
export interface FrameHandler {
  /**
   * Handles a complete frame, whose header begins at `at`. `owned`: the handler may keep parts of `b`; otherwise `b` is
   * valid only during the call.
   */
  onFrame(b: Uint8Array, at: number, typeBytes: number, valueBytes: number, owned: boolean): void;
  /** Whether a value longer than {@link FrameReader.valueLimit} is accepted. */
  admit(b: Uint8Array, at: number, valueBytes: number): boolean;
  /** Handles a frame that was not admitted: `b` holds its header and type; its value is skipped. */
  onOversize(b: Uint8Array, at: number, typeBytes: number, valueBytes: number): void;
  /** Reserves `bytes` more for the incomplete frame; false when there is no room for them. */
  holdFrame(bytes: number): boolean;
  /** Releases everything reserved for the incomplete frame. */
  dropFrame(): void;
  /** Called when the input is not valid frames; all further input is ignored. */
  onMalformed(message: string): void;
}

// Protocols recognised by the first byte: a TLS alert, an HTTP/1 response.
const OTHER_PROTOCOLS = new Map([[0x15, "TLS"], [0x48, "HTTP/1"]]);

/** Which part of an incomplete frame is being gathered. */
const Part = { HEADER: 0, FRAME: 1, OVERSIZE: 2 } as const;

// Longest frame that gets its whole buffer as soon as its header has arrived, in bytes.
const SMALL_FRAME_BYTES = 4096;
// The buffer of a longer incomplete frame is at most this multiple of its received bytes: most large frames then need
// one buffer, and incomplete frames of an attacker take little memory.
const GROWTH = 8;

/** Reassembles frames from chunks. */
export class FrameReader {
  /** Longest value accepted without asking {@link FrameHandler.admit}, in bytes. */
  valueLimit: number;
  /** Whether all further input is ignored. */
  stopped = false;
  /** Count of frames that spanned chunks; it changes when another frame becomes the incomplete one. */
  cutOff = 0;
  readonly #handler: FrameHandler;
  readonly #typeLimit: number;
  #partial: Uint8Array<ArrayBuffer> | undefined;
  #length = 0;
  #needed = 0;
  #part: number = Part.HEADER;
  #skip = 0;
  // Bytes reserved for the incomplete frame.
  #counted = 0;

  /**
   * Creates a reader that accepts types up to `typeLimit` bytes and, without asking `admit`, values up to `valueLimit`
   * bytes.
   */
  constructor(handler: FrameHandler, typeLimit: number, valueLimit: number) {
    this.#handler = handler;
    this.#typeLimit = typeLimit;
    this.valueLimit = valueLimit;
  }

  /** Whether a frame is incomplete. */
  get midFrame(): boolean {
    return this.#partial !== undefined || this.#skip > 0;
  }

  /** Bytes held for the incomplete frame. */
  get heldBytes(): number {
    return this.#partial === undefined ? 0 : this.#partial.length;
  }

  /** Reads a chunk, which is not kept. */
  receive(chunk: Uint8Array): void {
    let at = this.#partial === undefined ? 0 : this.#fill(chunk, 0);
    const end = chunk.length;
    while (at < end && !this.stopped) {
      if (this.#skip > 0) {
        const n = Math.min(this.#skip, end - at);
        this.#skip -= n;
        at += n;
        continue;
      }
      if (chunk[at] !== VERSION) return this.#badVersion(chunk[at]);
      if (end - at < HEADER_BYTES) return this.#hold(chunk, at, HEADER_BYTES, Part.HEADER);
      const typeBytes = (chunk[at + 10] << 8) | chunk[at + 11];
      const valueBytes = readU32(chunk, at + 12);
      if (typeBytes > this.#typeLimit) return this.#badType(typeBytes);
      if (valueBytes > this.valueLimit && !this.#handler.admit(chunk, at, valueBytes)) {
        if (this.stopped) return;
        const needed = HEADER_BYTES + typeBytes;
        if (end - at < needed) return this.#hold(chunk, at, needed, Part.OVERSIZE);
        this.#skip = valueBytes;
        this.cutOff++;
        this.#handler.onOversize(chunk, at, typeBytes, valueBytes);
        at += needed;
        continue;
      }
      const total = HEADER_BYTES + typeBytes + valueBytes;
      if (end - at < total) return this.#hold(chunk, at, total, Part.FRAME);
      const frame = at;
      at += total;
      this.#handler.onFrame(chunk, frame, typeBytes, valueBytes, false);
    }
  }

  /** Drops the incomplete frame and ignores further input. */
  stop(): void {
    this.stopped = true;
    this.#drop();
  }

  #hold(chunk: Uint8Array, at: number, needed: number, part: number): void {
    this.cutOff++;
    this.#part = part;
    this.#needed = needed;
    this.#length = 0;
    this.#append(chunk, at, chunk.length - at);
  }

  #drop(): void {
    this.#partial = undefined;
    if (this.#counted > 0) this.#handler.dropFrame();
    this.#counted = 0;
  }

  // Appends bytes to the incomplete frame; when the handler has no room for them, skips the frame and returns false.
  #append(chunk: Uint8Array, at: number, count: number): boolean {
    const length = this.#length + count;
    const old = this.#partial;
    if (old === undefined || length > old.length) {
      const size = this.#needed <= SMALL_FRAME_BYTES
        ? this.#needed
        : Math.min(this.#needed, Math.max(SMALL_FRAME_BYTES, length * GROWTH));
      if (size > SMALL_FRAME_BYTES) {
        if (!this.#handler.holdFrame(size - this.#counted)) {
          this.#skipRest(chunk, at, count);
          return false;
        }
        this.#counted = size;
      }
      const grown = new Uint8Array(size);
      if (old !== undefined) grown.set(old.subarray(0, this.#length));
      this.#partial = grown;
    }
    this.#partial!.set(chunk.subarray(at, at + count), this.#length);
    this.#length = length;
    return true;
  }

  // Skips the rest of a frame for which there is no memory; stops the reader if the frame's header or type is
  // incomplete.
  #skipRest(chunk: Uint8Array, at: number, count: number): void {
    const known = this.#length;
    const begin = new Uint8Array(Math.min(known + count, HEADER_BYTES + this.#typeLimit));
    if (this.#partial !== undefined) {
      begin.set(this.#partial.subarray(0, Math.min(known, begin.length)));
    }
    if (known < begin.length) begin.set(chunk.subarray(at, at + begin.length - known), known);
    const typeBytes = (begin[10] << 8) | begin[11];
    this.#skip = this.#needed - known - count;
    this.#drop();
    if (begin.length < HEADER_BYTES + typeBytes) {
      this.stop();
      this.#handler.onMalformed("Cannot accept a frame: the memory for messages is used up");
    } else this.#handler.onOversize(begin, 0, typeBytes, readU32(begin, 12));
  }

  // Continues the incomplete frame; returns where the rest of the chunk begins.
  #fill(chunk: Uint8Array, from: number): number {
    let at = from;
    while (!this.stopped) {
      const count = Math.min(this.#needed - this.#length, chunk.length - at);
      const held = this.#append(chunk, at, count);
      at += count;
      if (!held) return at;
      if (this.#length < this.#needed) return at;
      const b = this.#partial!;
      const typeBytes = (b[10] << 8) | b[11];
      const valueBytes = readU32(b, 12);
      if (this.#part === Part.HEADER) {
        if (typeBytes > this.#typeLimit) {
          this.#badType(typeBytes);
          return at;
        }
        const over = valueBytes > this.valueLimit && !this.#handler.admit(b, 0, valueBytes);
        if (this.stopped) return at;
        this.#part = over ? Part.OVERSIZE : Part.FRAME;
        this.#needed = HEADER_BYTES + typeBytes + (over ? 0 : valueBytes);
        if (this.#length < this.#needed) continue;
      }
      this.#drop();
      if (this.#part === Part.OVERSIZE) {
        this.#skip = valueBytes;
        this.#handler.onOversize(b, 0, typeBytes, valueBytes);
      } else {
        this.#handler.onFrame(b, 0, typeBytes, valueBytes, true);
      }
      return at;
    }
    return at;
  }

  #badVersion(version: number): void {
    this.stop();
    const other = OTHER_PROTOCOLS.get(version);
    const hint = other === undefined ? "" : `; the peer seems to use ${other}`;
    this.#handler.onMalformed(
      `Cannot read a frame of version ${version}: only version ${VERSION} is supported${hint}`,
    );
  }

  #badType(typeBytes: number): void {
    this.stop();
    this.#handler.onMalformed(
      `Cannot accept a route of ${typeBytes} bytes: limit is ${this.#typeLimit}`,
    );
  }
}
