/** Writes of one end: a copy of src/rpc/core/connection_writer.ts without promises. */

import { releaseBuffer } from "../../../src/bytes/pool.ts";
import type { ConnectionEngine } from "../../../src/call/wire.ts";
import { TURN_BYTES } from "../../../src/event_loop/turns.ts";
import type { WriterOwner } from "../../../src/rpc/core/connection_writer.ts";
import { StallWatch, type StallWatchOwner } from "../../../src/rpc/core/stall_watch.ts";
import type { Process } from "./process.ts";

const SMALL_WRITE_BYTES = 4_096;
const COALESCE_BYTES = 16_384;

/** Link that bytes are written to. */
export interface Output {
  /** Accepts bytes from `from` on; returns their number. */
  accept(bytes: Uint8Array, from: number): number;
}

/** Writes the engine's output to the link. */
export class Writer implements StallWatchOwner {
  writing = false;
  readonly #stall: StallWatch;
  #buffer: Uint8Array<ArrayBuffer> | null = null;
  #length = 0;
  #offset = 0;
  #turnBytes = 0;
  #waiting = false;

  constructor(
    readonly owner: WriterOwner,
    readonly engine: ConnectionEngine,
    readonly process: Process,
    readonly output: Output,
  ) {
    this.#stall = new StallWatch(this, process.clock, 30_000);
  }

  /** Starts to write, or continues once the link has room. */
  run(): void {
    this.writing = true;
    while (!this.#waiting && !this.owner.closed && this.#step());
  }

  /** Discards output, because the connection is closed. */
  close(): void {
    this.writing = false;
    this.#stall.stop();
    this.engine.out.clear();
  }

  onStall(): void {
    this.owner.close("The peer read nothing");
  }

  #step(): boolean {
    const { out } = this.engine;
    if (this.#buffer === null) {
      if (out.length === 0) {
        this.writing = false;
        this.#turnBytes = 0;
        this.owner.onWritten();
        return false;
      }
      const { buffer, length } = out.take();
      this.#buffer = buffer;
      this.#length = length;
      this.#offset = 0;
    }
    this.#stall.onWrite();
    const bytes = this.#buffer.subarray(0, this.#length);
    this.#offset += this.output.accept(bytes, this.#offset);
    if (this.#offset < this.#length) return false;
    bytes.fill(0xdd);
    releaseBuffer(this.#buffer);
    this.#buffer = null;
    this.engine.out.accepted = this.engine.out.taken;
    return this.#endWrite(this.#length);
  }

  #endWrite(length: number): boolean {
    const { turns } = this.process;
    this.#turnBytes += length;
    if (this.#turnBytes < TURN_BYTES && !(turns.isPolling() && length >= SMALL_WRITE_BYTES)) {
      return this.#drain();
    }
    this.#turnBytes = 0;
    this.#waiting = true;
    turns.onNextTurn(() => {
      this.#waiting = false;
      if (!this.owner.closed && this.#drain()) this.run();
    });
    return false;
  }

  #drain(): boolean {
    this.owner.onDrained();
    const { length } = this.engine.out;
    if (length === 0 || length >= COALESCE_BYTES) return true;
    this.#waiting = true;
    this.process.turns.loop.setImmediate(() => {
      this.#waiting = false;
      this.run();
    });
    return false;
  }
}
