/**
 * Joins one byte stream to one engine: reads into the engine, writes what it produces, keeps its timer.
 *
 * Reading: an idle connection waits with a small buffer; one that fills it gets larger ones from the pool
 * and returns to the small one when its reads become short. Writing: what gathers in one turn goes out in
 * one write; while it is under way the next gathers.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { acquireBuffer, releaseBuffer } from "../../bytes/pool.ts";
import type { Clock } from "../../call/clock.ts";
import type { ConnectionEngine } from "../../call/wire.ts";
import type { ByteStream } from "../../transport/types.ts";
import { systemTurns, TURN_BYTES } from "../../event_loop/turns.ts";

/** What a {@link ConnectionDriver} needs. */
export interface DriverOptions {
  /** The bytes. The driver closes it. */
  stream: ByteStream;
  /** The state machine. */
  engine: ConnectionEngine;
  /** Time. */
  clock: Clock;
  /** Called once, after the stream was closed and the engine told; with an error when the stream broke. */
  onClose: (error?: Error) => void;
  /** How long one write may take none of its bytes, in ms, up to an eighth more. Default 30,000. */
  stallTimeoutMs?: number;
  /**
   * Whether the end of the stream waits for its turn, which is right for a server, whose connections may end all at
   * once with thousands of calls each. A client must know at once which connection not to use. Default false.
   */
  deferClose?: boolean;
  /**
   * How long the peer of a connection that ended well may say nothing, in ms. While it reads what is on its way it
   * gives credit now and then, which starts this time anew. Default 500, as after an error.
   */
  lingerMs?: number;
}

// What an idle connection reads with; who reads or writes less than this needn't wait for those who have more.
const SMALL_READ_BYTES = 4_096;
const LARGE_READ_BYTES = 65_536;
// A read may hold thousands of calls, so it is taken in slices, between which others get a turn. Their length follows
// what they cost, handlers included: half or twice the last one's, up to all of a read.
const LEAST_SLICE_BYTES = 1_024;
const SLICE_MS = 0.5;
// Output that came during a write, and is less than this, waits for the next turn, and what else comes until then.
const GATHER_BYTES = 16_384;
// After this many short reads in a row a connection goes back to the small buffer.
const SHORT_READS = 16;
// A write that takes none of its bytes is seen this often before the connection is closed.
const STALL_LOOKS = 8;
// After GOAWAY the peer gets this long to read it, because closing a socket with unread input drops output.
const LINGER_MS = 500;
// What it may send meanwhile, credit and acknowledgements, before more of it says that it doesn't want to end.
const LINGER_INPUT_BYTES = 1_048_576;
// Windows get no larger by default: more than this was not on its way when the connection ended.
const FLOOD_BYTES = 4_194_304;

// How many connections of a process may be slowed down at once: while one is, nobody sees whether its peer has gone.
const MAX_SLOWED = 64;
let slowed = 0;

/** The next turn of the loop, whoever else waits for one. */
function macrotask(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Runs one connection. */
export class ConnectionDriver {
  readonly #stream: ByteStream;
  readonly #engine: ConnectionEngine;
  readonly #clock: Clock;
  readonly #onClose: (error?: Error) => void;
  readonly #stallTimeoutMs: number;
  readonly #deferClose: boolean;
  #lingerMs: number;
  #writing = false;
  #flushQueued = false;
  #closed = false;
  #lingering = false;
  #lingerEndMs = 0;
  #lingerBytes = 0;
  #timer: unknown = null;
  #timerAtMs = Infinity;
  #stallTimer: unknown = null;
  // How many writes were begun, and how many at the last looks of the stall timer, with how often it saw the same.
  #writes = 0;
  #writesSeen = 0;
  #stalledLooks = 0;
  #sliceBytes = LEAST_SLICE_BYTES;
  #resumeRead: (() => void) | null = null;
  #endSlowdown: (() => void) | null = null;
  // A field, not a closure of the constructor, with which closed connections survive minor collections.
  readonly #wakeUp = () => this.wake();
  readonly #flushNow = () => {
    this.#flushQueued = false;
    this.#flush();
  };

  /** Takes over stream and engine; nothing happens before `start`. */
  constructor(options: DriverOptions) {
    this.#stream = options.stream;
    this.#engine = options.engine;
    this.#clock = options.clock;
    this.#onClose = options.onClose;
    this.#stallTimeoutMs = options.stallTimeoutMs ?? 30_000;
    this.#deferClose = options.deferClose ?? false;
    this.#lingerMs = Math.min(options.lingerMs ?? LINGER_MS, this.#stallTimeoutMs);
    this.#engine.onOutput = this.#wakeUp;
  }

  /** Whether the stream was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Begins. `initial` holds bytes that were read already. */
  start(initial?: Uint8Array): void {
    if (initial !== undefined && initial.length > 0) {
      this.#engine.receive(initial, this.#clock.now());
    }
    this.#afterInput();
    this.#readLoop();
  }

  /** Output or timers may have changed: flushes at the end of this turn. */
  wake(): void {
    if (this.#flushQueued || this.#closed) return;
    this.#flushQueued = true;
    queueMicrotask(this.#flushNow);
  }

  /** Closes at once; open calls end. `onClose` has been called when this returns. */
  close(reason: string, error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#timer !== null) this.#clock.clearTimer(this.#timer);
    if (this.#stallTimer !== null) this.#clock.clearTimer(this.#stallTimer);
    this.#engine.transportLost(reason, this.#clock.now());
    if (!this.#writing) this.#engine.out.clear();
    this.#stream.close();
    this.#resumeRead?.();
    this.#endSlowdown?.();
    this.#onClose(error);
  }

  async #readLoop(): Promise<void> {
    const engine = this.#engine;
    let buffer = acquireBuffer(SMALL_READ_BYTES);
    let short = 0;
    let turnBytes = 0;
    try {
      while (!this.#closed) {
        const count = await this.#stream.read(buffer);
        if (this.#closed) return;
        if (count === null) {
          if (this.#lingering) return this.close("The connection was closed");
          if (this.#deferClose) await systemTurns.nextTurn();
          if (this.#closed) return;
          engine.receiveEnd(this.#clock.now());
          return this.close("The peer closed the connection");
        }
        turnBytes += count;
        if (turnBytes >= TURN_BYTES || systemTurns.isTurnOver() && count >= SMALL_READ_BYTES) {
          turnBytes = 0;
          await systemTurns.nextTurn();
          if (this.#closed) return;
        }
        if (this.#lingering) {
          this.#lingerOn(count);
          continue;
        }
        if (count >= SMALL_READ_BYTES) {
          await this.#receiveSlices(buffer, count);
          if (this.#closed) return;
        } else {
          engine.receive(buffer.subarray(0, count), this.#clock.now());
          this.#afterInput();
        }
        if (this.#isThrottled) await this.#throttle();
        if (!engine.wantsRead && !engine.finished) await this.#readPaused();
        const fit = this.#fitBuffer(buffer, count, short);
        short = fit === buffer && buffer.length > SMALL_READ_BYTES && count < SMALL_READ_BYTES
          ? short + 1
          : 0;
        buffer = fit;
      }
    } catch (error) {
      if (this.#deferClose && !this.#closed) await systemTurns.nextTurn();
      this.close(`Connection lost: ${(error as Error).message}`, error as Error);
    } finally {
      releaseBuffer(buffer);
    }
  }

  async #receiveSlices(buffer: Uint8Array, count: number): Promise<void> {
    let startMs = this.#clock.now();
    let nowMs = startMs;
    for (let start = 0; start < count;) {
      const end = Math.min(start + this.#sliceBytes, count);
      this.#engine.receive(buffer.subarray(start, end), nowMs);
      this.#afterInput();
      start = end;
      const endMs = this.#clock.now();
      this.#fitSlice(systemTurns.scaledCost(endMs - nowMs), end < count);
      nowMs = endMs;
      const early = this.#isThrottled;
      if (start < count && (early || systemTurns.exceedsSlice(nowMs - startMs))) {
        systemTurns.spendTurn(nowMs - startMs);
        await (early ? this.#throttle() : systemTurns.nextTurn());
        if (this.#closed || this.#lingering) return;
        startMs = nowMs = this.#clock.now();
      }
    }
    systemTurns.spendTurn(nowMs - startMs);
  }

  // The last slice of a read may be short, and says nothing of longer ones.
  #fitSlice(tookMs: number, full: boolean): void {
    if (tookMs > SLICE_MS) {
      this.#sliceBytes = Math.max(this.#sliceBytes / 2, LEAST_SLICE_BYTES);
    } else if (full && tookMs < SLICE_MS / 2) {
      this.#sliceBytes = Math.min(this.#sliceBytes * 2, LARGE_READ_BYTES);
    }
  }

  #fitBuffer(
    buffer: Uint8Array<ArrayBuffer>,
    count: number,
    short: number,
  ): Uint8Array<ArrayBuffer> {
    let wanted = buffer.length;
    if (count === buffer.length && wanted < LARGE_READ_BYTES) wanted = LARGE_READ_BYTES;
    else if (short >= SHORT_READS && wanted > SMALL_READ_BYTES) wanted = SMALL_READ_BYTES;
    if (wanted === buffer.length) return buffer;
    releaseBuffer(buffer);
    return acquireBuffer(wanted);
  }

  get #isThrottled(): boolean {
    const { readThrottledUntilMs } = this.#engine;
    return readThrottledUntilMs !== undefined && readThrottledUntilMs > 0 && slowed < MAX_SLOWED &&
      !this.#engine.finished && readThrottledUntilMs > this.#clock.now();
  }

  #throttle(): Promise<void> {
    slowed++;
    return new Promise((resolve) => {
      const end = () => {
        this.#clock.clearTimer(timer);
        this.#endSlowdown = null;
        slowed--;
        resolve();
      };
      const timer = this.#clock.setTimer(
        end,
        this.#engine.readThrottledUntilMs! - this.#clock.now(),
      );
      this.#endSlowdown = end;
    });
  }

  #readPaused(): Promise<void> {
    return new Promise((resolve) => {
      this.#resumeRead = () => {
        this.#resumeRead = null;
        resolve();
      };
    });
  }

  #afterInput(): void {
    // Handlers that answer in a microtask get into the same write.
    if (this.#engine.out.length > 0 || this.#engine.finished) this.wake();
    else this.#arm();
  }

  #flush(): void {
    if (this.#closed) return;
    if (!this.#writing) {
      if (this.#engine.out.length > 0) {
        this.#writing = true;
        this.#write();
      } else if (this.#engine.finished) {
        this.#linger();
        return;
      }
    }
    // A paused reader may go on although nothing was written.
    if (this.#resumeRead !== null && this.#engine.wantsRead) this.#resumeRead();
    this.#arm();
  }

  async #write(): Promise<void> {
    const { out } = this.#engine;
    let turnBytes = 0;
    try {
      while (out.length > 0 && !this.#closed) {
        const { buffer, length } = out.take();
        try {
          let sent = 0;
          while (sent < length) {
            this.#watchStall();
            sent += await this.#stream.write(buffer.subarray(sent, length));
          }
          turnBytes += length;
        } finally {
          releaseBuffer(buffer);
        }
        if (turnBytes >= TURN_BYTES || systemTurns.isPolling() && length >= SMALL_READ_BYTES) {
          turnBytes = 0;
          await systemTurns.nextTurn();
        }
        if (this.#closed) break;
        this.#engine.outputDrained(this.#clock.now());
        if (this.#resumeRead !== null && this.#engine.wantsRead) this.#resumeRead();
        // Whoever made it (handlers that answer, callers that send) is often not done yet, but is before the next turn.
        if (out.length > 0 && out.length < GATHER_BYTES) await macrotask();
      }
    } catch (error) {
      this.close(`Connection lost: ${(error as Error).message}`, error as Error);
    }
    this.#writing = false;
    if (this.#closed) out.clear();
    else this.#flush();
  }

  // A timer that looks at times watches all writes: one per write, or the time of each, would cost more than it
  // (asking for the time is 1.5 % of a small call).
  #watchStall(): void {
    this.#writes++;
    this.#stallTimer ??= this.#clock.setTimer(
      () => this.#checkStall(),
      this.#stallTimeoutMs / STALL_LOOKS,
    );
  }

  #checkStall(): void {
    this.#stallTimer = null;
    if (!this.#writing || this.#closed) return;
    this.#stalledLooks = this.#writes === this.#writesSeen ? this.#stalledLooks + 1 : 0;
    this.#writesSeen = this.#writes;
    if (this.#stalledLooks >= STALL_LOOKS) {
      this.close(`The peer read nothing for ${this.#stallTimeoutMs} ms`);
    } else {
      this.#stallTimer = this.#clock.setTimer(
        () => this.#checkStall(),
        this.#stallTimeoutMs / STALL_LOOKS,
      );
    }
  }

  #arm(): void {
    const atMs = this.#engine.nextTimerMs();
    if (atMs >= this.#timerAtMs || this.#lingering) return;
    if (this.#timer !== null) this.#clock.clearTimer(this.#timer);
    this.#timerAtMs = atMs;
    this.#timer = this.#clock.setTimer(() => this.#onTimer(), atMs - this.#clock.now());
  }

  #onTimer(): void {
    this.#timer = null;
    this.#timerAtMs = Infinity;
    if (this.#closed) return;
    const nowMs = this.#clock.now();
    if (this.#engine.nextTimerMs() <= nowMs) this.#engine.onTimer(nowMs);
    this.#flush();
  }

  // Everything was said and written: end our side, and let the peer read it before the socket goes.
  #linger(): void {
    if (this.#lingering) return;
    this.#lingering = true;
    if (!this.#engine.closedGracefully) this.#lingerMs = LINGER_MS;
    this.#lingerEndMs = this.#clock.now() + this.#stallTimeoutMs;
    this.#closeAfterLinger();
    this.#resumeRead?.();
    this.#endSlowdown?.();
    this.#stream.closeWrite().catch((error: Error) => this.close(error.message, error));
  }

  // Whoever still takes what was sent on a slow link says so: a socket that is closed before would lose it.
  #lingerOn(count: number): void {
    this.#lingerBytes += count;
    if (this.#lingerBytes > FLOOD_BYTES) return this.close("The peer did not stop sending");
    const longer = this.#engine.closedGracefully && this.#lingerBytes <= LINGER_INPUT_BYTES &&
      this.#clock.now() + this.#lingerMs <= this.#lingerEndMs;
    if (longer) this.#closeAfterLinger();
  }

  #closeAfterLinger(): void {
    if (this.#timer !== null) this.#clock.clearTimer(this.#timer);
    this.#timer = this.#clock.setTimer(
      () => this.close("The connection was closed"),
      this.#lingerMs,
    );
  }
}
