/**
 * A client connection, from the dial to the close.
 *
 * @module
 */

import type { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import type {
  CallRequest,
  ClientCall,
  ClientConnection,
  ClientConnectionSink,
} from "../../call/wire.ts";
import { RpcError, toError, TransportError } from "../../errors.ts";
import { transportError } from "../../transport/failure.ts";
import type { ByteStream } from "../../transport/types.ts";
import { abortSafely, newAbortController } from "../core/abort.ts";
import type { SubchannelListener } from "../balancer/types.ts";
import type { Pickable } from "./connection_choice.ts";
import type { ConnectionStats } from "./options.ts";
import { CONNECTION_FAILED, ConnectionDriver } from "../core/connection_driver.ts";
import { endLostCall, OpenCalls, type OpenClientCall } from "../core/open_calls.ts";
import { Observation, ObservedClientCall } from "../core/observer.ts";
import { AttestationGate } from "./attestation_gate.ts";
import type { ConnectionOptions } from "./connection_options.ts";
import { EngineFacts } from "./engine_facts.ts";
import { ProcessRef } from "./process_ref.ts";

export type { ConnectionOptions } from "./connection_options.ts";

/** Receives the events of a connection. */
export interface PooledConnectionOwner {
  /** The connection accepts calls. */
  onReady(connection: Connection): void;
  /** The connection accepts no new calls; open ones continue. */
  onDraining(connection: Connection): void;
  /** The connection has closed, or dialling failed. Called once. */
  onClosed(connection: Connection, error: Error): void;
  /** A call ended, or the server raised its limit of concurrent calls. */
  onFree(connection: Connection): void;
}

// Time limit for sending the last frames of an aborted connection.
const ABORT_FLUSH_MS = 1_000;

/** One connection of a pool. */
export class Connection implements ClientConnectionSink, Pickable {
  readonly address: string;
  /** Address of the server's end; `address` until it is known. */
  peerAddress: string;
  state: "connecting" | "ready" | "draining" | "closed" = "connecting";
  /** Set by health checks; while it is false, the connection gets no calls. */
  healthy = true;
  /** Whether the first health check is in progress; the connection counts as connecting until then. */
  checking = false;
  /** Calls on the batch stream, which the engine counts as one call. */
  batchedCalls = 0;
  callsStarted = 0;
  /** Calls of the balancer in flight, which do not count as load. */
  readonly ownCalls = new Set<{ onDraining(): void }>();
  /** Receives the ends of calls; undefined if the balancer does not use them. */
  callListener: SubchannelListener["onCallEnd"] = undefined;
  /** `callsStarted` at the trimmer's last check; equal if the connection has been idle since. */
  callsSeen = 0;
  pingMs: number | undefined = undefined;
  /** Whether this side has ended the connection. */
  endedHere = false;
  /** Whether the connection closed before it was ready. */
  wasConnecting = false;
  /** The open batch stream, if any; notified when the connection starts to drain. */
  batch: { onDraining(): void } | undefined = undefined;
  readonly #options: ConnectionOptions;
  readonly #owner: PooledConnectionOwner;
  readonly #startedMs: number;
  #engine: ClientConnection | undefined = undefined;
  #facts: EngineFacts | undefined = undefined;
  #driver: ConnectionDriver | undefined = undefined;
  #connecting: Promise<void> | undefined = undefined;
  stream: ByteStream | undefined = undefined;
  #abort: AbortController | undefined = newAbortController();
  #timer: unknown;
  #secure = false;
  #tooManyPingsReported = false;
  #processRef: ProcessRef | undefined = undefined;
  readonly #gate: AttestationGate;
  readonly #calls = new OpenCalls<OpenClientCall>();

  /** Starts the connect timeout; dials on `start`. */
  constructor(options: ConnectionOptions, owner: PooledConnectionOwner) {
    const { address, connectTimeoutMs } = options;
    this.peerAddress = this.address = address;
    this.#options = options;
    this.#owner = owner;
    this.#startedMs = options.clock.now();
    this.#gate = new AttestationGate(options.attest, {
      passed: () => this.onStateChange(),
      failed: (error) => this.fail(error),
    });
    this.#timer = options.clock.setTimer(() => {
      const text = `Cannot connect to ${address}: timed out after ${connectTimeoutMs} ms`;
      this.fail(new TransportError(text, { address }));
    }, connectTimeoutMs);
  }

  /** Dials; calls the owner's `onReady` or `onClosed` when the dial ends. */
  start(): void {
    this.#connecting = this.#connect().catch((error) => this.#closed(toError(error)));
  }

  /** Whether another call can start. */
  get free(): boolean {
    return this.#facts!.free;
  }

  /** Calls in flight, batched ones counted singly. */
  get load(): number {
    const active = (this.#facts === undefined ? 0 : this.#facts.activeCalls) -
      this.ownCalls.size;
    return this.batch === undefined ? active + this.batchedCalls : active + this.batchedCalls - 1;
  }

  /** Concurrent calls that the server allows. */
  get maxCalls(): number {
    return this.#facts!.maxCalls;
  }

  /** Whether the connection is encrypted. */
  get secure(): boolean {
    return this.#secure;
  }

  /** See `ClientConnection.goaway`. */
  get goaway(): string | undefined {
    return this.#facts?.goaway;
  }

  /** Time at which dialling began, in the clock's ms. */
  get startedMs(): number {
    return this.#startedMs;
  }

  /** Whether the connection carried a response, or ended because a call was given up (HTTP/1.1). */
  get endedByCall(): boolean {
    return this.#facts?.endedByCall ?? false;
  }

  /**
   * Starts a call. Throws RangeError if the connection is not `free`, TypeError or RpcError for a call that it cannot
   * carry. Any other exception of the engine, and one after it has begun the call, closes the connection.
   */
  startCall(request: CallRequest, sink: OpenClientCall): ClientCall {
    this.callsStarted++;
    const { observer } = this.#options;
    if (observer === undefined) return this.#start(request, sink);
    const { failures } = this.#options;
    const observed = Observation.start(observer, request.path, true, failures);
    if (observed === undefined) return this.#start(request, sink);
    const { clock } = this.#options;
    const deadlineMs = clock.now() + (request.timeoutMs ?? Infinity);
    const isLate = () => clock.now() >= deadlineMs;
    const call = new ObservedClientCall(observed, sink, this.#calls, isLate);
    return call.join(this.#start(request, call));
  }

  #start(request: CallRequest, sink: OpenClientCall): ClientCall {
    const call = this.#facts!.startCall(request, sink);
    // The engine has failed meanwhile, and may not have ended the call.
    if (this.state === "closed") throw new RpcError(Status.UNAVAILABLE, CONNECTION_FAILED);
    this.#calls.add(sink);
    return call;
  }

  /** Starts a call of the attestation, before the connection is ready. */
  #startOwn(request: CallRequest, sink: OpenClientCall): ClientCall {
    const call = this.#start(request, sink);
    this.#driver!.wake();
    return call;
  }

  /** Forgets a call that got its status or was cancelled. No effect if it is on no connection. */
  callOver(call: OpenClientCall): void {
    this.#calls.remove(call);
  }

  /** Tells the balancer the status of a call of the application that was started here. */
  callEnded(code: Status, trailers: () => Metadata | undefined): void {
    this.callListener?.(code, trailers);
  }

  /** Closes the connection because its engine has thrown. Never throws. */
  engineFailed(error: unknown): void {
    this.#driver!.fail(error);
  }

  /** Sends a ping; `onPong` receives the round-trip time in ms. */
  ping(onPong: (elapsedMs: number) => void): void {
    const startMs = this.#options.clock.now();
    this.#driver!.guard(() => {
      this.#engine!.ping(startMs, (nowMs) => onPong(nowMs - startMs));
    });
    this.#driver!.wake();
  }

  /** Stops accepting calls and closes once the open ones have ended. */
  drain(): void {
    this.endedHere = true;
    if (this.state === "connecting") {
      return this.fail(new Error("The connection is no longer needed"));
    }
    if (this.state !== "ready") return;
    this.#toDraining();
    this.#driver!.guard(() => this.#engine!.drain(this.#options.clock.now()));
    this.#driver!.wake();
  }

  /** Stops accepting calls after a failed write; returns whether open calls may still be answered. */
  #drainUnwritable(): boolean {
    if (this.state === "ready") this.drain();
    return this.state === "draining";
  }

  /** Ends open calls with UNAVAILABLE, sends the last frames and closes. */
  abort(reason: string): void {
    this.endedHere = true;
    if (this.#driver === undefined) return this.fail(new Error(reason));
    if (this.state === "closed") return;
    const nowMs = this.#options.clock.now();
    this.#driver.guard(() => this.#engine!.abort(Status.UNAVAILABLE, reason, nowMs));
    if (this.#driver.closed) return;
    this.#driver.wake();
    this.#clearTimer();
    this.#timer = this.#options.clock.setTimer(() => this.fail(new Error(reason)), ABORT_FLUSH_MS);
  }

  /** Closes without sending anything; open calls end with UNAVAILABLE. Idempotent. */
  fail(error: Error): void {
    if (this.state === "closed") return;
    if (this.#driver !== undefined) return this.#driver.close(error.message, error);
    if (this.#abort !== undefined) {
      abortSafely(this.#abort, error, (thrown) => {
        this.#options.failures.hook("listener of the signal that dial takes", thrown);
      });
    }
    this.#closed(error);
  }

  /** Resolves once the dial has ended and the byte stream of this closed connection is released. */
  async released(): Promise<void> {
    await this.#connecting;
    await this.stream?.released?.();
  }

  /** Returns statistics. */
  stats(): ConnectionStats {
    const facts = this.#facts;
    // Read first: an engine that throws closes the connection.
    const [activeCalls, maxCalls] = [this.load, facts?.maxCalls ?? 0];
    const bufferedBytes = facts?.bufferedBytes ?? 0;
    const state = this.state === "ready" && !this.healthy ? "unhealthy" : this.state;
    return {
      address: this.address,
      state: state === "closed" ? "draining" : state,
      activeCalls,
      maxCalls,
      callsStarted: this.callsStarted,
      bufferedBytes,
      pingMs: this.pingMs,
      ageMs: this.#options.clock.now() - this.#startedMs,
      attestation: this.#gate.attestation,
    };
  }

  async #connect(): Promise<void> {
    const { dial, engine, clock } = this.#options;
    let stream: ByteStream | undefined;
    try {
      stream = await dial(this.#abort!.signal);
      this.stream = stream;
      if (stream.handshake !== undefined && this.state === "connecting") {
        await this.#handshake(stream);
      }
      // `fail` was called during the dial.
      if (this.state !== "connecting") return stream.close();
      this.#abort = undefined;
      const { tls, transport } = stream.peer;
      this.peerAddress = stream.peer.address;
      this.#secure = tls !== undefined;
      if (!this.#options.keepsProcessAlive) stream.unref?.();
      // An open socket keeps the process alive; an in-memory stream does not.
      else if (transport === "memory") (this.#processRef = new ProcessRef()).acquire();
      this.#engine = engine(this, stream, clock.now());
      this.#facts = new EngineFacts(this.#engine, (error) => this.engineFailed(error));
      this.#driver = new ConnectionDriver({
        stream,
        engine: this.#engine,
        clock,
        onClose: (error) => this.#closed(this.#closeError(error)),
        failures: this.#options.failures,
        onWriteFailed: () => this.#drainUnwritable(),
      });
    } catch (error) {
      stream?.close();
      return this.#closed(toError(error));
    }
    this.#driver.start();
    // An HTTP/1.1 engine is ready before it receives anything.
    if (this.#facts.ready) this.onStateChange();
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

  // Error text of waiting calls: the address and the reason of the close.
  #closeError(error: Error | undefined): Error {
    const { address } = this;
    const what = this.state === "connecting" ? "Cannot connect to" : "Lost the connection to";
    return transportError(what, address, error ?? new Error(this.#facts!.endReason));
  }

  #closed(error: Error): void {
    if (this.state === "closed") return;
    this.wasConnecting = this.state === "connecting";
    this.state = "closed";
    this.#clearTimer();
    this.#processRef?.release();
    // An engine that works has ended its calls.
    this.#calls.endAll(
      (call) => endLostCall(call, `Connection lost: ${error.message}`),
      (thrown) => this.engineFailed(thrown),
    );
    this.#reportTooManyPings();
    this.#owner.onClosed(this, error);
  }

  #reportTooManyPings(): void {
    if (this.#tooManyPingsReported || !this.#facts?.tooManyPings) return;
    this.#tooManyPingsReported = true;
    this.#options.onTooManyPings();
  }

  #toDraining(): void {
    this.state = "draining";
    // Too many pings are reported before `onDraining`, in which the owner dials the next connection: that one must use the
    // longer keepalive time.
    this.#reportTooManyPings();
    this.#owner.onDraining(this);
    this.batch?.onDraining();
    for (const call of [...this.ownCalls]) call.onDraining();
  }

  #clearTimer(): void {
    if (this.#timer !== undefined) this.#options.clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  // ---- from the engine ---------------------------------------------------------------------------------

  onStateChange(): void {
    const facts = this.#facts;
    if (facts === undefined || this.state === "closed") return;
    // The driver is closing: `onClosed` follows, not a drain.
    if (this.#driver?.closed) return;
    const { usable } = facts;
    if (this.state === "connecting" && usable) {
      if (!this.#gate.passed) {
        return this.#gate.start(
          this.stream!,
          (request, call) => this.#startOwn(request, call),
          (call) => this.callOver(call),
        );
      }
      this.#clearTimer();
      this.state = "ready";
      this.#owner.onReady(this);
    } else if (this.state === "ready") {
      if (usable) this.#owner.onFree(this);
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
