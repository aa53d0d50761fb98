/**
 * One WebSocket with the engine of lean on it.
 *
 * @module
 */

import { releaseBuffer } from "../bytes/pool.ts";
import { Status } from "../call/status.ts";
import type { CallRequest, ClientCall, ClientConnectionSink } from "../call/wire.ts";
import { LeanClientConnection } from "../lean/client.ts";
import { endLostCall, OpenCalls, type OpenClientCall } from "../rpc/core/open_calls.ts";
import type { ChannelSettings, WebSocketLike } from "./options.ts";

/** Receives the events of a {@link SocketConnection}. */
export interface SocketConnectionOwner {
  /** Called when a call may have become startable. */
  onFree(): void;
  /** Called once at the end, after all calls have ended. */
  onClosed(connection: SocketConnection, reason: string): void;
}

// Browsers allow no slash in a subprotocol (RFC 6455 §4.1).
const SUBPROTOCOL = "vrpc-lean.1";
// Unsent bytes of the WebSocket from which the engine waits.
const HIGH_WATER_BYTES = 262_144;
// Interval at which full output is looked at: WebSockets have no event for it.
const DRAIN_CHECK_MS = 10;
// Longest delay of a timer, in ms; a later time is set when the timer fires.
const MAX_TIMER_MS = 0x7fffffff;
const CONNECTION_FAILED = "the connection failed";

/** A connection, from the opening of its WebSocket to its end. */
export class SocketConnection implements ClientConnectionSink {
  readonly #owner: SocketConnectionOwner;
  readonly #socket: WebSocketLike;
  readonly #engine: LeanClientConnection;
  readonly #calls = new OpenCalls<OpenClientCall>();
  #connectTimer: ReturnType<typeof setTimeout> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAtMs = Infinity;
  #flushQueued = false;
  #waitsForRoom = false;
  #open = false;
  #failed = false;
  #closed = false;

  /** Opens a WebSocket. Throws what its constructor throws. */
  constructor(url: string, settings: ChannelSettings, owner: SocketConnectionOwner) {
    this.#owner = owner;
    const { keepaliveTimeMs, connectTimeoutMs } = settings;
    this.#engine = new LeanClientConnection(
      this,
      { keepaliveTimeMs, prefaceTimeoutMs: Infinity },
      performance.now(),
    );
    this.#engine.onOutput = () => this.#wake();
    const socket = this.#socket = new settings.webSocket(url, SUBPROTOCOL);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#open = true;
      this.#flush();
    };
    socket.onmessage = ({ data }: { data: unknown }) => this.#guard(() => this.#receive(data));
    // The event has no reason, and `close` follows.
    socket.onerror = () => {};
    socket.onclose = ({ code, reason }: { code?: number; reason?: string }) => {
      this.#end(this.#open ? closeText(code, reason) : "the WebSocket could not be opened");
    };
    this.#connectTimer = setTimeout(
      () => this.close(`no connection within ${connectTimeoutMs} ms`),
      connectTimeoutMs,
    );
  }

  /** Whether a call can be started now. */
  get free(): boolean {
    const engine = this.#engine;
    return this.#read(() => engine.usable && engine.activeCalls < engine.maxCalls);
  }

  /** Whether calls can be started now or later. */
  get alive(): boolean {
    const engine = this.#engine;
    return this.#read(() => (engine.usable || !engine.ready) && !engine.finished) && !this.#closed;
  }

  /** Whether the server has answered, and the engine works. */
  get ready(): boolean {
    return !this.#failed && this.#read(() => this.#engine.ready);
  }

  /** Starts a call. The connection must be `free`. Throws what the engine throws. */
  startCall(request: CallRequest, sink: OpenClientCall): ClientCall {
    const call = this.#engine.startCall(request, sink);
    this.#calls.add(sink);
    return call;
  }

  /** Forgets a call that got its status or was cancelled. No effect if it is on no connection. */
  callOver(call: OpenClientCall): void {
    this.#calls.remove(call);
  }

  /** Lets open calls finish, then closes. */
  drain(): void {
    this.#guard(() => this.#engine.drain(performance.now()));
    this.#wake();
  }

  /** Ends open calls with UNAVAILABLE and closes. */
  close(reason: string): void {
    this.#guard(() => this.#engine.abort(Status.UNAVAILABLE, reason, performance.now()));
    if (this.#open) this.#flush();
    this.#end(reason);
  }

  /** Closes because the engine has thrown: its state may be inconsistent. The exception is printed. Never throws. */
  fail(error: unknown): void {
    this.#failed = true;
    console.error(`vrpc: ${CONNECTION_FAILED}:`, error);
    this.#end(CONNECTION_FAILED);
  }

  /** Runs `body`. An exception closes the connection. */
  #guard(body: () => void): void {
    try {
      body();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Returns what `read` reads from the engine. After an exception, which closes the connection, that is false. */
  #read(read: () => boolean): boolean {
    try {
      return read();
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  onStateChange(): void {
    if (this.ready) {
      clearTimeout(this.#connectTimer);
      this.#owner.onFree();
    }
  }

  onCallEnd(): void {
    this.#owner.onFree();
  }

  #receive(data: unknown): void {
    if (this.#closed) return;
    if (!(data instanceof ArrayBuffer)) return this.close("the server sent a text message");
    this.#engine.receive(new Uint8Array(data), performance.now());
    this.#wake();
  }

  #wake(): void {
    if (this.#flushQueued || this.#closed) return;
    this.#flushQueued = true;
    queueMicrotask(() => {
      this.#flushQueued = false;
      this.#flush();
    });
  }

  /** Sends output as far as the WebSocket has room, and sets the timer. */
  #flush(): void {
    this.#guard(() => this.#send());
  }

  #send(): void {
    if (this.#closed || !this.#open) return;
    const { out } = this.#engine;
    while (out.length > 0) {
      if (this.#socket.bufferedAmount >= HIGH_WATER_BYTES) {
        this.#waitForRoom();
        break;
      }
      const { buffer, length } = out.take();
      this.#socket.send(buffer.subarray(0, length));
      releaseBuffer(buffer);
      this.#engine.outputDrained(performance.now());
    }
    if (this.#engine.finished && out.length === 0) return this.#end(this.#engine.endReason);
    this.#setTimer();
  }

  #waitForRoom(): void {
    if (this.#waitsForRoom) return;
    this.#waitsForRoom = true;
    setTimeout(() => {
      this.#waitsForRoom = false;
      this.#flush();
    }, DRAIN_CHECK_MS);
  }

  #setTimer(): void {
    const atMs = this.#engine.nextTimerMs();
    if (atMs === this.#timerAtMs && this.#timer !== undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAtMs = atMs;
    if (atMs === Infinity) return;
    const delayMs = Math.min(Math.max(0, atMs - performance.now()), MAX_TIMER_MS);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#guard(() => {
        const nowMs = performance.now();
        if (this.#engine.nextTimerMs() <= nowMs) this.#engine.onTimer(nowMs);
      });
      this.#flush();
    }, delayMs);
  }

  #end(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#connectTimer);
    clearTimeout(this.#timer);
    this.#guard(() => this.#engine.transportLost(reason, performance.now()));
    this.#guard(() => this.#engine.out.clear());
    this.#guard(() => this.#socket.close());
    // An engine that works has ended its calls.
    this.#calls.endAll((call) => endLostCall(call, reason), (error) => this.fail(error));
    this.#owner.onClosed(this, reason);
  }
}

function closeText(code: number | undefined, reason: string | undefined): string {
  const text = reason === undefined || reason === "" ? "" : ` ${JSON.stringify(reason)}`;
  return `the WebSocket was closed with ${code}${text}`;
}
