/**
 * Requests of a streaming call out of the body of an HTTP request.
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import { RpcError } from "../../errors.ts";
import { systemTurns } from "../../event_loop/turns.ts";
import { BadRequest, bodyError, type BodyPool, tooLarge } from "../request_body.ts";
import { JsonSeparationError } from "./json_values.ts";

/** Cuts a body into the values of its messages. */
export interface BodyCutter {
  /** Bytes of an unfinished value. */
  readonly heldBytes: number;
  /** Adds a part, once `next` has returned undefined for the one before. */
  push(part: Uint8Array): void;
  /** Returns the next value; undefined when more bytes are needed. */
  next(): Uint8Array | undefined;
  /** Returns the value that the end of the body completes; undefined for none. */
  end(): Uint8Array | undefined;
}

/** What the requests of a call are made of. */
export interface StreamSource {
  /** Body; null for an empty one. */
  readonly body: ReadableStream<Uint8Array> | null;
  readonly cutter: BodyCutter;
  /** Encodes the request of a value; `index` counts from 0. Throws BadRequest. */
  readonly encode: (value: Uint8Array, index: number) => Uint8Array;
  /** Largest value accepted, in bytes. */
  readonly maxBytes: number;
  /** Pool that the bytes of unfinished values are charged to. */
  readonly pool: BodyPool;
}

/** Longest time for messages of one part of the body before other work has its turn, in ms. */
const TURN_MS = 2;
const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** Encoded requests, each read when the one before has been sent. */
export class StreamedRequests implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #source: StreamSource;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #count = 0;
  #charged = 0;
  #bodyEnded = false;
  #over = false;
  #fault: BadRequest | undefined = undefined;
  #turnMs = 0;

  constructor(source: StreamSource) {
    this.#source = source;
    this.#reader = source.body?.getReader();
  }

  /** What is wrong with the body; undefined until that shows. */
  get fault(): BadRequest | undefined {
    return this.#fault;
  }

  /** Returns the next request. Rejects with the RpcError of `fault`. */
  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    try {
      const value = await this.#nextValue();
      if (value === undefined) {
        this.#close();
        return DONE;
      }
      const { encode, maxBytes } = this.#source;
      const index = this.#count++;
      if (value.length > maxBytes) throw tooLarge(maxBytes, messageName(index));
      return { done: false, value: encode(value, index) };
    } catch (error) {
      this.#fault = this.#over ? undefined : faultOf(error, this.#count);
      this.#close();
      throw this.#fault?.error ?? error;
    }
  }

  /** Stops reading the body. */
  return(): Promise<IteratorReturnResult<undefined>> {
    this.#close();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #nextValue(): Promise<Uint8Array | undefined> {
    const { cutter, maxBytes } = this.#source;
    if (performance.now() - this.#turnMs > TURN_MS) await this.#nextTurn();
    while (!this.#over && !this.#bodyEnded) {
      const value = cutter.next();
      this.#charge(cutter.heldBytes);
      if (value !== undefined) return value;
      if (cutter.heldBytes > maxBytes) throw tooLarge(maxBytes, messageName(this.#count));
      const part = await this.#read();
      if (this.#over) return undefined;
      if (part !== undefined) cutter.push(part);
      else {
        this.#bodyEnded = true;
        return cutter.end();
      }
    }
    return undefined;
  }

  async #read(): Promise<Uint8Array | undefined> {
    try {
      return (await this.#reader?.read())?.value;
    } catch (error) {
      throw bodyError(error);
    } finally {
      this.#turnMs = performance.now();
    }
  }

  /** Lets other work of the thread have its turn. */
  async #nextTurn(): Promise<void> {
    if (this.#turnMs > 0) await systemTurns.nextTurn();
    this.#turnMs = performance.now();
  }

  #charge(bytes: number): void {
    const { pool } = this.#source;
    if (bytes > this.#charged) pool.take(bytes - this.#charged);
    else pool.give(this.#charged - bytes);
    this.#charged = bytes;
  }

  #close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#source.pool.give(this.#charged);
    this.#charged = 0;
    if (!this.#bodyEnded) this.#reader?.cancel().catch(() => {});
  }
}

/** Name of a message of a body in errors. */
export function messageName(index: number): string {
  return `Message ${index + 1} of the body`;
}

function faultOf(error: unknown, index: number): BadRequest {
  if (error instanceof BadRequest) {
    return new BadRequest(error.httpStatus, error.error, true);
  }
  if (error instanceof JsonSeparationError) {
    const after = index === 0 ? "" : ` after ${index} message${index === 1 ? "" : "s"}`;
    const text = `The body is not valid JSON${after}: ${error.message}`;
    return new BadRequest(400, new RpcError(Status.INVALID_ARGUMENT, text), true);
  }
  // The text may contain secrets.
  return new BadRequest(500, new RpcError(Status.INTERNAL, "The gateway failed"), true);
}
