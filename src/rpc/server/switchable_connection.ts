/**
 * Connection of HTTP/1.1 that a request may switch to lean inside a WebSocket.
 *
 * @module
 */

import type { ByteWriter } from "../../bytes/writer.ts";
import type { CancelStatus, ServerConnection } from "../../call/wire.ts";
import type { Http1ServerConnection } from "../../http1/connection.ts";
import { WebSocketServerConnection } from "../../websocket/server_connection.ts";
import type { WebSocketLimits } from "../../websocket/server_connection.ts";

/** Server's connection interface used by a {@link SwitchableConnection}. */
export interface SwitchOwner {
  /** Limits of WebSockets. */
  readonly webSocketLimits: WebSocketLimits;
  /** Creates the engine of the bytes inside a WebSocket that was opened at `nowMs`. */
  openInner(nowMs: number): ServerConnection;
  /** Logs a message of the engine. */
  note(level: "debug" | "warn", message: string): void;
}

/** Engine that passes everything to that of HTTP/1.1, and to the WebSocket once there is one. */
export class SwitchableConnection implements ServerConnection {
  readonly #http1: Http1ServerConnection;
  readonly #owner: SwitchOwner;
  #engine: ServerConnection;

  /** Starts with `http1`. */
  constructor(http1: Http1ServerConnection, owner: SwitchOwner) {
    this.#http1 = http1;
    this.#owner = owner;
    this.#engine = http1;
  }

  get out(): ByteWriter {
    return this.#engine.out;
  }

  get onOutput(): () => void {
    return this.#engine.onOutput;
  }

  set onOutput(notify: () => void) {
    this.#engine.onOutput = notify;
  }

  receive(chunk: Uint8Array, nowMs: number): void {
    this.#engine.receive(chunk, nowMs);
    if (this.#engine !== this.#http1 || this.#http1.switchedInput === undefined) return;
    this.#switch(this.#http1.switchedInput, nowMs);
  }

  #switch(input: Uint8Array, nowMs: number): void {
    const http1 = this.#http1;
    const webSocket = new WebSocketServerConnection(
      this.#owner.openInner(nowMs),
      http1.out,
      this.#owner.webSocketLimits,
      (message) => this.#owner.note("debug", message),
      nowMs,
    );
    webSocket.onOutput = http1.onOutput;
    this.#engine = webSocket;
    if (input.length > 0) webSocket.receive(input, nowMs);
  }

  receiveEnd(nowMs: number): void {
    this.#engine.receiveEnd(nowMs);
  }

  transportLost(reason: string, nowMs: number): void {
    this.#engine.transportLost(reason, nowMs);
  }

  outputDrained(nowMs: number): void {
    this.#engine.outputDrained(nowMs);
  }

  nextTimerMs(): number {
    return this.#engine.nextTimerMs();
  }

  onTimer(nowMs: number): void {
    this.#engine.onTimer(nowMs);
  }

  get wantsRead(): boolean {
    return this.#engine.wantsRead;
  }

  get readThrottledUntilMs(): number {
    return this.#engine.readThrottledUntilMs ?? 0;
  }

  get finished(): boolean {
    return this.#engine.finished;
  }

  get closedGracefully(): boolean {
    return this.#engine.closedGracefully ?? false;
  }

  get maxDiscardedBytes(): number | undefined {
    return this.#engine.maxDiscardedBytes;
  }

  get bufferedBytes(): number {
    return this.#engine.bufferedBytes;
  }

  get activeCalls(): number {
    return this.#engine.activeCalls;
  }

  drain(nowMs: number): void {
    this.#engine.drain(nowMs);
  }

  abort(reason: string, nowMs: number, status?: CancelStatus): void {
    this.#engine.abort(reason, nowMs, status);
  }
}
