/**
 * Background health checks of connections, by ping or by a grpc.health.v1 call.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import { Status } from "../../call/status.ts";
import type { ClientCall } from "../../call/wire.ts";
import { TransportError } from "../../errors.ts";
import type { OpenClientCall } from "../core/open_calls.ts";
import type { HealthCheckOptions } from "./options.ts";
import type { Connection } from "./connection.ts";

const INTERVAL_MS = 10_000;
const TIMEOUT_MS = 5_000;
const CHECK = "/grpc.health.v1.Health/Check";
const SERVING = 1;
const SERVING_JSON = /^\s*\{\s*"status"\s*:\s*(?:"SERVING"|1)\s*\}\s*$/;
// Largest reply to a check, in bytes; a HealthCheckResponse has a few bytes.
const MAX_REPLY_BYTES = 1_024;

/** Checks each watched connection at intervals until it closes. */
export class HealthChecker {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #timeoutMs: number;
  readonly #request: Uint8Array;
  readonly #json: boolean;
  /** Whether the serving status decides if a connection gets calls; else any response counts as healthy. */
  readonly #asksService: boolean;
  readonly #pings: boolean;
  readonly #onChange: () => void;
  readonly #timers = new Map<Connection, unknown>();
  #closed = false;

  /**
   * `onChange` is called after a change of a connection's `healthy`. `canPing` is true for wires whose servers accept
   * pings; gRPC servers close connections that ping without calls (gRPC A8). `json`: whether the messages of the wire are
   * ProtoJSON.
   */
  constructor(
    options: HealthCheckOptions,
    clock: Clock,
    canPing: boolean,
    onChange: () => void,
    json = false,
  ) {
    this.#json = json;
    this.#clock = clock;
    this.#intervalMs = options.intervalMs ?? INTERVAL_MS;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#asksService = options.service !== undefined;
    this.#pings = canPing && !this.#asksService;
    this.#request = checkRequest(options.service ?? "", json);
    this.#onChange = onChange;
  }

  /** Starts checking a ready connection. */
  watch(connection: Connection): void {
    if (this.#closed) return;
    // The connection gets no calls before its first check has succeeded.
    if (this.#asksService) {
      connection.healthy = false;
      connection.checking = true;
      queueMicrotask(() => this.#check(connection));
    } else {
      this.#later(connection);
    }
  }

  /** Stops all checks. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#timers.values()) this.#clock.clearTimer(timer);
    this.#timers.clear();
  }

  #later(connection: Connection): void {
    this.#set(connection, this.#intervalMs, () => this.#check(connection));
  }

  #set(connection: Connection, delayMs: number, callback: () => void): void {
    const timer = this.#timers.get(connection);
    if (timer !== undefined) this.#clock.clearTimer(timer);
    this.#timers.set(connection, this.#clock.setTimer(callback, delayMs));
  }

  #check(connection: Connection): void {
    if (this.#closed) return;
    if (connection.state !== "ready") {
      const timer = this.#timers.get(connection);
      if (timer !== undefined) this.#clock.clearTimer(timer);
      this.#timers.delete(connection);
      return;
    }
    // A full connection has no slot for a check call; with calls in flight servers accept pings.
    const pings = this.#pings || !connection.free;
    // A connection whose engine throws is closed now.
    if (connection.state !== "ready") return this.#check(connection);
    if (pings) this.#ping(connection);
    else this.#ask(connection);
  }

  #ping(connection: Connection): void {
    this.#expect(connection);
    connection.ping((elapsedMs) => {
      connection.pingMs = elapsedMs;
      if (!this.#closed) this.#later(connection);
    });
  }

  #ask(connection: Connection): void {
    this.#expect(connection);
    const startMs = this.#clock.now();
    const sink = new CheckSink(connection, (healthy) => {
      if (this.#closed) return;
      connection.pingMs = this.#clock.now() - startMs;
      if (this.#asksService && (connection.checking || connection.healthy !== healthy)) {
        connection.checking = false;
        connection.healthy = healthy;
        this.#onChange();
      }
      this.#later(connection);
    }, this.#json);
    try {
      const call: ClientCall = connection.startCall({
        path: CHECK,
        timeoutMs: this.#timeoutMs,
        singleResponse: true,
        maxReceiveMessageBytes: MAX_REPLY_BYTES,
        requestStreams: false,
      }, sink);
      // The check does not count as a call: a connection with only health checks is idle.
      connection.callsStarted--;
      call.sendLastMessage(this.#request, false);
    } catch (error) {
      connection.engineFailed(error);
    }
  }

  /** Closes the connection unless the check completes in time. */
  #expect(connection: Connection): void {
    this.#set(connection, this.#timeoutMs, () => {
      this.#timers.delete(connection);
      connection.fail(
        new TransportError(
          `Connection lost: ${connection.address} did not answer a health check within ${this.#timeoutMs} ms`,
          { address: connection.address },
        ),
      );
    });
  }
}

class CheckSink implements OpenClientCall {
  openSlot = -1;
  #serving = false;

  constructor(
    readonly connection: Connection,
    readonly done: (healthy: boolean) => void,
    readonly json: boolean,
  ) {}

  onHeaders(): void {}
  onWritable(): void {}

  onMessage(message: Uint8Array): void {
    // HealthCheckResponse { ServingStatus status = 1; }
    this.#serving = this.json
      ? SERVING_JSON.test(new TextDecoder().decode(message))
      : message.length >= 2 && message[0] === 0x08 && message[1] === SERVING;
  }

  onStatus(code: Status): void {
    this.connection.callOver(this);
    // A server without the health service counts as healthy because it responds.
    this.done(code === Status.OK ? this.#serving : code === Status.UNIMPLEMENTED);
  }
}

/** Encodes HealthCheckRequest { string service = 1; }. */
function checkRequest(service: string, json: boolean): Uint8Array {
  if (json) return new TextEncoder().encode(JSON.stringify({ service }));
  const name = new TextEncoder().encode(service);
  if (name.length > 127) {
    throw new RangeError(
      `Cannot check the service ${service}: its name has ${name.length} bytes, limit is 127`,
    );
  }
  return name.length === 0 ? name : new Uint8Array([0x0a, name.length, ...name]);
}
