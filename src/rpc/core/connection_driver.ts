/**
 * Joins one byte stream to one engine: reads into the engine, writes its output, keeps its timer.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import type { ConnectionEngine } from "../../call/wire.ts";
import { textOf, toError } from "../../errors.ts";
import { systemTurns, type TurnScheduler } from "../../event_loop/turns.ts";
import type { ByteStream } from "../../transport/types.ts";
import type { FailureLog } from "./failure_log.ts";
import { ConnectionReader, type ReaderOwner } from "./connection_reader.ts";
import { ConnectionWriter, type WriterOwner } from "./connection_writer.ts";
import { EngineTimer, type EngineTimerOwner } from "./engine_timer.ts";
import { Linger, LINGER_MS } from "./linger.ts";

/** Reason of the end of connections whose engine has thrown. */
export const CONNECTION_FAILED = "The connection failed";

/** Configuration of a {@link ConnectionDriver}. */
export interface DriverOptions {
  /** Byte stream of the connection. The driver closes it. */
  stream: ByteStream;
  /** Protocol state machine. */
  engine: ConnectionEngine;
  /** Time and timers. */
  clock: Clock;
  /** Called once, after the stream was closed and the engine notified; with an error if the stream broke. */
  onClose: (error?: Error) => void;
  /** Receives exceptions of the engine, after which the connection is closed. */
  failures: FailureLog;
  /** Time limit for a write that accepts none of its bytes, in ms; noticed up to an eighth later. Default 30,000. */
  stallTimeoutMs?: number;
  /**
   * Whether end of stream is handled in a later turn of the event loop. True for servers, whose connections may all end
   * at once with thousands of calls each; false for clients, which must not use a lost connection. Default false.
   */
  deferClose?: boolean;
  /**
   * Time without input after which the socket is closed after a graceful shutdown, in ms. A peer that still reads
   * returns credit, which restarts the time. Default 500, as after an error.
   */
  lingerMs?: number;
  /**
   * Called once when a write has failed. If it returns true, input is processed for at most 500 ms more, because the peer
   * may have sent its answer before it closed (RFC 9112 §9.6); the engine must start nothing new meanwhile. Default: the
   * connection is closed at once.
   */
  onWriteFailed?: () => boolean;
  /** Turns of the event loop. Default: those of this thread. */
  turns?: TurnScheduler;
}

/** Moves bytes between one connection's byte stream and its engine, and runs the engine's timer. */
export class ConnectionDriver implements ReaderOwner, WriterOwner, EngineTimerOwner {
  readonly #stream: ByteStream;
  readonly #engine: ConnectionEngine;
  readonly #clock: Clock;
  readonly #onClose: (error?: Error) => void;
  readonly #failures: FailureLog;
  readonly #stallTimeoutMs: number;
  readonly #lingerMs: number;
  readonly #reader: ConnectionReader;
  readonly #writer: ConnectionWriter;
  readonly #timer: EngineTimer;
  #linger: Linger | null = null;
  readonly #onWriteFailed: (() => boolean) | undefined;
  #writeError: Error | null = null;
  #lastReadsTimer: unknown = null;
  #flushQueued = false;
  #closed = false;
  // These closures are field initializers, because closures made in the constructor would keep closed connections alive
  // across minor garbage collections.
  readonly #wakeUp = () => this.wake();
  readonly #flushNow = () => {
    this.#flushQueued = false;
    this.#flushSafely();
  };

  /** Creates the driver, which from now on owns the stream and the engine; no I/O before `start`. */
  constructor(options: DriverOptions) {
    const { stream, engine, clock, turns = systemTurns, stallTimeoutMs = 30_000 } = options;
    const io = { stream, engine, clock, turns };
    this.#stream = stream;
    this.#engine = engine;
    this.#clock = clock;
    this.#onClose = options.onClose;
    this.#failures = options.failures;
    this.#stallTimeoutMs = stallTimeoutMs;
    this.#lingerMs = Math.min(options.lingerMs ?? LINGER_MS, stallTimeoutMs);
    this.#onWriteFailed = options.onWriteFailed;
    this.#reader = new ConnectionReader(this, io, options.deferClose ?? false);
    this.#writer = new ConnectionWriter(this, io, stallTimeoutMs);
    this.#timer = new EngineTimer(this, io);
    engine.onOutput = this.#wakeUp;
  }

  /** Whether the stream was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Whether all output was written and the driver waits for the peer to close its side. */
  get lingering(): boolean {
    return this.#linger !== null;
  }

  /** Starts to read and write. `initial` holds bytes that were read already. */
  start(initial?: Uint8Array): void {
    try {
      if (initial !== undefined && initial.length > 0) {
        this.#engine.receive(initial, this.#clock.now());
      }
      this.onInput();
    } catch (error) {
      this.fail(error);
    }
    this.#reader.run();
  }

  /** Runs `body`, a call of the engine's methods. An exception closes the connection. */
  guard(body: () => void): void {
    try {
      body();
    } catch (error) {
      this.fail(error);
    }
  }

  /**
   * Closes the connection because the engine, or what it calls, has thrown: its state may be inconsistent. The
   * exception is logged. Never throws.
   */
  fail(error: unknown): void {
    this.#failures.error("A connection with {peer} is closed, because it failed: {error}", {
      peer: this.#stream.peer.address,
      error,
    });
    this.close(CONNECTION_FAILED, new Error(CONNECTION_FAILED, { cause: error }));
  }

  /** Schedules a flush in a microtask, because the engine's output or timer may have changed. */
  wake(): void {
    if (this.#flushQueued || this.#closed) return;
    this.#flushQueued = true;
    queueMicrotask(this.#flushNow);
  }

  /** Closes at once and ends open calls. `onClose` has been called when this returns. */
  close(reason: string, error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#writeError !== null) {
      error = this.#writeError;
      reason = `Connection lost: ${error.message}`;
    }
    this.#timer.stop();
    this.#linger?.stop();
    if (this.#lastReadsTimer !== null) this.#clock.clearTimer(this.#lastReadsTimer);
    // Each step must follow whatever the one before has thrown: a connection that is not closed counts as open for ever.
    this.guard(() => this.#engine.transportLost(reason, this.#clock.now()));
    this.#writer.close();
    this.guard(() => this.#stream.close());
    this.#reader.interrupt();
    this.guard(() => this.#onClose(error));
  }

  /** Writes output and re-arms the timer after input. */
  onInput(): void {
    // Responses of handlers that answer in a microtask are coalesced into the same write.
    if (this.#engine.out.length > 0 || this.#engine.finished) this.wake();
    else this.#arm();
  }

  /** Counts discarded input, which may restart the linger timer or close the connection. */
  onDiscarded(count: number): void {
    this.#linger?.onInput(count);
  }

  /** Reports accepted output to the engine, which may then produce more, and resumes paused reads. */
  onDrained(): void {
    this.#engine.outputDrained(this.#clock.now());
    this.#reader.resume();
  }

  /** Closes the connection, on a client once the input that had already arrived is processed. */
  onWriteFailed(error: unknown): void {
    if (this.#closed) return;
    const { message } = this.#writeError = toError(error);
    if (!this.#onWriteFailed?.()) return this.close(message);
    if (this.#closed) return;
    this.#lastReadsTimer = this.#clock.setTimer(() => this.close(message), LINGER_MS);
  }

  /** Called after all output was written: lingers if the engine has finished, otherwise resumes reads and arms the timer. */
  onWritten(): void {
    this.#flushSafely();
  }

  /** Writes output that the engine's timer has produced. */
  onTimer(): void {
    this.#flushSafely();
  }

  #flushSafely(): void {
    try {
      this.#flush();
    } catch (error) {
      this.fail(error);
    }
  }

  #flush(): void {
    if (this.#closed) return;
    if (this.#engine.finished && this.#engine.closesAtOnce) {
      return this.close("The connection was closed");
    }
    if (this.#writeError !== null) {
      if (this.#engine.finished) this.close(this.#writeError.message);
      else this.#reader.resume();
      return;
    }
    if (!this.#writer.writing) {
      if (this.#engine.out.length > 0) {
        this.#writer.start();
      } else if (this.#engine.finished) {
        this.#startLinger();
        return;
      }
    }
    // The engine may end a read pause without producing output.
    this.#reader.resume();
    this.#arm();
  }

  #arm(): void {
    if (this.#linger === null) this.#timer.arm();
  }

  #startLinger(): void {
    if (this.#linger !== null) return;
    this.#timer.stop();
    const times = { quietMs: this.#lingerMs, maxMs: this.#stallTimeoutMs };
    this.#linger = new Linger(this.#engine, this.#clock, times, (reason) => this.close(reason));
    this.#reader.interrupt();
    this.#stream.closeWrite().catch((error) => this.close(textOf(error), toError(error)));
  }
}
