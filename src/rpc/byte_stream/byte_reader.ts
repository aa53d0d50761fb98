/**
 * Reads of any size from a stream of chunks.
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import { RpcError } from "../../errors.ts";

/** Reader of a stream of chunks, whose total length may have been announced. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #announced: number | undefined;
  #received = 0;
  #taken = 0;
  #rest: Uint8Array | undefined = undefined;
  #ended = false;
  #readable: ReadableStream<Uint8Array> | undefined = undefined;

  /** Reads `chunks`; reads fail if their total differs from `announced`, unless that is undefined. */
  constructor(chunks: AsyncIterable<Uint8Array>, announced: number | undefined) {
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#announced = announced;
  }

  /** Number of bytes left to read; Infinity if unknown. */
  get remaining(): number {
    if (this.#announced !== undefined) return this.#announced - this.#taken;
    return this.#ended ? this.#rest?.length ?? 0 : Infinity;
  }

  /**
   * Reads `count` bytes, or fewer at the end. Rejects with RangeError for an invalid count and with INVALID_ARGUMENT if
   * the length differs from the announced one.
   */
  async read(count: number): Promise<Uint8Array> {
    if (!(Number.isSafeInteger(count) && count >= 0)) {
      throw new RangeError(`Cannot read ${count} bytes: it must be a whole number of 0 or more`);
    }
    const parts: Uint8Array[] = [];
    let length = 0;
    while (length < count) {
      const chunk = this.#rest ?? await this.#next();
      this.#rest = undefined;
      if (!chunk) break;
      const part = chunk.subarray(0, count - length);
      if (part.length < chunk.length) this.#rest = chunk.subarray(part.length);
      parts.push(part);
      length += part.length;
    }
    this.#taken += length;
    if (parts.length === 1) return parts[0];
    const joined = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      joined.set(part, at);
      at += part.length;
    }
    return joined;
  }

  /** Remaining bytes as a stream. Cancelling it ends the iteration over the chunks. */
  get readable(): ReadableStream<Uint8Array> {
    return this.#readable ??= new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const chunk = this.#rest ?? await this.#next();
        this.#rest = undefined;
        if (!chunk) return controller.close();
        this.#taken += chunk.length;
        controller.enqueue(chunk);
      },
      cancel: async () => {
        await this.#chunks.return?.();
      },
    }, { highWaterMark: 0 });
  }

  /** Returns the next chunk that is not empty; undefined at the end. */
  async #next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const step = this.#ended ? undefined : await this.#chunks.next();
      if (!step || step.done) {
        this.#ended = true;
        this.#check(this.#announced !== undefined && this.#received < this.#announced);
        return undefined;
      }
      this.#received += step.value.length;
      this.#check(this.#announced !== undefined && this.#received > this.#announced);
      if (step.value.length > 0) return step.value;
    }
  }

  #check(wrong: boolean): void {
    if (!wrong) return;
    throw new RpcError(
      Status.INVALID_ARGUMENT,
      `Received ${this.#received} bytes, ${this.#announced} were announced`,
    );
  }
}
