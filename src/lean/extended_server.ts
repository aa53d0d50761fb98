/**
 * A server's calls on the extended frames.
 *
 * @module
 */

import { LOST_MESSAGE } from "../bytes/lost_message.ts";
import { forEachItem } from "../call/each.ts";
import { IdMap } from "../call/id_map.ts";
import { Status } from "../call/status.ts";
import { MAX_UNFINISHED_FACTOR, PeerEvent } from "../limits/peer_budget.ts";
import { PingLimit } from "../limits/ping_limit.ts";
import type { LeanConnection } from "./connection.ts";
import {
  addCredit,
  admitEnd,
  admitLong,
  admitPiece,
  admitUntyped,
  type ControlHandler,
  receiveControl,
  receiveFields,
  receiveMessage,
} from "./extended_frames.ts";
import { errorValue, NOT_PROCESSED } from "./format/errors.ts";
import { type FieldBlock, NO_FIELDS } from "./format/fields.ts";
import { FIELDS, HEADER_BYTES, MAX_CALL_ID, readId, Reason } from "./format/frames.ts";
import { RouteReader } from "./format/routes.ts";
import {
  CLIENT_FRAMES,
  describeIllegal,
  Effect,
  Input,
  RequestState,
  serverEffect,
} from "./format/state.ts";
import type { FrameOutput } from "./frame_output.ts";
import type { LeanOptions } from "./options.ts";
import type { ReceiveAccount } from "./receive_account.ts";
import type { SendAccount } from "./send_account.ts";
import type { BlockedCall } from "./send_queueing.ts";
import { LeanServerCall, type ServerCallOwner } from "./server_call.ts";
import type { ServerProtocol, ServerProtocolOwner } from "./server_protocol.ts";

/** Accepts or refuses calls, and passes requests to them. */
export class ExtendedServer implements ServerProtocol, ServerCallOwner, ControlHandler {
  readonly options: Readonly<LeanOptions>;
  readonly output: FrameOutput;
  readonly sending: SendAccount;
  readonly receiving: ReceiveAccount;
  readonly wantsRead = true;
  readonly #owner: ServerProtocolOwner;
  readonly #connection: LeanConnection;
  readonly #calls = new IdMap<LeanServerCall>();
  readonly #routes: RouteReader;
  /** Created on the first PING. */
  #pingLimit: PingLimit | undefined;
  /**
   * Encoded error value for calls above the concurrency limit, cached because a client may send very many such calls.
   */
  #overLimit: Uint8Array | undefined;

  /** Starts without calls. */
  constructor(owner: ServerProtocolOwner) {
    const { connection } = owner;
    this.#owner = owner;
    this.#connection = connection;
    this.options = connection.options;
    this.output = connection.output;
    this.sending = connection.sending;
    this.receiving = connection.receiving;
    this.#routes = new RouteReader(connection.options.maxRoutes);
  }

  get acceptsGzip(): boolean {
    return this.#connection.peerAcceptsGzip;
  }

  admit(b: Uint8Array, at: number, valueBytes: number): boolean {
    return admitLong(this.#connection, b, at, valueBytes);
  }

  // Nothing to do: `admit` ends the connection when it refuses a frame.
  onOversize(): void {}

  onFrame(b: Uint8Array, at: number, typeBytes: number, valueBytes: number, owned: boolean): void {
    const connection = this.#connection;
    const flags = b[at + 1];
    const input = CLIENT_FRAMES[flags];
    if (input === Input.CONTROL) {
      return receiveControl(connection, this, b, at, typeBytes, valueBytes);
    }
    const id = readId(b, at + 2);
    if (input === Input.WHOLE || input === Input.OPEN) {
      return this.#onRequest(b, at, typeBytes, valueBytes, owned, id, input);
    }
    const call = this.#acceptingCall(flags, input, id, valueBytes);
    if (call === undefined || !admitUntyped(connection, id, typeBytes)) return;
    if (input === Input.PIECE && !admitPiece(connection, id, valueBytes)) return;
    if (input === Input.END) {
      if (!admitEnd(connection, call, valueBytes)) return;
    } else {
      const value = at + HEADER_BYTES;
      const problem = receiveMessage(connection, call, b, value, valueBytes, flags, owned);
      if (problem !== undefined) return this.#failCall(call, problem);
    }
    if (connection.finished || call.ended) return;
    if (input === Input.END || input === Input.MESSAGE_END) {
      call.state = RequestState.HALF_CLOSED;
      call.receiveClosed = true;
      call.sink.onHalfClose();
    } else {
      call.returnCredit();
    }
  }

  /**
   * Returns the call that accepts the input. Undefined if the call has ended (input beyond its credit is charged) or if
   * the input is illegal (the connection ends).
   */
  #acceptingCall(
    flags: number,
    input: number,
    id: number,
    bytes: number,
  ): LeanServerCall | undefined {
    const call = this.#calls.get(id);
    const state = this.#stateFor(call, input, id);
    const effect = serverEffect(state, input);
    if (effect === Effect.ACCEPT) return call;
    if (effect === Effect.ERROR) {
      this.#connection.illegal(describeIllegal("server", flags, input, id, state));
    } else if (!this.#wasCovered(call, bytes)) {
      this.#connection.charge(PeerEvent.LATE_FRAME);
    }
    return undefined;
  }

  // A call whose status is queued accepts only CANCEL and CREDIT.
  #stateFor(call: LeanServerCall | undefined, input: number, id: number): number {
    if (call === undefined) {
      const known = id > 0 && id <= this.#connection.lastPeerId;
      return known ? RequestState.CLOSED : RequestState.IDLE;
    }
    const control = input === Input.CANCEL || input === Input.CREDIT;
    return call.ended && !control ? RequestState.CLOSED : call.state;
  }

  // Message bytes within the client's credit are not charged: the client may not yet have seen the end of the call.
  #wasCovered(call: LeanServerCall | undefined, bytes: number): boolean {
    if (bytes === 0) return false;
    return call === undefined ? this.receiving.acceptLate(bytes) : call.acceptLate(bytes);
  }

  #onRequest(
    b: Uint8Array,
    at: number,
    typeBytes: number,
    valueBytes: number,
    owned: boolean,
    id: number,
    input: number,
  ): void {
    const connection = this.#connection;
    if (id <= connection.lastPeerId || id > MAX_CALL_ID) {
      const least = connection.lastPeerId + 1;
      return connection.illegal(
        `Cannot open call ${id}: its id must be ${least} or more, to 2⁵³−1`,
      );
    }
    connection.lastPeerId = id;
    const full = this.#isFull;
    const route = this.#readRoute(b, at + HEADER_BYTES, typeBytes, full);
    if (route === undefined) return connection.illegal(`Cannot read the route of call ${id}`);
    let value = at + HEADER_BYTES + typeBytes;
    let bytes = valueBytes;
    const flags = b[at + 1];
    let fields: FieldBlock = NO_FIELDS;
    if ((flags & FIELDS) !== 0) {
      const read = receiveFields(connection, b, value, valueBytes);
      if ("code" in read) return this.#refuseWith(id, errorValue(read.code, 0, read.message));
      fields = read;
      value += read.bytes;
      bytes -= read.bytes;
    }
    if (input === Input.OPEN && bytes !== 0) {
      const message = `Cannot open call ${id} with ${bytes} bytes after its fields`;
      return connection.illegal(message);
    }
    if (!this.#admitCall(id, full)) return;
    const call = this.#open(id, route, fields);
    if (input === Input.WHOLE && !connection.finished) {
      this.#onOnlyMessage(call, b, value, bytes, flags, owned);
    }
  }

  get #isFull(): boolean {
    const { maxConcurrentStreams } = this.options;
    return this.#calls.size >= maxConcurrentStreams ||
      this.#owner.activeCalls >= maxConcurrentStreams * MAX_UNFINISHED_FACTOR;
  }

  // The route of a refused call is decoded only if it gets a number, so that both sides number routes alike.
  #readRoute(b: Uint8Array, at: number, typeBytes: number, refused: boolean): string | undefined {
    if (!refused) return this.#routes.read(b, at, typeBytes);
    return this.#routes.skip(b, at, typeBytes) ? "" : undefined;
  }

  /** Whether a call may be opened; if not, sends the error that refuses it. */
  #admitCall(id: number, full: boolean): boolean {
    const { queuedBytes } = this.sending;
    if (this.#connection.draining) {
      // Calls during a drain are not charged: the client may not have seen GOODBYE.
      if (!this.#connection.countAnswer()) return false;
      this.output.writeError(
        id,
        errorValue(Status.UNAVAILABLE, NOT_PROCESSED, "The server is going away"),
      );
    } else if (full) {
      this.#refuseOverLimit(id);
    } else if (queuedBytes >= this.options.maxSendBufferBytes) {
      const message = `Cannot open call ${id}: ${queuedBytes} bytes of replies wait to be read`;
      this.#refuseWith(id, errorValue(Status.RESOURCE_EXHAUSTED, NOT_PROCESSED, message));
    } else return true;
    return false;
  }

  #open(id: number, route: string, fields: FieldBlock): LeanServerCall {
    const call = new LeanServerCall(this, id, route, fields);
    this.#calls.set(id, call);
    this.#owner.takeSlot();
    this.#connection.budget.credit(PeerEvent.CALL_OPENED);
    this.#pingLimit?.forgive();
    this.#owner.sink.onCall(call);
    return call;
  }

  #onOnlyMessage(
    call: LeanServerCall,
    b: Uint8Array,
    at: number,
    bytes: number,
    flags: number,
    owned: boolean,
  ): void {
    call.state = RequestState.HALF_CLOSED;
    call.receiveClosed = true;
    if (call.ended) return;
    const problem = receiveMessage(this.#connection, call, b, at, bytes, flags, owned);
    if (problem !== undefined) this.#failCall(call, problem);
    else if (!call.ended && !this.#connection.finished) call.sink.onHalfClose();
  }

  #refuseOverLimit(id: number): void {
    const limit = this.options.maxConcurrentStreams;
    this.#overLimit ??= errorValue(
      Status.RESOURCE_EXHAUSTED,
      NOT_PROCESSED,
      `Cannot open another call: ${limit} are open, which is the limit`,
    );
    this.#refuseWith(id, this.#overLimit);
  }

  #refuseWith(id: number, value: Uint8Array): void {
    const connection = this.#connection;
    if (!connection.charge(PeerEvent.FAULT) || !connection.countAnswer()) return;
    this.output.writeError(id, value);
  }

  #failCall(call: LeanServerCall, message: string): void {
    if (this.chargeFault()) call.failWith(Status.RESOURCE_EXHAUSTED, message);
  }

  chargeFault(): boolean {
    return this.#connection.charge(PeerEvent.FAULT);
  }

  admitPing(): boolean {
    const { nowMs } = this.#connection;
    const calls = this.#owner.activeCalls;
    const limit = this.#pingLimit ??= new PingLimit(this.options);
    if (limit.admit(nowMs, calls)) return true;
    const leastMs = limit.leastIntervalMs(calls);
    this.#connection.fail(
      Reason.TOO_MANY_PINGS,
      `Too many pings: the least interval is ${leastMs} ms`,
    );
    return false;
  }

  // PONG is not matched to its PING: any received bytes prove liveness.
  onPong(): void {}

  onGoodbye(): void {
    this.#owner.clientLeaves();
  }

  onCredit(id: number, bytes: number): void {
    const call = this.#acceptingCall(0, Input.CREDIT, id, 0);
    if (call !== undefined) addCredit(this.#connection, call, bytes);
  }

  onCancel(id: number): void {
    const call = this.#acceptingCall(0, Input.CANCEL, id, 0);
    if (call === undefined) return;
    const charge = this.#connection.recent.charge(id, call.answered, call.taken);
    if (charge !== undefined && !this.#connection.charge(charge)) return;
    this.#drop(call, Status.CANCELLED, "The client cancelled the call");
  }

  onHeaders(): void {
    this.#connection.illegal("Cannot accept response headers from a client");
  }

  #drop(call: LeanServerCall, code: Status, reason: string): void {
    this.#calls.delete(call.id);
    call.cancelled(code, reason);
  }

  removeCall(call: LeanServerCall): void {
    this.#calls.delete(call.id);
  }

  releaseSlot(): void {
    this.#owner.releaseSlot();
  }

  slotReleased(): void {}

  // Starts the stall timer: replies to a client that gives no credit must not hold memory forever.
  waitForCredit(call: BlockedCall): void {
    const { liveness } = this.#connection;
    this.sending.blocked.forCredit(call);
    liveness.schedule(liveness.nowMs + this.options.stallTimeoutMs);
  }

  // Nothing to do: the connection itself resumes calls that wait for output.
  outputDrained(): void {}

  tick(nowMs: number): void {
    const { blocked, progressMs } = this.sending;
    const { stallTimeoutMs } = this.options;
    const stalled = (call: BlockedCall) => this.#onStalled(call.id);
    this.#connection.liveness.schedule(
      blocked.checkCredit(nowMs, progressMs, stallTimeoutMs, stalled),
    );
  }

  #onStalled(id: number): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    const message = `The peer gave no credit for ${this.options.stallTimeoutMs} ms`;
    this.#connection.note("debug", `Call ${id} dropped: ${message}`);
    this.output.writeError(id, errorValue(Status.RESOURCE_EXHAUSTED, 0, message));
    this.#drop(call, Status.RESOURCE_EXHAUSTED, message);
  }

  failLost(call: LeanServerCall): void {
    this.#connection.note("warn", `${call.path}: ${LOST_MESSAGE}`);
    this.output.writeError(call.id, errorValue(Status.INTERNAL, 0, LOST_MESSAGE));
    this.#drop(call, Status.INTERNAL, LOST_MESSAGE);
    this.output.produced();
  }

  endCalls(reason: string): void {
    const calls = this.#calls.values();
    this.#calls.clear();
    forEachItem(calls, (call) => call.cancelled(Status.UNAVAILABLE, reason));
  }
}
