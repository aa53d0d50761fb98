/**
 * State of a call after the hello, common to client and server: sends messages within the peer's credit, and receives
 * messages within the credit granted to the peer.
 *
 * @module
 */

import { copyMessage } from "../bytes/message_slab.ts";
import { releaseMessage } from "../bytes/pool.ts";
import type { FrameOutput } from "./frame_output.ts";
import { COMPRESSED, END, ERROR, FIELDS, MORE } from "./format/frames.ts";
import { Assembly } from "./format/message_assembly.ts";
import type { LeanOptions } from "./options.ts";
import type { ReceiveAccount } from "./receive_account.ts";
import type { SendAccount } from "./send_account.ts";
import type { BlockedCall } from "./send_queueing.ts";

/** Queued frame, or queued message that is still to be split into frames. */
interface Outgoing {
  /** Flags of the last frame; MORE replaces END in those before. */
  flags: number;
  /** Message bytes, or the value of a frame that needs no credit. */
  readonly bytes: Uint8Array;
  /** Length of `bytes` when they were queued: the application may have detached or resized their buffer since. */
  readonly length: number;
  /** Field block of the first frame, which needs no credit. */
  fields: Uint8Array | undefined;
  offset: number;
  /** Whether the bytes consume the peer's credit: true for messages. */
  readonly counted: boolean;
}

/**
 * Minimum length of a piece that does not complete its message, in bytes. Receivers return credit at half of their
 * window, so this is at most half of the smallest window (1,024): otherwise both sides could wait for each other.
 */
export const LEAST_PIECE_BYTES = 512;

/** Largest message that is copied out of a buffer that it could keep, in bytes. */
const SMALL_MESSAGE_BYTES = 1_024;

/**
 * Bytes counted for a queued message on top of its length, because the queue entry of a small message is larger than
 * the message.
 */
export const QUEUED_OVERHEAD_BYTES = 256;

const MAX_CREDIT_BYTES = 0x7fffffff;

/** Why a received message can't be accepted. */
export type MessageProblem =
  /** Message exceeds the credit granted to the peer. */
  | "flow"
  /** Message larger than the call's `maxMessageBytes`. */
  | "large"
  /** Memory for received messages is used up. */
  | "full"
  /** The flag COMPRESSED differs between the pieces of the message. */
  | "mixed";

/** Connection interface used by a call. */
export interface CallOwner {
  readonly options: Readonly<LeanOptions>;
  readonly output: FrameOutput;
  readonly sending: SendAccount;
  readonly receiving: ReceiveAccount;
  /** Called when the call cannot continue without credit. */
  waitForCredit(call: BlockedCall): void;
}

/** State of one call on the wire. Each call allocates one, so its fields are few, plain, and set in the constructor. */
export abstract class LeanCall<Owner extends CallOwner = CallOwner> implements BlockedCall {
  /** The call's id; 0 until it is on the wire. */
  id: number;
  /** What the peer may still send: a `RequestState` on a server, a `ReplyState` on a client. */
  state: number;
  /** Bytes that may be sent without further credit. */
  sendWindow: number;
  /** Bytes in the queue, not yet framed, with {@link QUEUED_OVERHEAD_BYTES} for each entry. */
  queuedBytes: number;
  /** Whether the peer has ended its stream or the call has ended, so that no more credit is returned. */
  receiveClosed: boolean;
  /** On a server, when a check first found the complete reply waiting for credit, in ms; 0 if none has. */
  stalledMs: number;
  /** Whether the reader is paused. */
  paused: boolean;
  readonly owner: Owner;
  private queue: Outgoing[] | undefined;
  /** Received bytes for which no credit was returned. */
  private unreturned: number;
  private assembly: Assembly | undefined;

  constructor(owner: Owner, id: number, state: number) {
    this.id = id;
    this.state = state;
    this.sendWindow = owner.sending.peerWindowBytes;
    this.queuedBytes = 0;
    this.receiveClosed = false;
    this.stalledMs = 0;
    this.owner = owner;
    this.paused = false;
    this.queue = undefined;
    this.unreturned = 0;
    this.assembly = undefined;
  }

  /** Largest message accepted, in bytes. */
  abstract readonly maxMessageBytes: number;
  /** Passes a complete received message to the call's sink. */
  abstract deliver(message: Uint8Array, compressed: boolean): void;
  /** Notifies the call's sink that more messages may be sent. */
  abstract becameWritable(): void;
  /** Called when the last frame of this side has been written. */
  abstract lastFrameWritten(): void;
  /** Ends the call, because the application has detached the buffer of a queued message. */
  abstract messageLost(): void;

  /** Whether more messages should be sent now; when false, `becameWritable` is called once that changes. */
  get writable(): boolean {
    if (this.hasRoom) return true;
    this.owner.sending.blocked.forRoom(this);
    return false;
  }

  /** Whether the send buffers of the call and of its connection have room. */
  get hasRoom(): boolean {
    const { options, sending } = this.owner;
    return this.queuedBytes < options.sendBufferBytes &&
      sending.queuedBytes < options.maxSendBufferBytes;
  }

  /** Whether a message of `bytes` can be framed whole at once. */
  fits(bytes: number): boolean {
    const { sending, output, options } = this.owner;
    return this.queue === undefined && bytes <= this.sendWindow &&
      bytes <= sending.fragmentBytes && output.out.length < options.maxOutputBytes;
  }

  /** Whether the last frame of this side's stream is still queued. */
  get lastIsQueued(): boolean {
    return this.queue !== undefined &&
      (this.queue[this.queue.length - 1].flags & (END | ERROR)) !== 0;
  }

  /** Writes a message as one frame if it fits, otherwise queues it. */
  send(flags: number, message: Uint8Array, fields?: Uint8Array): void {
    if (this.fits(message.length)) {
      const { output } = this.owner;
      this.sendWindow -= message.length;
      output.writeFrame(flags, this.id, fields, message, 0, message.length);
      releaseMessage(message);
      if ((flags & END) !== 0) this.lastFrameWritten();
      output.produced();
    } else {
      this.enqueue(flags, message, fields, true);
    }
  }

  /** Sends the last frame of this side, which consumes no credit, after all queued messages. */
  sendLast(flags: number, value: Uint8Array, fields?: Uint8Array): void {
    if (this.queue === undefined) {
      const { output } = this.owner;
      output.writeFrame(flags, this.id, fields, value, 0, value.length);
      this.lastFrameWritten();
      output.produced();
    } else {
      this.enqueue(flags, value, fields, false);
    }
  }

  private enqueue(
    flags: number,
    bytes: Uint8Array,
    fields: Uint8Array | undefined,
    counted: boolean,
  ): void {
    const { length } = bytes;
    const entry = { flags, bytes, length, fields, offset: 0, counted };
    if (this.queue === undefined) this.queue = [entry];
    else this.queue.push(entry);
    const counts = length + QUEUED_OVERHEAD_BYTES;
    this.queuedBytes += counts;
    this.owner.sending.enqueued(counts);
    this.pump();
    this.owner.output.produced();
  }

  /** Writes queued messages as frames, as far as credit and room in the output allow. */
  pump(): void {
    const queue = this.queue;
    if (queue === undefined) return;
    const { output, sending, options } = this.owner;
    while (queue.length > 0) {
      const entry = queue[0];
      if (entry.bytes.length !== entry.length) return this.messageLost();
      const rest = entry.length - entry.offset;
      if (output.out.length >= options.maxOutputBytes) return sending.blocked.forOutput(this);
      if (!entry.counted) {
        output.writeFrame(entry.flags, this.id, entry.fields, entry.bytes, 0, rest);
        this.advance(entry, rest);
        continue;
      }
      const piece = Math.min(rest, this.sendWindow, sending.fragmentBytes);
      if (piece < rest && piece < LEAST_PIECE_BYTES) return this.owner.waitForCredit(this);
      const flags = piece < rest ? (entry.flags & ~END) | MORE : entry.flags;
      output.writeFrame(flags, this.id, entry.fields, entry.bytes, entry.offset, piece);
      entry.fields = undefined;
      entry.flags &= ~FIELDS;
      this.sendWindow -= piece;
      this.stalledMs = 0;
      this.advance(entry, piece);
    }
  }

  private advance(entry: Outgoing, bytes: number): void {
    entry.offset += bytes;
    const done = entry.offset === entry.length;
    const counted = done ? bytes + QUEUED_OVERHEAD_BYTES : bytes;
    this.queuedBytes -= counted;
    this.owner.sending.dequeued(counted);
    if (!done) return;
    releaseMessage(entry.bytes);
    const queue = this.queue!;
    queue.shift();
    if (queue.length > 0) return;
    this.queue = undefined;
    if (entry.flags & (END | ERROR)) this.lastFrameWritten();
  }

  /** Whether bytes received after the call's end were covered by credit; consumes that credit. */
  acceptLate(bytes: number): boolean {
    this.unreturned += bytes;
    return this.unreturned <= this.owner.receiving.windowBytes;
  }

  /** Drops queued messages and the pieces of an unfinished received message. */
  dropBuffers(): void {
    const { sending, receiving } = this.owner;
    if (!this.receiveClosed) receiving.expectLate(this.unreturned);
    this.receiveClosed = true;
    const queued = this.queuedBytes;
    if (queued > 0) sending.dequeued(queued);
    this.queuedBytes = 0;
    if (this.queue !== undefined) {
      this.queue.length = 0;
      this.queue = undefined;
    }
    this.dropPieces();
    sending.blocked.forget(this);
    // Calls that wait for room in the connection's send buffer are notified here: neither credit nor drained output
    // would resume them.
    if (queued > 0) sending.blocked.notifyWritable();
  }

  private dropPieces(): void {
    if (this.assembly === undefined) return;
    this.owner.receiving.dropPieces(this.assembly.bytes);
    this.assembly = undefined;
  }

  /** Adds credit for sending, in bytes; returns false when the call's send window exceeds 2³¹−1. */
  credit(bytes: number): boolean {
    this.sendWindow += bytes;
    if (this.sendWindow > MAX_CREDIT_BYTES) return false;
    this.pump();
    return true;
  }

  /** Whether pieces of an unfinished message have been received. */
  get midMessage(): boolean {
    return this.assembly !== undefined;
  }

  /** Accepts a message or a piece of one; returns the problem if it can't be accepted. */
  accept(
    b: Uint8Array,
    at: number,
    bytes: number,
    flags: number,
    owned: boolean,
  ): MessageProblem | undefined {
    this.unreturned += bytes;
    if (this.unreturned > this.owner.receiving.windowBytes) return "flow";
    if (this.assembly !== undefined || (flags & MORE) !== 0) {
      return this.acceptPiece(b, at, bytes, flags, owned);
    }
    if (bytes > this.maxMessageBytes) return "large";
    // Small messages are copied, so that they do not keep a large buffer alive.
    const keep = owned && bytes > SMALL_MESSAGE_BYTES;
    const message = keep ? b.subarray(at, at + bytes) : copyMessage(b, at, at + bytes);
    this.deliver(message, (flags & COMPRESSED) !== 0);
    return undefined;
  }

  private acceptPiece(
    b: Uint8Array,
    at: number,
    bytes: number,
    flags: number,
    owned: boolean,
  ): MessageProblem | undefined {
    const compressed = (flags & COMPRESSED) !== 0;
    const assembly = this.assembly ??= new Assembly(compressed);
    if (assembly.compressed !== compressed) return "mixed";
    if (assembly.bytes + bytes > this.maxMessageBytes) return "large";
    if (!this.owner.receiving.holdPiece(bytes)) return "full";
    assembly.append(b, at, bytes, owned);
    if ((flags & MORE) !== 0) return undefined;
    const message = assembly.join();
    this.dropPieces();
    this.deliver(message, compressed);
    return undefined;
  }

  /**
   * Sends CREDIT for received bytes once they reach half of the window, unless the reader is paused or the peer's
   * stream has ended. Pieces of an unfinished message count, because a message longer than the window could not be
   * completed otherwise.
   */
  returnCredit(): void {
    const bytes = this.unreturned;
    if (this.paused || this.receiveClosed) return;
    if (bytes < this.owner.options.callWindowBytes >>> 1) return;
    this.unreturned = 0;
    this.owner.output.writeCredit(this.id, bytes);
  }

  /** Stops or resumes returning credit. */
  setReadPaused(paused: boolean): void {
    if (this.paused === paused) return;
    this.paused = paused;
    if (!paused) {
      this.returnCredit();
      this.owner.output.produced();
    }
  }
}
