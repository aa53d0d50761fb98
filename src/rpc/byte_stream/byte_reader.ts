/**
 * Bytes in portions of any size from a stream of chunks.
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import { RpcError } from "../../errors.ts";

/** Reads a stream of chunks that may have been announced to have a certain length. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #announced: number | undefined;
  #received = 0;
  #taken = 0;
  #rest: Uint8Array | undefined = undefined;
  #ended = false;
  #readable: ReadableStream<Uint8Array> | undefined = undefined;

  constructor(chunks: AsyncIterable<Uint8Array>, announced: number | undefined) {
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#announced = announced;
  }

  /** How many bytes are still to be taken; Infinity when that isn't known. */
  get remaining(): number {
    if (this.#announced !== undefined) return this.#announced - this.#taken;
    return this.#ended ? this.#rest?.length ?? 0 : Infinity;
  }

  /** Takes `count` bytes, or fewer at the end. */
  async read(count: number): Promise<Uint8Array> {
    if (!(Number.isSafeInteger(count) && count >= 0)) {
      throw new RangeError(`Cannot read ${count} bytes: the count must be 0 or more`);
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

  /** What is left, as a stream. */
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

  /** The next chunk that isn't empty; undefined at the end. */
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
      `${this.#announced} bytes were announced, ${this.#received} came`,
    );
  }
}
