/**
 * The halves of a call that both sides share after the hello: sending under the peer's credit, and
 * receiving under this side's.
 *
 * @module
 */

import { copyMessage, SLAB_MESSAGE_BYTES } from "../bytes/message_slab.ts";
import { releaseMessage } from "../bytes/pool.ts";
import { Assembly } from "./format/message_assembly.ts";
import type { LeanConnection } from "./connection.ts";
import { COMPRESSED, END, ERROR, FIELDS, MORE } from "./format/frames.ts";
import { State } from "./format/state.ts";

/** A frame, or a message to be cut into frames, that waits to be sent. */
interface Outgoing {
  /** Flags of the last frame; MORE replaces END in those before. */
  flags: number;
  /** A message, or the value of a frame that needs no credit. */
  readonly bytes: Uint8Array;
  /** Goes in front, uncounted, with the first frame. */
  fields: Uint8Array | undefined;
  offset: number;
  /** Whether the bytes are counted against the peer's credit. */
  readonly counted: boolean;
}

// A piece is sent when it completes the message or has this many bytes at least: never one byte at a time.
// At most half of the least window, so that two sides can't wait for each other.
export const LEAST_PIECE_BYTES = 512;

/** What a queued message counts on top of its bytes: small ones take more than they carry. */
export const QUEUED_OVERHEAD_BYTES = 256;

/**
 * State of one call on the wire. Hot: one is made per call, so its fields are few, plain, and set in the
 * constructor.
 */
export abstract class LeanCall {
  /** The call's id; 0 until it is on the wire. */
  id: number;
  /** What the peer may still send: one of {@link State}. */
  state: number;
  /** Bytes that may be sent before more credit comes. */
  sendWindow: number;
  /** Bytes in `queue`, not yet framed, and what each entry counts on top. */
  queuedBytes: number;
  /** Whether nothing more can come from the peer, so that credit would say nothing. */
  quiet: boolean;
  /** Server: when a timer first saw the complete reply wait for credit; 0 for not yet. */
  stalledMs: number;
  protected readonly connection: LeanConnection;
  /** Whether the reader wants no more for now. */
  paused: boolean;
  private queue: Outgoing[] | undefined;
  /** Bytes taken for which no credit was returned. */
  private unreturned: number;
  private assembly: Assembly | undefined;

  constructor(connection: LeanConnection, id: number) {
    this.id = id;
    this.state = State.OPEN;
    this.sendWindow = connection.peer.callWindowBytes;
    this.queuedBytes = 0;
    this.quiet = false;
    this.stalledMs = 0;
    this.connection = connection;
    this.paused = false;
    this.queue = undefined;
    this.unreturned = 0;
    this.assembly = undefined;
  }

  /** The largest message taken. */
  abstract readonly maxMessageBytes: number;
  /** A whole message has come. */
  abstract deliver(message: Uint8Array, compressed: boolean): void;
  /** More may be sent. */
  abstract becameWritable(): void;
  /** The last frame of this side has been written. */
  abstract lastFrameWritten(): void;

  /** Whether more messages should be sent now; asking while not so makes `becameWritable` be called. */
  get writable(): boolean {
    if (this.hasRoom) return true;
    this.connection.waits.forRoom(this);
    return false;
  }

  /** Whether the send buffers have room. */
  get hasRoom(): boolean {
    const { options, queuedBytes } = this.connection;
    return this.queuedBytes < options.sendBufferBytes && queuedBytes < options.maxSendBufferBytes;
  }

  /** Whether a message can be framed whole at once. */
  protected fits(bytes: number): boolean {
    const c = this.connection;
    return this.queue === undefined && bytes <= this.sendWindow && bytes <= c.fragmentBytes &&
      c.out.length < c.options.maxOutputBytes;
  }

  /** Whether something waits to be framed and nothing will come behind it. */
  get lastIsQueued(): boolean {
    return this.queue !== undefined &&
      (this.queue[this.queue.length - 1].flags & (END | ERROR)) !== 0;
  }

  /** Frames a message now, or queues it. */
  protected send(flags: number, message: Uint8Array, fields?: Uint8Array): void {
    if (this.fits(message.length)) {
      this.sendWindow -= message.length;
      this.connection.writeFrame(flags, this.id, fields, message, 0, message.length);
      releaseMessage(message);
      if ((flags & END) !== 0) this.lastFrameWritten();
      this.connection.produced();
    } else {
      this.enqueue({ flags, bytes: message, fields, offset: 0, counted: true });
    }
  }

  /** Frames a value that needs no credit, behind what waits. It is the last of this side. */
  protected sendLast(flags: number, value: Uint8Array, fields?: Uint8Array): void {
    if (this.queue === undefined) {
      this.connection.writeFrame(flags, this.id, fields, value, 0, value.length);
      this.lastFrameWritten();
      this.connection.produced();
    } else {
      this.enqueue({ flags, bytes: value, fields, offset: 0, counted: false });
    }
  }

  private enqueue(entry: Outgoing): void {
    if (this.queue === undefined) this.queue = [entry];
    else this.queue.push(entry);
    const counts = entry.bytes.length + QUEUED_OVERHEAD_BYTES;
    this.queuedBytes += counts;
    this.connection.countQueued(counts);
    this.pump();
    this.connection.produced();
  }

  /** Frames what credit and the output buffer allow. */
  pump(): void {
    const c = this.connection;
    const queue = this.queue;
    if (queue === undefined) return;
    while (queue.length > 0) {
      const entry = queue[0];
      const rest = entry.bytes.length - entry.offset;
      if (c.out.length >= c.options.maxOutputBytes) return c.waits.forOutput(this);
      if (!entry.counted) {
        c.writeFrame(entry.flags, this.id, entry.fields, entry.bytes, 0, rest);
        this.advance(entry, rest);
        continue;
      }
      const piece = Math.min(rest, this.sendWindow, c.fragmentBytes);
      if (piece < rest && piece < LEAST_PIECE_BYTES) return c.waitForCredit(this);
      const flags = piece < rest ? (entry.flags & ~END) | MORE : entry.flags;
      c.writeFrame(flags, this.id, entry.fields, entry.bytes, entry.offset, piece);
      entry.fields = undefined;
      entry.flags &= ~FIELDS;
      this.sendWindow -= piece;
      this.stalledMs = 0;
      this.advance(entry, piece);
    }
  }

  private advance(entry: Outgoing, bytes: number): void {
    entry.offset += bytes;
    const done = entry.offset === entry.bytes.length;
    const counted = done ? bytes + QUEUED_OVERHEAD_BYTES : bytes;
    this.queuedBytes -= counted;
    this.connection.countQueued(-counted);
    if (!done) return;
    releaseMessage(entry.bytes);
    const queue = this.queue!;
    queue.shift();
    if (queue.length > 0) return;
    this.queue = undefined;
    if (entry.flags & (END | ERROR)) this.lastFrameWritten();
  }

  /** Whether bytes that came too late were within the credit that the peer had. */
  takeLate(bytes: number): boolean {
    this.unreturned += bytes;
    return this.unreturned <= this.connection.windowBytes;
  }

  /** Forgets what waits in either direction. */
  protected dropBuffers(): void {
    if (!this.quiet) this.connection.expectLate(this.unreturned);
    this.quiet = true;
    const queued = this.queuedBytes;
    if (queued > 0) this.connection.countQueued(-queued);
    this.queuedBytes = 0;
    if (this.queue !== undefined) {
      this.queue.length = 0;
      this.queue = undefined;
    }
    this.dropPieces();
    const { waits } = this.connection;
    waits.forget(this);
    // Others may have waited only because all together had too much queued; neither credit nor output tells them.
    if (queued > 0) waits.notifyWritable();
  }

  private dropPieces(): void {
    if (this.assembly === undefined) return;
    this.connection.dropPieces(this.assembly.bytes);
    this.assembly = undefined;
  }

  /** Credit came. False when it goes past 2³¹−1. */
  credit(bytes: number): boolean {
    this.sendWindow += bytes;
    if (this.sendWindow > 0x7fffffff) return false;
    this.pump();
    return true;
  }

  /** Whether the peer is in the middle of a message. */
  get midMessage(): boolean {
    return this.assembly !== undefined;
  }

  /**
   * Takes a message or a piece of one. Returns undefined, or what is wrong: `flow` when the peer had no
   * credit for it, `large` when the message is above the limit, `full` when there is no memory for it, `mixed`
   * when its pieces disagree.
   */
  take(
    b: Uint8Array,
    at: number,
    bytes: number,
    flags: number,
    owned: boolean,
  ): "flow" | "large" | "full" | "mixed" | undefined {
    this.unreturned += bytes;
    if (this.unreturned > this.connection.windowBytes) return "flow";
    if (this.assembly !== undefined || (flags & MORE) !== 0) {
      return this.takePiece(b, at, bytes, flags, owned);
    }
    if (bytes > this.maxMessageBytes) return "large";
    // Small messages are copied, so that they do not keep a large buffer alive.
    const keep = owned && bytes > SLAB_MESSAGE_BYTES;
    const message = keep ? b.subarray(at, at + bytes) : copyMessage(b, at, at + bytes);
    this.deliver(message, (flags & COMPRESSED) !== 0);
    return undefined;
  }

  private takePiece(
    b: Uint8Array,
    at: number,
    bytes: number,
    flags: number,
    owned: boolean,
  ): "large" | "full" | "mixed" | undefined {
    const compressed = (flags & COMPRESSED) !== 0;
    const assembly = this.assembly ??= new Assembly(compressed);
    if (assembly.compressed !== compressed) return "mixed";
    if (assembly.bytes + bytes > this.maxMessageBytes) return "large";
    if (!this.connection.holdPiece(bytes)) return "full";
    assembly.append(b, at, bytes, owned);
    if ((flags & MORE) !== 0) return undefined;
    const message = assembly.join();
    this.dropPieces();
    this.deliver(message, compressed);
    return undefined;
  }

  /**
   * Returns credit for what has been taken once it is half the window, unless the reader is paused or
   * nothing more can come. An unfinished message counts as taken: it could never be finished otherwise.
   */
  returnCredit(): void {
    const bytes = this.unreturned;
    if (this.paused || this.quiet) return;
    if (bytes < this.connection.options.callWindowBytes >>> 1) return;
    this.unreturned = 0;
    this.connection.writeCredit(this.id, bytes);
  }

  /** Stops or restarts returning credit. */
  setReadPaused(paused: boolean): void {
    if (this.paused === paused) return;
    this.paused = paused;
    if (!paused) {
      this.returnCredit();
      this.connection.produced();
    }
  }
}
