/**
 * The client's half of the batch stream of one connection.
 *
 * @module
 */

import { IdMap } from "../../call/id_map.ts";
import { Metadata } from "../../call/metadata.ts";
import { Status, statusFromNumber } from "../../call/status.ts";
import type { CallProgress, ClientCall } from "../../call/wire.ts";
import { decompress } from "../../codec/compression.ts";
import { textOf } from "../../errors.ts";
import type { BatchedCall } from "./batched_call.ts";
import {
  BATCH_METHOD,
  BatchRequestWriter,
  type BatchResponseSink,
  MAX_METHOD_REFS,
  readBatchResponse,
} from "./messages.ts";
import type { CallCore } from "../client/call_core.ts";
import type { OpenClientCall } from "../core/open_calls.ts";
import type { Connection } from "../pool/connection.ts";

const MAX_ID = 0xffff_ffff;
// Bytes allowed in a response message beyond the largest reply payload: metadata, status text, other replies.
const REPLY_OVERHEAD_BYTES = 1_048_576;
// Concurrent calls until the server's first message announces its limit: the least that RFC 9113 §6.5.2 recommends for
// SETTINGS_MAX_CONCURRENT_STREAMS.
const FIRST_CALLS = 100;
// Calls in a message from which the cost of the message itself is small beside theirs.
const SPLIT_FROM_CALLS = 16;

const noMetadata = () => new Metadata();

/** State shared by all batch streams of a channel. */
export interface BatchContext {
  readonly core: Pick<CallCore, "pool" | "clock" | "authority">;
  /** Largest reply accepted, in bytes. */
  readonly maxReplyBytes: number;
  /** Calls that may wait on one stream. */
  readonly maxQueuedCalls: number;
  /** The channel's target, for error texts. */
  readonly target: string;
  readonly log: (level: "debug" | "warn", message: string) => void;
}

/** Channel interface used by a batch stream. */
export interface BatchStreamOwner {
  /** Largest number of calls in a batch. */
  readonly maxCalls: number;
  /** Largest size of a batch, in bytes. */
  readonly maxBytes: number;
  /** Longest time that a call waits for others to share its batch, in ms; 0 for the current turn only. */
  readonly maxDelayMs: number;
  readonly context: BatchContext;
  /** Calls sent in batches so far. */
  calls: number;
  /** Turns batching off for the channel: the server does not support it. */
  disable(reason: string): void;
}

/** The batch stream of one connection. */
export class BatchStream implements OpenClientCall, BatchResponseSink {
  openSlot = -1;
  readonly #owner: BatchStreamOwner;
  readonly #connection: Connection;
  readonly #call: ClientCall;
  readonly #writer = new BatchRequestWriter();
  readonly #maxResponseBytes: number;
  /** Calls sent but not answered yet, by identifier. */
  readonly #sent = new IdMap<BatchedCall>();
  /** Calls not sent yet, in order. Cancelled calls are skipped when the next batch is sent. */
  #waiting: BatchedCall[] = [];
  /** Abbreviations of methods: `method_ref` by path. */
  readonly #refs = new Map<string, number>();
  /** Concurrent calls that the server allows. */
  #serverCalls = FIRST_CALLS;
  #nextId = 1;
  #flushQueued = false;
  #timer: unknown = undefined;
  #answered = false;
  /** Whether the stream accepts further calls. */
  open = true;
  readonly #flushNow = () => {
    this.#flushQueued = false;
    this.#flush();
  };

  constructor(owner: BatchStreamOwner, connection: Connection) {
    this.#owner = owner;
    this.#connection = connection;
    const { maxReplyBytes, core } = owner.context;
    this.#maxResponseBytes = maxReplyBytes + REPLY_OVERHEAD_BYTES;
    this.#call = connection.startCall({
      path: BATCH_METHOD,
      singleResponse: false,
      maxReceiveMessageBytes: this.#maxResponseBytes,
      authority: core.authority,
      requestStreams: true,
    }, this);
    this.#writer.maxReplyBytes(Math.min(maxReplyBytes, 0xffff_ffff));
  }

  /** Queues a call for the next batch; fails it with RESOURCE_EXHAUSTED if the queue is full. */
  add(call: BatchedCall): void {
    const { maxQueuedCalls } = this.#owner.context;
    if (this.#waiting.length >= maxQueuedCalls) {
      const message =
        `Cannot queue the call: ${this.#waiting.length} wait for the batch stream, limit is ${maxQueuedCalls}`;
      return call.end(Status.RESOURCE_EXHAUSTED, message, noMetadata, "processed");
    }
    this.#connection.batchedCalls++;
    this.#waiting.push(call);
    if (this.#waiting.length >= this.#owner.maxCalls) this.#flush();
    else this.#schedule();
  }

  /** Drops a cancelled call and sends the cancellation if the call was sent. */
  cancel(call: BatchedCall): void {
    this.#connection.batchedCalls--;
    if (call.id === 0 || !this.#sent.delete(call.id) || !this.open) return;
    this.#writer.cancel(call.id);
    this.#flushSoon();
  }

  /** Half-closes the stream: calls not sent yet move to other connections, sent calls still get replies. */
  onDraining(): void {
    if (!this.open) return;
    this.#close();
    try {
      this.#call.halfClose();
    } catch (error) {
      this.#engineFailed(error);
    }
  }

  // ---- out ---------------------------------------------------------------------------------------------

  #schedule(): void {
    const { maxDelayMs, context } = this.#owner;
    if (maxDelayMs === 0) return this.#flushSoon();
    this.#timer ??= context.core.clock.setTimer(() => {
      this.#timer = undefined;
      this.#flush();
    }, maxDelayMs);
  }

  #flushSoon(): void {
    if (this.#flushQueued) return;
    this.#flushQueued = true;
    queueMicrotask(this.#flushNow);
  }

  /** Sends waiting calls, as many as flow control and the server's limit allow. */
  #flush(): void {
    if (!this.open) return;
    const { maxBytes } = this.#owner;
    const maxCalls = this.#messageCalls();
    const waiting = this.#waiting;
    let next = 0;
    let count = 0;
    while (
      this.open && next < waiting.length && this.#sent.size < this.#serverCalls &&
      this.#isWritable()
    ) {
      const call = waiting[next];
      const full = count === maxCalls ||
        (count > 0 && this.#writer.byteLength + call.payload.length > maxBytes);
      if (full) {
        this.#send();
        count = 0;
        continue;
      }
      next++;
      if (call.ended) continue;
      if (call.endIfUnsendable()) {
        this.#connection.batchedCalls--;
        continue;
      }
      this.#encode(call);
      count++;
    }
    if (!this.open) return;
    if (next > 0) this.#waiting = next === waiting.length ? [] : waiting.slice(next);
    // Cancellations are sent even at the server's limit of concurrent calls, because they free slots.
    if (this.#writer.byteLength > 0 && (count > 0 || this.#answered)) this.#send();
    if (this.#nextId >= MAX_ID - this.#owner.maxCalls) this.onDraining();
  }

  /**
   * Returns how many calls a message may carry: at most half of those in flight. With all of them in one message, client
   * and server would take turns, each idle while the other works.
   */
  #messageCalls(): number {
    const half = (this.#sent.size + this.#waiting.length + 1) >>> 1;
    return Math.min(this.#owner.maxCalls, Math.max(SPLIT_FROM_CALLS, half));
  }

  #encode(call: BatchedCall): void {
    const { request, payload } = call;
    const { path } = request.method;
    const id = this.#nextId++;
    call.id = id;
    this.#sent.set(id, call);
    let timeoutMs = 0;
    if (request.deadlineMs !== Infinity) {
      const left = Math.ceil(request.deadlineMs - this.#owner.context.core.clock.now());
      // A timeout of 0 would mean no deadline.
      timeoutMs = Math.min(Math.max(1, left), 0xffff_ffff);
    }
    let ref = this.#refs.get(path);
    let name = "";
    if (ref === undefined) {
      name = path;
      ref = this.#refs.size < MAX_METHOD_REFS ? this.#refs.size + 1 : 0;
      if (ref !== 0) this.#refs.set(path, ref);
    }
    this.#writer.call(id, name, ref, payload, timeoutMs, request.metadata);
    this.#connection.callsStarted++;
    this.#owner.calls++;
  }

  #isWritable(): boolean {
    try {
      return this.#call.writable;
    } catch (error) {
      this.#engineFailed(error);
      return false;
    }
  }

  #send(): void {
    try {
      this.#call.sendMessage(this.#writer.take(), false);
    } catch (error) {
      this.#engineFailed(error);
    }
  }

  /** Closes the connection because its engine has thrown, and ends all calls of the stream. */
  #engineFailed(error: unknown): void {
    // Calls that have an identifier are in `#sent`: they may have reached the server.
    this.#waiting = this.#waiting.filter((call) => call.id === 0);
    this.#connection.engineFailed(error);
    this.#fail(Status.INTERNAL, textOf(error), noMetadata, "processed");
  }

  // ---- in ----------------------------------------------------------------------------------------------

  onHeaders(): void {}

  onMessage(message: Uint8Array, compressed: boolean): void {
    // A server that does not announce a limit of concurrent calls in its first message has none.
    if (!this.#answered) this.#serverCalls = Infinity;
    this.#answered = true;
    try {
      const response = compressed
        ? decompress(message, this.#call.encoding, this.#maxResponseBytes)
        : message;
      readBatchResponse(response, this);
    } catch (error) {
      this.#call.cancel();
      this.#fail(Status.INTERNAL, textOf(error), noMetadata, "processed");
      return;
    }
    if (this.#waiting.length > 0) this.#flushSoon();
  }

  onMaxCalls(count: number): void {
    this.#serverCalls = count;
  }

  onReply(
    id: number,
    code: number,
    message: string,
    payload: Uint8Array,
    headers: Metadata | undefined,
    trailers: Metadata | undefined,
  ): void {
    const call = this.#sent.get(id);
    // The reply belongs to a call that was cancelled.
    if (call === undefined) return;
    this.#sent.delete(id);
    this.#connection.batchedCalls--;
    const ending = trailers === undefined ? noMetadata : () => trailers;
    if (headers !== undefined) call.sink.onHeaders(() => headers);
    if (code === Status.OK) {
      const limit = call.request.method.maxReceiveBytes;
      if (payload.length > limit) {
        const text = `Cannot receive a message of ${payload.length} bytes, limit is ${limit}`;
        return call.end(Status.RESOURCE_EXHAUSTED, text, ending, "processed");
      }
      call.sink.onMessage(payload, false);
    }
    call.end(statusFromNumber(code), message, ending, "processed");
  }

  onWritable(): void {
    if (this.#waiting.length > 0) this.#flushSoon();
  }

  onStatus(
    code: Status,
    message: string,
    trailers: () => Metadata,
    progress: CallProgress,
  ): void {
    if (code === Status.UNIMPLEMENTED && !this.#answered) {
      this.#owner.disable(message);
      return this.#fail(Status.UNAVAILABLE, message, trailers, "unprocessed");
    }
    if (code === Status.OK) {
      const text = "The server ended the batch stream without replying to the call";
      return this.#fail(Status.UNAVAILABLE, text, trailers, progress);
    }
    this.#fail(code, message, trailers, progress);
  }

  #fail(code: Status, message: string, trailers: () => Metadata, progress: CallProgress): void {
    this.#connection.callOver(this);
    this.#close();
    const sent = this.#sent.values();
    this.#sent.clear();
    this.#connection.batchedCalls -= sent.length;
    for (const call of sent) call.end(code, message, trailers, progress);
  }

  /** Stops accepting calls; calls not sent yet end as unprocessed, so that they are retried. */
  #close(): void {
    this.open = false;
    if (this.#connection.batch === this) this.#connection.batch = undefined;
    if (this.#timer !== undefined) this.#owner.context.core.clock.clearTimer(this.#timer);
    const waiting = this.#waiting.filter((call) => !call.ended);
    this.#waiting = [];
    this.#connection.batchedCalls -= waiting.length;
    for (const call of waiting) {
      call.end(Status.UNAVAILABLE, "The batch stream ended", noMetadata, "unprocessed");
    }
  }
}
