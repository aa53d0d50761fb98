import type { ByteStream } from "../../../src/transport/types.ts";

/** A stream whose writes end when the test resolves them, and whose reads wait for the close. */
export class SlowStream implements ByteStream {
  readonly peer = { address: "peer", transport: "memory" };
  readonly localAddress = "here";
  readonly writes: ((count: number) => void)[] = [];
  closed = false;
  #reject: (error: Error) => void = () => {};

  read(_buffer: Uint8Array): Promise<number | null> {
    return new Promise((_, reject) => this.#reject = reject);
  }

  write(_data: Uint8Array): Promise<number> {
    return new Promise((resolve) => this.writes.push(resolve));
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.closed = true;
    this.#reject(new Error("closed"));
  }
}

/** A stream that fills the buffer of each read, `count` times, and then waits. */
export class FullStream extends SlowStream {
  #value = 0;

  constructor(public count: number) {
    super();
  }

  override read(buffer: Uint8Array): Promise<number | null> {
    if (this.count-- <= 0) return super.read(buffer);
    for (let i = 0; i < buffer.length; i++) buffer[i] = this.#value++;
    return Promise.resolve(buffer.length);
  }
}

/** A stream whose reads the test answers. */
export class GivingStream extends SlowStream {
  #give: ((count: number | null) => void) | undefined;
  #asked = () => {};

  override read(): Promise<number | null> {
    return new Promise((resolve) => {
      this.#give = resolve;
      this.#asked();
    });
  }

  /** Answers the next read, which may wait for its turn; null ends the stream. */
  async give(count: number | null): Promise<void> {
    if (this.#give === undefined) await new Promise<void>((resolve) => this.#asked = resolve);
    const give = this.#give!;
    this.#give = undefined;
    give(count);
    await microtasks();
  }

  /** Whether a read waits for an answer. */
  get reading(): boolean {
    return this.#give !== undefined;
  }

  override close(): void {
    this.closed = true;
    this.#give?.(0);
  }
}

/** Lets promises that are already resolved take effect. */
export async function microtasks(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
