/** One end of a simulated connection: a copy of src/rpc/core/connection_driver.ts without promises. */

import type { ConnectionEngine } from "../../../src/call/wire.ts";
import type { ReaderOwner } from "../../../src/rpc/core/connection_reader.ts";
import type { WriterOwner } from "../../../src/rpc/core/connection_writer.ts";
import { EngineTimer, type EngineTimerOwner } from "../../../src/rpc/core/engine_timer.ts";
import { Linger, LINGER_MS } from "../../../src/rpc/core/linger.ts";
import type { Link } from "./network.ts";
import type { Process } from "./process.ts";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

const LINGER_TIMES = { quietMs: LINGER_MS, maxMs: 30_000 };

/** Joins an engine to its two links. */
export class End implements ReaderOwner, WriterOwner, EngineTimerOwner {
  /** Whether the byte stream was closed and the engine notified. */
  closed = false;
  readonly #reader: Reader;
  readonly #writer: Writer;
  readonly #timer: EngineTimer;
  #linger: Linger | null = null;
  #queued = false;

  constructor(
    readonly process: Process,
    readonly engine: ConnectionEngine,
    readonly output: Link,
    readonly input: Link,
    deferClose: boolean,
  ) {
    this.#reader = new Reader(this, engine, process, input, deferClose);
    this.#writer = new Writer(this, engine, process, output);
    const { clock, turns } = process;
    this.#timer = new EngineTimer(this, { engine, clock, turns });
    engine.onOutput = () => this.wake();
    output.onSpace = () => this.#writer.run();
    input.onArrival = (bytes) => this.#reader.arrive(bytes);
  }

  get lingering(): boolean {
    return this.#linger !== null;
  }

  /** Flushes at the end of this turn. */
  wake(): void {
    if (this.#queued || this.closed) return;
    this.#queued = true;
    this.process.events.after(0, () => {
      this.#queued = false;
      this.#flush();
    });
  }

  onInput(): void {
    this.wake();
  }

  onDiscarded(count: number): void {
    this.#linger?.onInput(count);
  }

  onDrained(): void {
    this.engine.outputDrained(this.process.events.nowMs);
    this.#reader.run();
  }

  onWritten(): void {
    this.#flush();
  }

  onTimer(): void {
    this.#flush();
  }

  /** Fails the simulation: an engine has thrown. */
  fail(error: unknown): never {
    throw error;
  }

  /** Fails the simulation: a link accepts output until it is broken. */
  onWriteFailed(error: unknown): never {
    throw error;
  }

  /** Closes the byte stream now. */
  close(reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.#timer.stop();
    this.#linger?.stop();
    this.engine.transportLost(reason, this.process.events.nowMs);
    this.#writer.close();
    this.#reader.interrupt();
    if (!this.lingering) this.output.end();
    this.input.broken = true;
  }

  #flush(): void {
    if (this.closed) return;
    if (!this.#writer.writing) {
      if (this.engine.out.length > 0) this.#writer.run();
      else if (this.engine.finished) return this.#startLinger();
    }
    this.#reader.run();
    if (!this.closed && !this.lingering) this.#timer.arm();
  }

  #startLinger(): void {
    if (this.#linger !== null) return;
    this.#timer.stop();
    this.#linger = new Linger(
      this.engine,
      this.process.foreground,
      LINGER_TIMES,
      (reason) => this.close(reason),
    );
    this.output.end();
    this.#reader.interrupt();
    this.#reader.run();
  }
}
