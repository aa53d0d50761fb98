/**
 * A server towards a client that never says hello: exactly version 1, which has neither metadata, deadlines,
 * status codes, cancel nor credit. README.md tells what becomes of each.
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import { HEADER_BYTES, readU32, REQUEST, RESPONSE, STREAM } from "../format/frames.ts";
import { decodeRoute } from "../format/routes.ts";
import type { LeanServerConnection } from "../server.ts";
import { V1ServerCall } from "./server_call.ts";

// An id as a key: a number where numbers are exact, else text.
const EXACT_HIGH = 0x20_0000;

/** Reads version-1 frames for a {@link LeanServerConnection}. */
export class V1Server {
  readonly #server: LeanServerConnection;
  /** Calls by id. */
  readonly #calls = new Map<number | string, V1ServerCall>();
  /** Sessions by route: every message of a session has an id of its own, so the route is all they share. */
  readonly #sessions = new Map<string, V1ServerCall>();
  /** Calls with a message that waits to learn whether it is the last. */
  readonly #holding = new Set<V1ServerCall>();
  /** Calls whose sender waits for room. */
  readonly #wanting = new Set<V1ServerCall>();
  /** Calls whose reader waits although more has come. */
  readonly #full = new Set<V1ServerCall>();

  constructor(server: LeanServerConnection) {
    this.#server = server;
  }

  /** Without credit, reading less is all that can slow the client down. */
  get wantsRead(): boolean {
    return this.#full.size === 0 &&
      this.#server.activeCalls < this.#server.options.maxConcurrentStreams;
  }

  /** Takes a frame. */
  onFrame(b: Uint8Array, at: number, typeBytes: number, valueBytes: number, owned: boolean): void {
    const flags = b[at + 1];
    const value = at + HEADER_BYTES + typeBytes;
    const session = (flags & REQUEST) === 0;
    if (session && (flags & (STREAM | RESPONSE)) !== STREAM) {
      this.#server.charge("frames with unexpected flags");
      return;
    }
    const route = decodeRoute(b, at + HEADER_BYTES, typeBytes);
    if (route === undefined) {
      if (!session) this.refuse(b, at, typeBytes, Status.UNIMPLEMENTED, "The route is no text");
      else this.#server.charge("frames without a route");
      return;
    }
    const message = owned
      ? b.subarray(value, value + valueBytes)
      : b.slice(value, value + valueBytes);
    if (session) this.#onSessionMessage(b, at, route, message);
    else this.#onRequest(b, at, typeBytes, route, message);
  }

  #onRequest(b: Uint8Array, at: number, typeBytes: number, route: string, message: Uint8Array) {
    const high = readU32(b, at + 2);
    const low = readU32(b, at + 6);
    const key = high < EXACT_HIGH ? high * 0x1_0000_0000 + low : `${high}:${low}`;
    if (this.#calls.has(key)) {
      this.#server.onMalformed(`Cannot open call ${key}: its id is in use`);
      return;
    }
    if (!this.#server.countV1Call()) {
      const code = this.#server.isLeaving ? Status.UNAVAILABLE : Status.RESOURCE_EXHAUSTED;
      this.refuse(b, at, typeBytes, code, "No more calls are taken");
      this.#server.chargeFault();
      return;
    }
    const call = new V1ServerCall(this, this.#server, key, high, low, route, false);
    this.#calls.set(key, call);
    this.#server.sink.onCall(call);
    if (!call.closed) call.sink.onMessage(message, false);
    if (!call.closed) call.sink.onHalfClose();
  }

  #onSessionMessage(b: Uint8Array, at: number, route: string, message: Uint8Array): void {
    const high = readU32(b, at + 2);
    const low = readU32(b, at + 6);
    let call = this.#sessions.get(route);
    if (call === undefined) {
      if (!this.#server.countV1Call()) {
        this.#server.charge("session messages that are not taken");
        return;
      }
      call = new V1ServerCall(this, this.#server, route, high, low, route, true);
      this.#sessions.set(route, call);
      this.#server.sink.onCall(call);
    } else {
      call.idHigh = high;
      call.idLow = low;
    }
    if (!call.closed) call.messageCame(message);
  }

  /** Answers a frame with an error; a session's message gets none, as version 1 has none for it. */
  refuse(b: Uint8Array, at: number, typeBytes: number, code: Status, message: string): void {
    if ((b[at + 1] & REQUEST) === 0) {
      this.#server.charge("session messages that are not taken");
      return;
    }
    if (!this.#server.countControlFrame()) return;
    const route = b.subarray(at + HEADER_BYTES, at + HEADER_BYTES + typeBytes);
    V1ServerCall.writeError(
      this.#server.out,
      readU32(b, at + 2),
      readU32(b, at + 6),
      route,
      code,
      message,
    );
  }

  /** The call is over on the wire. */
  callOver(call: V1ServerCall): void {
    if (call.session) this.#sessions.delete(call.path);
    else this.#calls.delete(call.key);
    this.#holding.delete(call);
    this.#wanting.delete(call);
    if (this.#full.delete(call)) this.#server.produced();
  }

  /** A call has a message whose flags are open; looked at again after `v1FinalMessageDelayMs`. */
  hold(call: V1ServerCall): void {
    this.#holding.add(call);
    this.#server.scheduleHold();
  }

  /** The message has gone. */
  released(call: V1ServerCall): void {
    this.#holding.delete(call);
  }

  /** A call wants to hear when there is room. */
  notifyWhenWritable(call: V1ServerCall): void {
    this.#wanting.add(call);
  }

  /** A call's reader is paused and has enough, or reads again. */
  setFull(call: V1ServerCall, full: boolean): void {
    if (full) this.#full.add(call);
    else if (this.#full.delete(call)) this.#server.produced();
  }

  /** Messages that have waited long enough go out. */
  tick(nowMs: number): void {
    const { v1FinalMessageDelayMs } = this.#server.options;
    for (const call of [...this.#holding]) {
      // The time of the hold itself may be old, so it counts from the first look.
      if (call.heldMs === 0) call.heldMs = nowMs;
      if (nowMs - call.heldMs >= v1FinalMessageDelayMs) call.release();
      else this.#server.scheduleHold();
    }
  }

  /** There is room again. */
  outputDrained(): void {
    for (const call of [...this.#wanting]) {
      if (!call.hasRoom) continue;
      this.#wanting.delete(call);
      call.sink.onWritable();
    }
  }

  /** The connection is gone. */
  endCalls(reason: string): void {
    for (const call of [...this.#calls.values(), ...this.#sessions.values()]) call.lost(reason);
    this.#calls.clear();
    this.#sessions.clear();
  }
}
