/**
 * Reads the body of a request part by part, as fast as its receiver allows.
 *
 * @module
 */

/** Receives a body. Nothing is called after `onEnd`, `onFailure` or `stop`. */
export interface RequestBodySink {
  /** Receives a part of the body. */
  onPart(bytes: Uint8Array): void;
  /** Called at the end of the body. */
  onEnd(): void;
  /** Called when the body cannot be read to its end. */
  onFailure(error: unknown): void;
}

/** Body of one request. */
export class RequestBody {
  readonly #source: ReadableStream<Uint8Array> | null;
  readonly #sink: RequestBodySink;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined = undefined;
  #paused = false;
  #stopped = false;
  #resume: (() => void) | undefined = undefined;

  /** `source`: null for a request without a body. */
  constructor(source: ReadableStream<Uint8Array> | null, sink: RequestBodySink) {
    this.#source = source;
    this.#sink = sink;
  }

  /** Whether parts are being waited for. */
  get reads(): boolean {
    return this.#reader !== undefined && !this.#paused && !this.#stopped;
  }

  /** Starts to read. */
  async start(): Promise<void> {
    if (this.#source === null) return this.#sink.onEnd();
    try {
      // Throws if another reader, such as a middleware, has the body.
      this.#reader = this.#source.getReader();
      while (!this.#stopped) {
        if (this.#paused) await new Promise<void>((resolve) => this.#resume = resolve);
        if (this.#stopped) return;
        const { done, value } = await this.#reader.read();
        if (this.#stopped) return;
        if (done) {
          this.#stopped = true;
          return this.#sink.onEnd();
        }
        if (!(value instanceof Uint8Array)) throw new TypeError("A part is not a Uint8Array");
        this.#sink.onPart(value);
      }
    } catch (error) {
      if (this.#stopped) return;
      this.stop();
      this.#sink.onFailure(error);
    }
  }

  /** Stops reading after the part that is being read, or goes on. */
  setPaused(paused: boolean): void {
    this.#paused = paused;
    if (paused) return;
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  }

  /** Reads no more, and drops the rest of the body. Idempotent. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.setPaused(false);
    this.#reader?.cancel().catch(() => {});
  }
}
