/**
 * Body of a response as a stream. What the runtime has not taken yet waits here, counted in the memory pool.
 *
 * @module
 */

import { LOST_MESSAGE } from "../../bytes/lost_message.ts";
import { releaseMessage } from "../../bytes/pool.ts";
import type { MemoryShare } from "../../limits/memory_pool.ts";

// Largest chunk passed to the runtime, in bytes. Messages sent in the same turn leave in one chunk.
const CHUNK_BYTES = 65_536;
// Waiting bytes from which the handler should wait.
const HIGH_WATER_BYTES = 65_536;

/** Response that a body belongs to. */
export interface ResponseBodyOwner {
  /** Called when `writable` has become true again. */
  onWritable(): void;
  /** Called when the runtime takes no more of the body; not after its end. */
  onCancel(reason: unknown): void;
  /** Called when the runtime has taken a chunk, or everything that waited. */
  onTaken(): void;
}

type Controller = ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;

/** Body of one response. */
export class ResponseBody {
  /** The stream for the `Response`. */
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #memory: MemoryShare;
  readonly #owner: ResponseBodyOwner;
  readonly #parts: Uint8Array[] = [];
  /** Lengths of the parts when they were added: the application may have detached their buffers since. */
  readonly #lengths: number[] = [];
  /** Bytes of the first part that were taken. */
  #offset = 0;
  #bytes = 0;
  #last = false;
  #closed = false;
  #blocked = false;
  #controller: Controller | undefined = undefined;
  /** Resolves the pending pull of the runtime; undefined while it has not asked for more. */
  #pulled: (() => void) | undefined = undefined;
  #scheduled = false;

  /** Creates an empty body. */
  constructor(memory: MemoryShare, owner: ResponseBodyOwner) {
    this.#memory = memory;
    this.#owner = owner;
    this.stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#pull(),
      cancel: (reason) => {
        if (this.#closed) return;
        this.#drop();
        owner.onCancel(reason);
      },
    }, { highWaterMark: 0 });
  }

  /** Whether bytes wait for the runtime. */
  get waits(): boolean {
    return this.#bytes > 0;
  }

  /** Whether more should be added now; if not, the owner's `onWritable` follows. */
  get writable(): boolean {
    if (this.#bytes < HIGH_WATER_BYTES) return true;
    this.#blocked = true;
    return false;
  }

  /** Adds bytes, which must not change afterwards. The caller has checked the memory. No effect after the end. */
  add(bytes: Uint8Array): void {
    if (this.#closed || this.#last || bytes.length === 0) return;
    this.#memory.take(bytes.length);
    this.#parts.push(bytes);
    this.#lengths.push(bytes.length);
    this.#bytes += bytes.length;
    this.#schedule();
  }

  /** Ends the body after what was added. Idempotent. */
  end(): void {
    this.#last = true;
    this.#schedule();
  }

  /** Breaks the body off, so that the client does not take it for complete. Idempotent. */
  fail(reason: Error): void {
    if (this.#closed) return;
    this.#drop();
    this.#controller!.error(reason);
  }

  /**
   * Ends the body at once, without what waits. For a client that has gone: runtimes print what {@link fail} reports, and
   * the last envelope, which is missing, tells any other client that the response was cut short.
   */
  cut(): void {
    if (this.#closed) return;
    this.#drop();
    this.#controller!.close();
  }

  #pull(): Promise<void> | void {
    if (this.#bytes > 0 || this.#last) return this.#deliver();
    return new Promise((resolve) => this.#pulled = resolve);
  }

  /** Delivers at the end of the turn, so that messages that are sent together stay together. */
  #schedule(): void {
    if (this.#pulled === undefined || this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      const pulled = this.#pulled;
      if (pulled === undefined) return;
      this.#pulled = undefined;
      this.#deliver();
      pulled();
    });
  }

  #deliver(): void {
    if (this.#closed) return;
    const count = Math.min(this.#bytes, CHUNK_BYTES);
    if (count > 0) {
      const chunk = this.#take(count);
      if (chunk === null) {
        this.fail(new TypeError(LOST_MESSAGE));
        return this.#owner.onCancel(LOST_MESSAGE);
      }
      this.#bytes -= count;
      this.#memory.give(count);
      // The runtime may cancel the stream in here.
      this.#controller!.enqueue(chunk);
      if (this.#closed) return;
    }
    if (this.#last && this.#bytes === 0) {
      this.#closed = true;
      this.#controller!.close();
    }
    this.#owner.onTaken();
    if (!this.#blocked || this.#bytes >= HIGH_WATER_BYTES || this.#last) return;
    this.#blocked = false;
    this.#owner.onWritable();
  }

  /**
   * Takes the next `count` bytes; null if the application has detached one of their buffers. A chunk never shares its
   * buffer: the runtime may transfer it.
   */
  #take(count: number): Uint8Array<ArrayBuffer> | null {
    const chunk = new Uint8Array(count);
    for (let at = 0; at < count;) {
      const part = this.#parts[0];
      if (part.length !== this.#lengths[0]) return null;
      const length = Math.min(part.length - this.#offset, count - at);
      chunk.set(part.subarray(this.#offset, this.#offset + length), at);
      at += length;
      this.#offset += length;
      if (this.#offset < part.length) continue;
      this.#parts.shift();
      this.#lengths.shift();
      this.#offset = 0;
      releaseMessage(part);
    }
    return chunk;
  }

  #drop(): void {
    this.#closed = true;
    this.#memory.give(this.#bytes);
    this.#bytes = 0;
    this.#parts.length = 0;
    const pulled = this.#pulled;
    this.#pulled = undefined;
    pulled?.();
  }
}
