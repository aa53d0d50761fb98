/**
 * Sends DATA: flow-control windows (RFC 9113 §5.2), fairness between streams, and a bound on the bytes framed ahead of the
 * socket.
 *
 * @module
 */

import type { MemoryShare } from "../limits/memory_pool.ts";
import { releaseMessage } from "../bytes/pool.ts";
import type { ByteWriter } from "../bytes/writer.ts";
import {
  DEFAULT_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  Flag,
  FrameType,
  USEFUL_DATA_BYTES,
} from "./constants.ts";
import { putFrameHeader } from "./frame_writer.ts";
import type { Http2Options } from "./options.ts";
import { SendQueue } from "./send_queue.ts";
import type { Http2Stream } from "./stream.ts";

/** Interface of the connection that the scheduler uses. */
export interface SendOwner {
  /** Called when END_STREAM was sent with DATA. */
  onEndSent(stream: Http2Stream): void;
  /**
   * Called when queued bytes cannot be sent, because the application has detached their buffer. `begun`: earlier bytes
   * of the queue were sent, so that the stream may be inside a message.
   */
  onDataLost(stream: Http2Stream, begun: boolean): void;
}

/** Sends DATA of all streams of one connection. */
export class SendScheduler {
  /** Octets that may still be sent on the connection. */
  window = DEFAULT_WINDOW_BYTES;
  /** The peer's SETTINGS_MAX_FRAME_SIZE. */
  maxFrameBytes = DEFAULT_FRAME_BYTES;
  /** Bytes queued on all streams. */
  queuedBytes = 0;
  /** Number of DATA and HEADERS frames sent; a PING after one does not count against the limit on pings. */
  framesSent = 0;
  /**
   * Number of DATA frames of 5 octets or more sent; the peer is not charged for the WINDOW_UPDATEs and PINGs they
   * cause.
   */
  usefulFrames = 0;
  // Streams whose senders wait because the connection as a whole has too many queued bytes.
  readonly #starved = new Set<Http2Stream>();
  // Last DATA frame written: offset of its header, offset of its end, its stream, and the value of `out.taken` then.
  #frameAt = 0;
  #frameEnd = -1;
  #frameStream: Http2Stream | null = null;
  #frameTaken = 0;
  // Streams that can send, in round-robin order.
  #turns: Http2Stream[] = [];
  #first = 0;

  /** `out` is the connection's output. */
  constructor(
    readonly out: ByteWriter,
    readonly options: Http2Options,
    readonly memory: MemoryShare,
    readonly owner: SendOwner,
  ) {}

  /**
   * Sends `prefix` and `body` as consecutive DATA, as far as windows and output allow, and queues the rest. `prefix` is
   * copied. The scheduler takes ownership of `body`, and returns it to its pool if it is lent.
   */
  send(stream: Http2Stream, prefix: Uint8Array | null, body: Uint8Array, endStream: boolean): void {
    const head = prefix === null ? 0 : prefix.length;
    const total = head + body.length;
    const { out } = this;
    if (
      stream.queue === null && total <= stream.sendWindow && total <= this.window &&
      out.length < this.options.maxOutputBytes
    ) {
      if (total > this.maxFrameBytes) {
        if (total <= this.options.maxOutputBytes - out.length) {
          return this.#sendFrames(stream, prefix, body, endStream);
        }
        return this.#enqueue(stream, prefix, body, endStream);
      }
      out.reserve(9 + total);
      const { buffer } = out;
      let at = out.length;
      if (!this.#extend(stream, total, endStream)) {
        putFrameHeader(
          buffer,
          at,
          total,
          FrameType.DATA,
          endStream ? Flag.END_STREAM : 0,
          stream.id,
        );
        this.#frameAt = at;
        this.#frameStream = stream;
        this.#frameTaken = out.taken;
        this.framesSent++;
        this.usefulFrames++;
        at += 9;
      }
      for (let i = 0; i < head; i++) buffer[at + i] = prefix![i];
      at += head;
      // Up to about 32 bytes, a loop is faster than `set`.
      if (body.length <= 32) { for (let i = 0; i < body.length; i++) buffer[at + i] = body[i]; }
      else buffer.set(body, at);
      this.#frameEnd = out.length = at + body.length;
      stream.sendWindow -= total;
      this.window -= total;
      releaseMessage(body);
      if (endStream) this.owner.onEndSent(stream);
      return;
    }
    this.#enqueue(stream, prefix, body, endStream);
  }

  #enqueue(
    stream: Http2Stream,
    prefix: Uint8Array | null,
    body: Uint8Array,
    endStream: boolean,
  ): void {
    const total = (prefix === null ? 0 : prefix.length) + body.length;
    stream.queue ??= new SendQueue();
    stream.queue.push(prefix, body);
    this.queuedBytes += total;
    this.memory.take(total);
    if (endStream) stream.endQueued = true;
    this.#list(stream);
    this.pump();
  }

  // Sends a message in one or more frames; the windows and the output have room for all of them.
  #sendFrames(
    stream: Http2Stream,
    prefix: Uint8Array | null,
    body: Uint8Array,
    endStream: boolean,
  ): void {
    const { out, maxFrameBytes } = this;
    const head = prefix === null ? 0 : prefix.length;
    const total = head + body.length;
    // Reserves output for 8 messages of this size: growing the buffer for each would copy the earlier ones again.
    const ahead = Math.min(this.options.maxOutputBytes - out.length, total * 8);
    out.reserve(Math.max(total, ahead) + 9 * Math.ceil(total / maxFrameBytes));
    const { buffer } = out;
    let at = out.length;
    for (let sent = 0; sent < total;) {
      const count = Math.min(maxFrameBytes, total - sent);
      const flags = endStream && sent + count === total ? Flag.END_STREAM : 0;
      putFrameHeader(buffer, at, count, FrameType.DATA, flags, stream.id);
      at += 9;
      let from = sent - head;
      if (sent === 0) {
        if (prefix !== null) buffer.set(prefix, at);
        from = 0;
      }
      const to = sent + count - head;
      buffer.set(body.subarray(from, to), sent === 0 ? at + head : at);
      at += count;
      sent += count;
      this.framesSent++;
      this.usefulFrames++;
    }
    out.length = at;
    stream.sendWindow -= total;
    this.window -= total;
    releaseMessage(body);
    if (endStream) this.owner.onEndSent(stream);
  }

  /**
   * Coalesces: extends the frame written last, if it is this stream's and still in the output. A reader of 64-byte
   * messages (grpc-go's) spends 12 % less on each, and some servers treat many small DATA frames as an attack.
   */
  #extend(stream: Http2Stream, count: number, endStream: boolean): boolean {
    const { out } = this;
    const at = this.#frameAt;
    if (
      this.#frameEnd !== out.length || this.#frameStream !== stream ||
      this.#frameTaken !== out.taken
    ) return false;
    const total = this.#frameEnd - at - 9 + count;
    if (total > this.maxFrameBytes) return false;
    putFrameHeader(
      out.buffer,
      at,
      total,
      FrameType.DATA,
      endStream ? Flag.END_STREAM : 0,
      stream.id,
    );
    return true;
  }

  /** Whether the stream may queue more data; if not, the stream's `onWritable` is called once it may. */
  writable(stream: Http2Stream): boolean {
    if (
      stream.queuedBytes < this.options.sendBufferBytes &&
      this.queuedBytes < this.options.maxSendBufferBytes
    ) return true;
    stream.wantsWritable = true;
    // A stream without queued bytes gets no turn in which its sender would be notified, so it is listed as starved.
    if (this.queuedBytes >= this.options.maxSendBufferBytes) this.#starved.add(stream);
    return false;
  }

  /** Continues sending after the stream's window, or with null the connection's, has grown. */
  resume(stream: Http2Stream | null): void {
    if (stream !== null) this.mark(stream);
    this.pump();
  }

  /** Includes a stream whose window has grown in the next `pump`. */
  mark(stream: Http2Stream): void {
    if (stream.queue !== null) this.#list(stream);
  }

  /** Drops the queue of a closed stream. */
  discard(stream: Http2Stream): void {
    if (this.#starved.size > 0) this.#starved.delete(stream);
    if (stream.queue === null) return;
    this.queuedBytes -= stream.queue.length;
    this.memory.give(stream.queue.length);
    stream.queue = null;
    stream.endQueued = stream.trailersQueued = false;
  }

  #list(stream: Http2Stream): void {
    if (stream.listed) return;
    stream.listed = true;
    this.#turns.push(stream);
  }

  /** Sends queued bytes as far as windows and output allow, one frame per stream in turn. */
  pump(): void {
    this.#sendTurns();
    if (this.#starved.size > 0 && this.queuedBytes < this.options.maxSendBufferBytes / 2) {
      this.#wakeStarved();
    }
  }

  #wakeStarved(): void {
    const streams = [...this.#starved];
    this.#starved.clear();
    for (const stream of streams) {
      // Skips a stream with many queued bytes: its sender is notified in the stream's own turn.
      if (!stream.wantsWritable || stream.queuedBytes >= this.options.sendBufferBytes) continue;
      stream.wantsWritable = false;
      stream.onWritable();
    }
  }

  #sendTurns(): void {
    while (this.#first < this.#turns.length) {
      if (this.out.length >= this.options.maxOutputBytes) return;
      const stream = this.#turns[this.#first];
      const queue = stream.queue;
      if (queue !== null && queue.length > 0 && this.window <= 0) return;
      this.#first++;
      stream.listed = false;
      if (this.#first === this.#turns.length) {
        this.#turns.length = 0;
        this.#first = 0;
      } else if (this.#first > 64 && this.#first * 2 > this.#turns.length) {
        this.#turns.splice(0, this.#first);
        this.#first = 0;
      }
      if (queue !== null) this.#turn(stream, queue);
    }
  }

  #turn(stream: Http2Stream, queue: SendQueue): void {
    // A negative window (RFC 9113 §6.9.2) does not hold back an empty frame.
    const count = queue.length === 0
      ? 0
      : Math.min(queue.length, this.maxFrameBytes, stream.sendWindow, this.window);
    if (count <= 0 && queue.length > 0) return;
    const last = count === queue.length;
    const { out } = this;
    if (count > 0 || stream.endQueued) {
      const flags = last && stream.endQueued ? Flag.END_STREAM : 0;
      // Reserves output for the stream's next frames too: growing the buffer per frame would copy it each time.
      const ahead = Math.min(queue.length, this.options.maxOutputBytes - out.length);
      out.reserve(9 + Math.max(count, ahead));
      putFrameHeader(out.buffer, out.length, count, FrameType.DATA, flags, stream.id);
      if (!queue.shiftInto(out.buffer, out.length + 9, count)) {
        return this.owner.onDataLost(stream, queue.begun);
      }
      out.length += 9 + count;
      stream.sendWindow -= count;
      this.window -= count;
      this.queuedBytes -= count;
      this.memory.give(count);
      this.framesSent++;
      if (count >= USEFUL_DATA_BYTES) this.usefulFrames++;
      stream.progressMs = 0;
    }
    if (!last) {
      if (stream.sendWindow > 0) this.#list(stream);
    } else {
      stream.queue = null;
      if (stream.endQueued) {
        stream.endQueued = false;
        this.owner.onEndSent(stream);
      } else if (stream.trailersQueued) {
        stream.trailersQueued = false;
        stream.writeTrailers();
      }
    }
    if (stream.wantsWritable && queue.length < this.options.sendBufferBytes / 2) {
      stream.wantsWritable = false;
      stream.onWritable();
    }
  }
}
