/**
 * Sends responses of handlers through the HTTP/1.1 engine.
 *
 * @module
 */

import { LOST_MESSAGE } from "../../bytes/lost_message.ts";
import type { Exchange } from "../../http1/exchange.ts";
import type { MemoryShare } from "../../limits/memory_pool.ts";
import { textOf } from "../../errors.ts";
import type { ConnectionDriver } from "../core/connection_driver.ts";
import { HttpReply } from "./handler.ts";

// Bodies up to this size are sent with their head. Longer ones follow as the client reads.
const PART_BYTES = 32_768;
const UNAVAILABLE = new HttpReply(
  503,
  ["content-type", "text/plain; charset=utf-8", "retry-after", "1"],
  "Too many bytes wait to be sent: try again later\n",
);
const NOTHING = Promise.resolve(undefined);

/** Sends one response. */
export class ResponseSender {
  readonly #exchange: Exchange;
  readonly #memory: MemoryShare;
  readonly #driver: Pick<ConnectionDriver, "fail">;
  #resume: (() => void) | null = null;
  #cancel: (() => void) | null = null;
  #heldBytes = 0;

  /**
   * Sends on `exchange`; bytes of bodies that wait to be sent count in `memory`. An exception of the engine goes to
   * `driver`.
   */
  constructor(exchange: Exchange, memory: MemoryShare, driver: Pick<ConnectionDriver, "fail">) {
    this.#driver = driver;
    this.#exchange = exchange;
    this.#memory = memory;
  }

  /** Sends a whole response. Throws TypeError or RangeError when its status or fields are invalid. */
  reply({ status, fields, body }: HttpReply): void {
    const exchange = this.#exchange;
    if (body.length * 3 <= PART_BYTES || body.length <= PART_BYTES && typeof body !== "string") {
      return exchange.respond(status, fields, body);
    }
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    if (bytes.length <= PART_BYTES || exchange.head.method === "HEAD") {
      return exchange.respond(status, fields, bytes);
    }
    if (!this.#hold(bytes.length)) return this.#unavailable();
    exchange.sendHead(status, fields, bytes.length);
    this.#sendParts(bytes).then(
      () => exchange.ended || exchange.end(),
      (error) => exchange.abort(textOf(error)),
    ).catch((error) => this.#driver.fail(error));
  }

  /** Sends a `Response`. Rejects with what its body's stream fails with; TypeError when the body was read already. */
  async send(response: Response): Promise<void> {
    const exchange = this.#exchange;
    const { status, body } = response;
    const fields: string[] = [];
    let announced: number | undefined;
    for (const [name, value] of response.headers) {
      if (name === "content-length" && /^[0-9]{1,15}$/.test(value)) announced = Number(value);
      else if (name === "connection" && /(?:^|,)\s*close\s*(?:,|$)/i.test(value)) {
        exchange.closeAfter();
      } else fields.push(name, value);
    }
    if (body === null) return this.reply(new HttpReply(status, fields, ""));
    const reader = body.getReader();
    this.#cancel = () => reader.cancel().catch(() => {});
    if (exchange.ended) return this.#cancel();
    const first = await reader.read();
    if (first.done) return this.reply(new HttpReply(status, fields, ""));
    const start = bytesOf(first.value);
    // A body made from a string or bytes is one chunk whose end is already known: sends it as a complete reply.
    const second = reader.read();
    // The second race is for Bun, whose reader settles a microtask later.
    const known = await Promise.race([second, NOTHING]) ?? await Promise.race([second, NOTHING]);
    if (known?.done) return this.reply(new HttpReply(status, fields, start));
    second.catch(() => {});
    if (exchange.head.method === "HEAD") {
      exchange.sendHead(status, fields, announced);
      exchange.end();
      return this.#cancel();
    }
    if (!this.#hold(start.length)) {
      this.#cancel();
      return this.#unavailable();
    }
    exchange.sendHead(status, fields, announced);
    await this.#sendParts(start);
    await this.#sendStream(reader, second);
  }

  /** Resumes sending the body: the connection accepts more output. */
  onWritable(): void {
    const resume = this.#resume;
    this.#resume = null;
    resume?.();
  }

  /** Cancels the source of the body and releases held bytes: the exchange has ended. */
  onEnd(): void {
    this.#release();
    this.#cancel?.();
    this.onWritable();
  }

  async #sendStream(
    reader: ReadableStreamDefaultReader<Uint8Array>,
    second: Promise<ReadableStreamReadResult<Uint8Array>>,
  ): Promise<void> {
    const exchange = this.#exchange;
    for (let next = second; !exchange.ended; next = reader.read()) {
      const { done, value } = await next;
      if (done) {
        this.#cancel = null;
        return exchange.end();
      }
      const bytes = bytesOf(value);
      if (!this.#hold(bytes.length)) throw new RangeError("Too many bytes wait to be sent");
      await this.#sendParts(bytes);
    }
  }

  /**
   * Sends a body held in memory part by part, then releases its bytes. Rejects with TypeError if the application has
   * detached or resized its buffer meanwhile.
   */
  async #sendParts(bytes: Uint8Array): Promise<void> {
    const { length } = bytes;
    for (let at = 0; at < length; at += PART_BYTES) {
      await this.#writable();
      if (this.#exchange.ended) return;
      if (bytes.length !== length) throw new TypeError(LOST_MESSAGE);
      this.#exchange.sendBody(bytes.subarray(at, at + PART_BYTES));
    }
    this.#release();
  }

  /** Counts a body's bytes as waiting to be sent; false if there is no memory for them. */
  #hold(count: number): boolean {
    if (this.#exchange.ended) return true;
    if (!this.#memory.tryTake(count)) return false;
    this.#heldBytes += count;
    return true;
  }

  #unavailable(): void {
    this.#exchange.closeAfter();
    this.#exchange.respond(UNAVAILABLE.status, UNAVAILABLE.fields, UNAVAILABLE.body);
  }

  #writable(): Promise<void> | void {
    if (this.#exchange.ended || this.#exchange.writable) return;
    return new Promise((resolve) => this.#resume = resolve);
  }

  #release(): void {
    this.#memory.give(this.#heldBytes);
    this.#heldBytes = 0;
  }
}

function bytesOf(part: unknown): Uint8Array {
  if (part instanceof Uint8Array) return part;
  throw new TypeError("Cannot send a body's stream: its parts must be Uint8Arrays");
}
