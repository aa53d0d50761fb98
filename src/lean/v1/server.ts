/**
 * The server's protocol for a client that does not send the hello: exactly version 1, which has no metadata, deadlines,
 * status codes, cancellation or credit. ../README.md states what replaces each.
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import { PeerEvent } from "../../limits/peer_budget.ts";
import type { LeanConnection } from "../connection.ts";
import { HEADER_BYTES, readU32, Reason, REQUEST, STREAM } from "../format/frames.ts";
import { decodeRoute } from "../format/routes.ts";
import type { ServerProtocol, ServerProtocolOwner } from "../server_protocol.ts";
import { V1ServerCall, type V1ServerCallOwner } from "./server_call.ts";

/**
 * Upper 32 bits from which an id is 2⁵³ or more, which a number does not hold exactly: such calls have text as their
 * key.
 */
const EXACT_HIGH = 0x20_0000;
/** Calls are refused at this multiple of `maxConcurrentStreams`; reading pauses at `maxConcurrentStreams` itself. */
const MAX_CALLS_FACTOR = 8;

/** Accepts calls and sessions of version 1, and passes messages to them. */
export class V1Server implements ServerProtocol, V1ServerCallOwner {
  readonly connection: LeanConnection;
  readonly #owner: ServerProtocolOwner;
  /** Calls by id. */
  readonly #calls = new Map<number | string, V1ServerCall>();
  /** Sessions by route: every message of a session has its own id, so they have only the route in common. */
  readonly #sessions = new Map<string, V1ServerCall>();
  /** Calls that hold back a reply message, because it may be the last. */
  readonly #holding = new Set<V1ServerCall>();
  /** Calls whose handler waits for room in the output. */
  readonly #awaitingRoom = new Set<V1ServerCall>();
  /** Calls whose paused reader has more than `callWindowBytes` of unread messages, so that the socket is not read. */
  readonly #full = new Set<V1ServerCall>();

  /** Starts without calls. */
  constructor(owner: ServerProtocolOwner) {
    this.#owner = owner;
    this.connection = owner.connection;
  }

  // Version 1 has no credit: only a pause in reading slows the client down.
  get wantsRead(): boolean {
    return this.#full.size === 0 &&
      this.#owner.activeCalls < this.connection.options.maxConcurrentStreams;
  }

  admit(): boolean {
    return false;
  }

  onOversize(b: Uint8Array, at: number, typeBytes: number, valueBytes: number): void {
    const limit = this.connection.options.maxReceiveMessageBytes;
    const full = valueBytes <= limit;
    const message = `Cannot accept a message of ${valueBytes} bytes: ${
      full ? "the memory for messages is used up" : `limit is ${limit}`
    }`;
    // Ends the connection, because a session must not continue after a lost message.
    if (full && (b[at + 1] & REQUEST) === 0) {
      return this.connection.fail(Reason.TOO_LARGE, message);
    }
    this.refuse(b, at, typeBytes, Status.RESOURCE_EXHAUSTED, message);
    this.connection.charge(PeerEvent.FAULT);
  }

  onFrame(b: Uint8Array, at: number, typeBytes: number, valueBytes: number, owned: boolean): void {
    const flags = b[at + 1];
    const value = at + HEADER_BYTES + typeBytes;
    const session = flags === STREAM;
    // Frames with other flags are dropped: flags of the extended frames may announce a field block, which is not part
    // of a message.
    if (!session && flags !== REQUEST) {
      this.connection.charge(PeerEvent.UNEXPECTED_FLAGS);
      return;
    }
    const route = decodeRoute(b, at + HEADER_BYTES, typeBytes);
    if (route === undefined) {
      const message = "The route is empty, begins with a zero byte or is not valid UTF-8";
      return this.refuse(b, at, typeBytes, Status.UNIMPLEMENTED, message);
    }
    const message = owned
      ? b.subarray(value, value + valueBytes)
      : b.slice(value, value + valueBytes);
    const high = readU32(b, at + 2);
    const low = readU32(b, at + 6);
    if (session) this.#onSessionMessage(b, at, typeBytes, high, low, route, message);
    else this.#onRequest(b, at, typeBytes, high, low, route, message);
  }

  #onRequest(
    b: Uint8Array,
    at: number,
    typeBytes: number,
    high: number,
    low: number,
    route: string,
    message: Uint8Array,
  ): void {
    const key = high < EXACT_HIGH ? high * 0x1_0000_0000 + low : `${high}:${low}`;
    if (this.#calls.has(key)) {
      return this.connection.illegal(`Cannot open call ${key}: its id is in use`);
    }
    if (!this.#admitsCall) {
      this.#refuseCall(b, at, typeBytes);
      this.connection.charge(PeerEvent.FAULT);
      return;
    }
    const call = new V1ServerCall(this, key, high, low, route, false);
    this.#calls.set(key, call);
    this.#owner.takeSlot();
    this.#owner.sink.onCall(call);
    if (!call.closed) call.sink.onMessage(message, false);
    if (!call.closed) call.sink.onHalfClose();
  }

  get #admitsCall(): boolean {
    const limit = this.connection.options.maxConcurrentStreams * MAX_CALLS_FACTOR;
    return !this.connection.draining && this.#owner.activeCalls < limit;
  }

  #refuseCall(b: Uint8Array, at: number, typeBytes: number): void {
    const code = this.connection.draining ? Status.UNAVAILABLE : Status.RESOURCE_EXHAUSTED;
    this.refuse(b, at, typeBytes, code, "No more calls are accepted");
  }

  #onSessionMessage(
    b: Uint8Array,
    at: number,
    typeBytes: number,
    high: number,
    low: number,
    route: string,
    message: Uint8Array,
  ): void {
    let call = this.#sessions.get(route);
    if (call === undefined) {
      if (!this.#admitsCall) return this.#refuseCall(b, at, typeBytes);
      call = new V1ServerCall(this, route, high, low, route, true);
      this.#sessions.set(route, call);
      this.#owner.takeSlot();
      this.#owner.sink.onCall(call);
    } else {
      call.idHigh = high;
      call.idLow = low;
    }
    if (!call.closed) call.onMessage(message);
  }

  /**
   * Answers a request, or a message of a session, with an error. Session messages are charged, because a client may
   * send many of them.
   */
  refuse(b: Uint8Array, at: number, typeBytes: number, code: Status, message: string): void {
    const session = (b[at + 1] & REQUEST) === 0;
    if (session && !this.connection.charge(PeerEvent.DROPPED_SESSION_MESSAGE)) return;
    if (!this.connection.countAnswer()) return;
    const route = b.subarray(at + HEADER_BYTES, at + HEADER_BYTES + typeBytes);
    V1ServerCall.writeError(
      this.connection.output.out,
      readU32(b, at + 2),
      readU32(b, at + 6),
      route,
      code,
      message,
    );
  }

  removeCall(call: V1ServerCall): void {
    if (call.session) this.#sessions.delete(call.path);
    else this.#calls.delete(call.key);
    this.#holding.delete(call);
    this.#awaitingRoom.delete(call);
    this.setFull(call, false);
  }

  releaseSlot(): void {
    this.#owner.releaseSlot();
  }

  // Notifies the driver that reading may resume.
  slotReleased(): void {
    this.connection.output.produced();
  }

  hold(call: V1ServerCall): void {
    this.#holding.add(call);
    this.#scheduleRelease();
  }

  #scheduleRelease(): void {
    const { liveness, options } = this.connection;
    liveness.schedule(liveness.nowMs + options.v1FinalMessageDelayMs);
  }

  released(call: V1ServerCall): void {
    this.#holding.delete(call);
  }

  notifyWhenWritable(call: V1ServerCall): void {
    this.#awaitingRoom.add(call);
  }

  setFull(call: V1ServerCall, full: boolean): void {
    if (full) this.#full.add(call);
    else if (this.#full.delete(call)) this.connection.output.produced();
  }

  tick(nowMs: number): void {
    const { v1FinalMessageDelayMs } = this.connection.options;
    for (const call of [...this.#holding]) {
      // The time may have been out of date when the message was held back, so the delay starts with the first check.
      if (call.heldMs === 0) call.heldMs = nowMs;
      if (nowMs - call.heldMs >= v1FinalMessageDelayMs) call.release();
      else this.#scheduleRelease();
    }
  }

  outputDrained(): void {
    for (const call of [...this.#awaitingRoom]) {
      if (!call.hasRoom) continue;
      this.#awaitingRoom.delete(call);
      call.sink.onWritable();
    }
  }

  endCalls(reason: string): void {
    for (const call of [...this.#calls.values(), ...this.#sessions.values()]) {
      call.connectionLost(reason);
    }
    this.#calls.clear();
    this.#sessions.clear();
  }
}
