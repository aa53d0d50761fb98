/**
 * One client connection, from the dial to the close.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import { Status } from "../../call/status.ts";
import type {
  CallRequest,
  ClientCall,
  ClientCallSink,
  ClientConnection,
  ClientConnectionSink,
} from "../../call/wire.ts";
import { TransportError } from "../../errors.ts";
import { transportError } from "../../transport/failure.ts";
import type { ByteStream } from "../../transport/types.ts";
import type { Pickable } from "./balancer.ts";
import type { ConnectionStats } from "./options.ts";
import { ConnectionDriver } from "../core/connection_driver.ts";
import { type CallObserver, ObservedClientCall } from "../core/observer.ts";
import { ProcessRef } from "./process_ref.ts";

/** What a connection needs and whom it tells. */
export interface ConnectionOptions {
  /** Where it goes, for texts and figures. */
  readonly address: string;
  /** Opens the byte stream; gives up when the signal fires. */
  readonly dial: (signal: AbortSignal) => Promise<ByteStream>;
  /** Makes the engine once the byte stream is open. */
  readonly engine: (
    sink: ClientConnectionSink,
    stream: ByteStream,
    nowMs: number,
  ) => ClientConnection;
  /** From the dial to the peer's first settings, in ms. */
  readonly connectTimeoutMs: number;
  readonly clock: Clock;
  /** The server objected to how often this side pings. */
  readonly onTooManyPings: () => void;
  readonly log: (level: "debug" | "warn", message: string) => void;
  /** Who watches attempts, if anyone does. */
  readonly observer?: CallObserver;
}

/** Hears what becomes of a connection. */
export interface PooledConnectionOwner {
  /** Calls may be started. */
  onReady(connection: Connection): void;
  /** It takes no new calls any more; open ones go on. */
  onDraining(connection: Connection): void;
  /** It is gone, or never came to be. Called once. */
  onClosed(connection: Connection, error: Error): void;
  /** A slot became free, or more of them are allowed. */
  onFree(connection: Connection): void;
}

// After `abort` the goodbye gets this long to leave, for a peer that reads nothing.
const GOODBYE_MS = 1_000;

/** One connection of a pool. */
export class Connection implements ClientConnectionSink, Pickable {
  readonly address: string;
  state: "connecting" | "ready" | "draining" | "closed" = "connecting";
  /** Set by health checks: a connection that isn't healthy gets no calls. */
  healthy = true;
  /** Whether its first health check is under way, which is a part of connecting. */
  checking = false;
  /** Calls that travel in batches, which the engine counts as one stream. */
  batchedCalls = 0;
  callsStarted = 0;
  /** `callsStarted` when the pool last looked, to tell whether it was idle since. */
  callsSeen = 0;
  pingMs: number | undefined = undefined;
  /** Whether it was closed before it was ready. */
  wasConnecting = false;
  /** The batch stream of this connection, if there is one. */
  batch: { onDraining(): void } | undefined = undefined;
  readonly #options: ConnectionOptions;
  readonly #owner: PooledConnectionOwner;
  readonly #startedMs: number;
  #engine: ClientConnection | undefined = undefined;
  #driver: ConnectionDriver | undefined = undefined;
  #abort: AbortController | undefined = new AbortController();
  #timer: unknown;
  #secure = false;
  #pingsHeard = false;
  #processRef: ProcessRef | undefined = undefined;

  /** Does nothing until `start`. */
  constructor(options: ConnectionOptions, owner: PooledConnectionOwner) {
    this.address = options.address;
    this.#options = options;
    this.#owner = owner;
    this.#startedMs = options.clock.now();
    this.#timer = options.clock.setTimer(() => {
      this.fail(
        new TransportError(
          `Cannot connect to ${this.address}: timed out after ${options.connectTimeoutMs} ms`,
          { address: this.address },
        ),
      );
    }, options.connectTimeoutMs);
  }

  /** Connects; the owner hears how it went. */
  start(): void {
    this.#connect();
  }

  /** Whether it takes one more call now. */
  get free(): boolean {
    const engine = this.#engine!;
    return engine.usable && engine.activeCalls < engine.maxCalls;
  }

  /** Calls in flight. */
  get load(): number {
    const active = this.#engine === undefined ? 0 : this.#engine.activeCalls;
    return this.batch === undefined ? active + this.batchedCalls : active + this.batchedCalls - 1;
  }

  /** How many calls the server takes at once. */
  get maxCalls(): number {
    return this.#engine!.maxCalls;
  }

  /** Whether the connection is encrypted. */
  get secure(): boolean {
    return this.#secure;
  }

  /** When connecting began, in the clock's ms. */
  get startedMs(): number {
    return this.#startedMs;
  }

  /** Starts a call; throws RangeError when the connection isn't `free`. */
  startCall(request: CallRequest, sink: ClientCallSink): ClientCall {
    this.callsStarted++;
    const { observer } = this.#options;
    if (observer === undefined) return this.#engine!.startCall(request, sink);
    const observed = observer.started(request.path, true);
    if (observed === undefined) return this.#engine!.startCall(request, sink);
    const { clock } = this.#options;
    const deadlineMs = clock.now() + (request.timeoutMs ?? Infinity);
    const call = new ObservedClientCall(observed, sink, () => clock.now() >= deadlineMs);
    return call.join(this.#engine!.startCall(request, call));
  }

  /** Pings; `onPong` gets the round-trip time in ms. */
  ping(onPong: (elapsedMs: number) => void): void {
    const startMs = this.#options.clock.now();
    this.#engine!.ping(startMs, (nowMs) => onPong(nowMs - startMs));
    this.#driver!.wake();
  }

  /** Takes no new calls, and closes when the open ones have ended. */
  drain(): void {
    if (this.state === "connecting") return this.fail(new Error("Not needed any more"));
    if (this.state !== "ready") return;
    this.#toDraining();
    this.#engine!.drain(this.#options.clock.now());
    this.#driver!.wake();
  }

  /** Ends open calls, says goodbye and closes. */
  abort(reason: string): void {
    if (this.#driver === undefined) return this.fail(new Error(reason));
    if (this.state === "closed") return;
    this.#engine!.abort(Status.UNAVAILABLE, reason, this.#options.clock.now());
    this.#driver.wake();
    this.#clearTimer();
    this.#timer = this.#options.clock.setTimer(() => this.fail(new Error(reason)), GOODBYE_MS);
  }

  /** Closes at once; open calls end with UNAVAILABLE. Idempotent. */
  fail(error: Error): void {
    if (this.state === "closed") return;
    if (this.#driver !== undefined) return this.#driver.close(error.message, error);
    this.#abort?.abort(error);
    this.#closed(error);
  }

  /** Figures. */
  stats(): ConnectionStats {
    const engine = this.#engine;
    const state = this.state === "ready" && !this.healthy ? "unhealthy" : this.state;
    return {
      address: this.address,
      state: state === "closed" ? "draining" : state,
      activeCalls: this.load,
      maxCalls: engine?.maxCalls ?? 0,
      callsStarted: this.callsStarted,
      bufferedBytes: engine?.bufferedBytes ?? 0,
      pingMs: this.pingMs,
      ageMs: this.#options.clock.now() - this.#startedMs,
    };
  }

  async #connect(): Promise<void> {
    const { dial, engine, clock } = this.#options;
    let stream: ByteStream;
    try {
      stream = await dial(this.#abort!.signal);
      if (stream.handshake !== undefined && this.state === "connecting") {
        await this.#handshake(stream);
      }
    } catch (error) {
      return this.#closed(error instanceof Error ? error : new Error(String(error)));
    }
    // Given up meanwhile.
    if (this.state !== "connecting") return stream.close();
    this.#abort = undefined;
    this.#secure = stream.peer.tls !== undefined;
    // What an open socket does for the process, nothing does for a connection inside of it.
    if (stream.peer.transport === "memory") this.#keepProcessAlive();
    try {
      this.#engine = engine(this, stream, clock.now());
    } catch (error) {
      stream.close();
      return this.#closed(error as Error);
    }
    this.#driver = new ConnectionDriver({
      stream,
      engine: this.#engine,
      clock,
      onClose: (error) => this.#closed(this.#lossOf(error)),
    });
    this.#driver.start();
  }

  async #handshake(stream: ByteStream): Promise<void> {
    const close = () => stream.close();
    this.#abort!.signal.addEventListener("abort", close);
    try {
      await stream.handshake!();
    } catch (error) {
      stream.close();
      throw error;
    } finally {
      this.#abort?.signal.removeEventListener("abort", close);
    }
  }

  // What calls are told that wait for a connection: the address, and how the peer or the engine ended it.
  #lossOf(error: Error | undefined): Error {
    const { address } = this;
    const what = this.state === "connecting" ? "Cannot connect to" : "Lost the connection to";
    return transportError(what, address, error ?? new Error(this.#engine!.endReason));
  }

  #closed(error: Error): void {
    if (this.state === "closed") return;
    this.wasConnecting = this.state === "connecting";
    this.state = "closed";
    this.#clearTimer();
    this.#processRef?.release();
    this.#hearOfPings();
    this.#owner.onClosed(this, error);
  }

  #hearOfPings(): void {
    if (!this.#engine?.tooManyPings || this.#pingsHeard) return;
    this.#pingsHeard = true;
    this.#options.onTooManyPings();
  }

  #keepProcessAlive(): void {
    this.#processRef = new ProcessRef();
    this.#processRef.acquire();
  }

  #toDraining(): void {
    this.state = "draining";
    // Before the owner makes the next connection.
    this.#hearOfPings();
    this.#owner.onDraining(this);
    this.batch?.onDraining();
  }

  #clearTimer(): void {
    if (this.#timer !== undefined) this.#options.clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  // ---- from the engine ---------------------------------------------------------------------------------

  onStateChange(): void {
    const engine = this.#engine;
    if (engine === undefined || this.state === "closed") return;
    // A connection that breaks isn't one that drains: `onClosed` follows.
    if (this.#driver?.closed) return;
    if (this.state === "connecting" && engine.usable) {
      this.#clearTimer();
      this.state = "ready";
      this.#owner.onReady(this);
    } else if (this.state === "ready") {
      if (engine.usable) this.#owner.onFree(this);
      else this.#toDraining();
    }
  }

  onCallEnd(): void {
    if (this.state === "ready") this.#owner.onFree(this);
  }

  onNote(level: "debug" | "warn", message: string): void {
    this.#options.log(level, `${this.address}: ${message}`);
  }
}
