/** Reads of one end: a copy of src/rpc/core/connection_reader.ts without promises. */

import type { ConnectionEngine } from "../../../src/call/wire.ts";
import { TURN_BYTES } from "../../../src/event_loop/turns.ts";
import type { ReaderOwner } from "../../../src/rpc/core/connection_reader.ts";
import { SMALL_READ_BYTES } from "../../../src/rpc/core/read_buffer.ts";
import { SliceLength } from "../../../src/rpc/core/read_slices.ts";
import { ReadThrottle } from "../../../src/rpc/core/read_throttle.ts";
import type { Process } from "./process.ts";

/** Link that bytes are read from. */
export interface Input {
  read(count: number): void;
}

/** Passes input to the engine, in fair shares of the process's time. */
export class Reader {
  readonly #slice = new SliceLength();
  readonly #throttle: ReadThrottle;
  #arrived: Uint8Array[] = [];
  #ended = false;
  // The read in progress, the number of its bytes that were processed, and the work since the last turn.
  #bytes: Uint8Array | null = null;
  #offset = 0;
  #workMs = 0;
  #turnBytes = 0;
  #waiting = false;

  constructor(
    readonly owner: ReaderOwner,
    readonly engine: ConnectionEngine,
    readonly process: Process,
    readonly input: Input,
    readonly deferClose: boolean,
  ) {
    this.#throttle = new ReadThrottle(engine, process.foreground, process.throttleSlots);
  }

  /** Queues bytes that arrive; null ends the stream. */
  arrive(bytes: Uint8Array | null): void {
    if (bytes === null) this.#ended = true;
    else this.#arrived.push(bytes);
    this.run();
  }

  /** Reads as far as the engine, its throttle and the turns of the process allow. */
  run(): void {
    while (!this.#waiting && !this.owner.closed) {
      if (this.#bytes !== null) this.#receive(this.#bytes);
      else if (!this.#next()) return;
    }
  }

  /** Ends a throttle, because the connection is closed or starts to linger. */
  interrupt(): void {
    this.#throttle.end();
    if (this.owner.closed) this.#arrived.length = 0;
  }

  /** Begins the next read; false if there is none, or it has to wait. */
  #next(): boolean {
    const { owner, engine } = this;
    if (this.#arrived.length === 0) {
      if (this.#ended) this.#receiveEnd();
      return false;
    }
    if (!owner.lingering) {
      if (this.#throttle.isDue) {
        this.#wait((resume) => this.#throttle.onEnd(resume));
        return false;
      }
      if (!engine.wantsRead && !engine.finished) return false;
    }
    const bytes = this.#bytes = this.#arrived.shift()!;
    this.#offset = 0;
    this.input.read(bytes.length);
    this.#turnBytes += bytes.length;
    const long = bytes.length >= SMALL_READ_BYTES;
    if (this.#turnBytes < TURN_BYTES && !(long && this.process.turns.isTurnOver())) return true;
    this.#turnBytes = 0;
    this.#waitTurn();
    return false;
  }

  #receive(bytes: Uint8Array): void {
    const { owner, process } = this;
    if (owner.lingering) {
      this.#bytes = null;
      if (this.#offset === 0) owner.onDiscarded(bytes.length);
    } else if (bytes.length < SMALL_READ_BYTES) {
      this.#bytes = null;
      this.#give(bytes);
    } else {
      const startMs = process.events.nowMs;
      const end = Math.min(this.#offset + this.#slice.bytes, bytes.length);
      this.#give(bytes.subarray(this.#offset, end));
      this.#offset = end;
      this.#endSlice(process.events.nowMs - startMs, end === bytes.length);
    }
  }

  #give(chunk: Uint8Array): void {
    this.engine.receive(chunk, this.process.events.nowMs);
    // A view that the engine kept would show these.
    chunk.fill(0xee);
    this.process.work(chunk.length);
    this.owner.onInput();
  }

  #endSlice(tookMs: number, last: boolean): void {
    const { turns } = this.process;
    this.#slice.adjust(turns.scaledCost(tookMs), !last);
    this.#workMs += tookMs;
    const throttled = this.#throttle.isDue;
    if (!last && !throttled && !turns.exceedsSlice(this.#workMs)) return;
    turns.spendTurn(this.#workMs);
    this.#workMs = 0;
    if (last) this.#bytes = null;
    else if (throttled) this.#wait((resume) => this.#throttle.onEnd(resume));
    else this.#waitTurn();
  }

  #receiveEnd(): void {
    this.#ended = false;
    if (this.owner.lingering) return this.owner.close("The connection was closed");
    const end = () => {
      if (this.owner.closed) return;
      this.engine.receiveEnd(this.process.events.nowMs);
      this.owner.close("The peer closed the connection");
    };
    if (this.deferClose) this.process.turns.onNextTurn(end);
    else end();
  }

  #waitTurn(): void {
    this.#wait((resume) => this.process.turns.onNextTurn(resume));
  }

  #wait(until: (resume: () => void) => void): void {
    this.#waiting = true;
    until(() => {
      this.#waiting = false;
      this.run();
    });
  }
}
