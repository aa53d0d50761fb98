/**
 * Cuts arriving bytes into frames. Frames that lie whole in a chunk are handed on in place; a frame that is
 * cut off is gathered in a buffer that grows with what has come, never with what was declared.
 *
 * @module
 */

import { HEADER_BYTES, readU32, VERSION } from "./frames.ts";

/** What a {@link FrameReader} calls. */
export interface FrameHandler {
  /**
   * A whole frame: its header begins at `at`. `owned` says that `b` is not used again, so that parts of it
   * may be kept; else it is only valid during the call.
   */
  onFrame(b: Uint8Array, at: number, typeBytes: number, valueBytes: number, owned: boolean): void;
  /** Whether a value longer than {@link FrameReader.valueLimit} may be gathered all the same. */
  admit(b: Uint8Array, at: number, valueBytes: number): boolean;
  /** A frame that was not admitted: header and type are there, the value will be skipped. */
  onOversize(b: Uint8Array, at: number, typeBytes: number, valueBytes: number): void;
  /** Whether a frame that is cut off may hold `bytes` more; if so, they are counted. */
  holdFrame(bytes: number): boolean;
  /** A frame that was cut off holds them no more. */
  dropFrame(): void;
  /** The bytes can't be frames. */
  onMalformed(message: string): void;
}

// What begins with such a byte: an alert of TLS, an answer of HTTP/1.
const OTHER_PROTOCOLS = new Map([[0x15, "TLS"], [0x48, "HTTP/1"]]);

/** What a reader is doing with the frame that is cut off. */
const Part = { HEADER: 0, FRAME: 1, OVERSIZE: 2 } as const;

// Up to this length a cut-off frame gets its whole buffer at once.
const SMALL_FRAME_BYTES = 4096;
// Beyond, its buffer is at most so many times what has come: a stream of large frames then mostly gets each
// buffer once, and half a frame can't hold much.
const GROWTH = 8;

/** Reassembles frames from chunks that are cut anywhere. */
export class FrameReader {
  /** Values longer than this are taken only when the handler admits them. */
  valueLimit: number;
  /** Set to true to ignore everything from now on. */
  stopped = false;
  /** How many frames were cut off: another number says that another frame is incomplete. */
  cutOff = 0;
  readonly #handler: FrameHandler;
  readonly #typeLimit: number;
  #partial: Uint8Array<ArrayBuffer> | undefined;
  #length = 0;
  #needed = 0;
  #part: number = Part.HEADER;
  #skip = 0;
  // What the handler was asked to count for the frame that is held.
  #counted = 0;

  /** Makes a reader that takes types up to `typeLimit` and, unasked, values up to `valueLimit` bytes. */
  constructor(handler: FrameHandler, typeLimit: number, valueLimit: number) {
    this.#handler = handler;
    this.#typeLimit = typeLimit;
    this.valueLimit = valueLimit;
  }

  /** Whether a frame has begun that is not complete. */
  get midFrame(): boolean {
    return this.#partial !== undefined || this.#skip > 0;
  }

  /** Bytes held of a frame that is cut off. */
  get heldBytes(): number {
    return this.#partial === undefined ? 0 : this.#partial.length;
  }

  /** Takes a chunk; it is not kept. */
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

  /** Forgets everything and ignores what follows. */
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

  // False when there was no room for more of the frame, which is given up then.
  #append(chunk: Uint8Array, at: number, count: number): boolean {
    const length = this.#length + count;
    const old = this.#partial;
    if (old === undefined || length > old.length) {
      const size = this.#needed <= SMALL_FRAME_BYTES
        ? this.#needed
        : Math.min(this.#needed, Math.max(SMALL_FRAME_BYTES, length * GROWTH));
      if (size > SMALL_FRAME_BYTES) {
        if (!this.#handler.holdFrame(size - this.#counted)) {
          this.#giveUp(chunk, at, count);
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

  // The rest is skipped, as of a frame that was not admitted. Header and type are there, or the owner ends it all.
  #giveUp(chunk: Uint8Array, at: number, count: number): void {
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
      this.#handler.onMalformed("Cannot take a frame: the memory for messages is used up");
    } else this.#handler.onOversize(begin, 0, typeBytes, readU32(begin, 12));
  }

  // Completes the frame that is held; returns where the rest of the chunk begins.
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
    const hint = other === undefined ? "" : `; the peer seems to speak ${other}`;
    this.#handler.onMalformed(
      `Cannot read a frame of version ${version}: only ${VERSION} is spoken${hint}`,
    );
  }

  #badType(typeBytes: number): void {
    this.stop();
    this.#handler.onMalformed(
      `Cannot take a route of ${typeBytes} bytes: limit is ${this.#typeLimit}`,
    );
  }
}
