/**
 * A client's calls on the extended frames.
 *
 * @module
 */

import { forEachItem } from "../call/each.ts";
import { IdMap } from "../call/id_map.ts";
import { Status, statusFromNumber } from "../call/status.ts";
import type { CallRequest, ClientCall, ClientCallSink } from "../call/wire.ts";
import { type ClientCallOwner, LeanClientCall } from "./client_call.ts";
import type { ClientProtocol, ClientProtocolOwner } from "./client_protocol.ts";
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
import { readError } from "./format/errors.ts";
import { encodeFields, type FieldBlock, NO_FIELDS } from "./format/fields.ts";
import { FIELDS, HEADER_BYTES, idHigh, MAX_CALL_ID, readId, writeHeader } from "./format/frames.ts";
import type { HelloSettings } from "./format/hello.ts";
import { RouteWriter, writeRoute } from "./format/routes.ts";
import {
  clientEffect,
  describeIllegal,
  Effect,
  Input,
  ReplyState,
  SERVER_FRAMES,
} from "./format/state.ts";
import type { FrameOutput } from "./frame_output.ts";
import type { LeanOptions } from "./options.ts";
import { PendingCalls } from "./pending_calls.ts";
import type { ReceiveAccount } from "./receive_account.ts";
import type { SendAccount } from "./send_account.ts";

/** Opens calls, and passes replies to them. */
export class ExtendedClient implements ClientProtocol, ClientCallOwner, ControlHandler {
  readonly options: Readonly<LeanOptions>;
  readonly output: FrameOutput;
  readonly sending: SendAccount;
  readonly receiving: ReceiveAccount;
  readonly wantsRead = true;
  readonly #owner: ClientProtocolOwner;
  readonly #connection: LeanConnection;
  readonly #calls = new IdMap<LeanClientCall>();
  readonly #pending = new PendingCalls();
  readonly #routes = new RouteWriter();
  #nextId = 1;

  /** Starts without calls. */
  constructor(owner: ClientProtocolOwner) {
    const { connection } = owner;
    this.#owner = owner;
    this.#connection = connection;
    this.options = connection.options;
    this.output = connection.output;
    this.sending = connection.sending;
    this.receiving = connection.receiving;
  }

  get activeCalls(): number {
    return this.#calls.size + this.#pending.size;
  }

  get maxCalls(): number {
    return this.#connection.peer.maxCalls;
  }

  /** Whether call ids are left. */
  get idsLeft(): boolean {
    return this.#nextId < MAX_CALL_ID;
  }

  get acceptsGzip(): boolean {
    return this.#connection.peerAcceptsGzip;
  }

  inflate(message: Uint8Array): Uint8Array {
    return this.#owner.inflate(message);
  }

  /** Applies the settings of the server's hello to route numbers and to the credit of calls opened before the hello. */
  apply(settings: Readonly<HelloSettings>): void {
    const more = settings.callWindowBytes - this.sending.peerWindowBytes;
    this.#connection.extend(settings);
    this.#routes.setMax(settings.maxRoutes);
    // A window below the default does not reduce the credit of open calls.
    if (more > 0) { for (const call of this.#calls.values()) call.credit(more); }
  }

  startCall(request: CallRequest, sink: ClientCallSink): ClientCall {
    let fields: Uint8Array | undefined;
    let problem: string | undefined;
    try {
      fields = encodeFields({
        timeoutMs: request.timeoutMs,
        authority: request.authority,
        headers: request.metadata,
      });
    } catch (error) {
      problem = (error as Error).message;
    }
    const call = new LeanClientCall(this, request, fields, sink);
    this.#pending.add(call);
    if (problem !== undefined) {
      call.sendNothing();
      this.#owner.defer(() => call.finish(Status.INTERNAL, problem, "unprocessed"));
    } else if (request.requestStreams) call.open();
    return call;
  }

  openCall(
    call: LeanClientCall,
    flags: number,
    fields: Uint8Array | undefined,
    message: Uint8Array,
  ): void {
    const id = this.#nextId++;
    call.id = id;
    this.#pending.delete(call);
    this.#calls.set(id, call);
    const { out } = this.output;
    const type = this.#routes.type(call.route);
    const ahead = fields === undefined ? 0 : fields.length;
    writeHeader(out, flags, idHigh(id), id >>> 0, type.length, ahead + message.length);
    writeRoute(out, type);
    if (fields !== undefined) out.bytes(fields);
    out.bytes(message);
  }

  cancelCall(call: LeanClientCall): void {
    if (call.id === 0 || this.#connection.finished) return;
    this.output.writeCancel(call.id);
    this.output.produced();
  }

  removeCall(call: LeanClientCall): void {
    if (call.id === 0) this.#pending.delete(call);
    else this.#calls.delete(call.id);
    this.#owner.callRemoved();
  }

  callEnded(): void {
    this.#owner.callEnded();
  }

  // On a client, the call's deadline bounds the wait for credit.
  waitForCredit(): void {}

  admit(b: Uint8Array, at: number, valueBytes: number): boolean {
    return admitLong(this.#connection, b, at, valueBytes);
  }

  // Nothing to do: `admit` ends the connection when it refuses a frame.
  onOversize(): void {}

  onFrame(b: Uint8Array, at: number, typeBytes: number, valueBytes: number, owned: boolean): void {
    const connection = this.#connection;
    const flags = b[at + 1];
    const input = SERVER_FRAMES[flags];
    if (input === Input.CONTROL) {
      return receiveControl(connection, this, b, at, typeBytes, valueBytes);
    }
    const id = readId(b, at + 2);
    const call = this.#acceptingCall(flags, input, id);
    if (call === undefined || !admitUntyped(connection, id, typeBytes)) return;
    let value = at + HEADER_BYTES;
    let bytes = valueBytes;
    let fields: FieldBlock = NO_FIELDS;
    if ((flags & FIELDS) !== 0) {
      const read = this.#receiveFields(call, input, b, value, bytes);
      if (read === undefined) return;
      fields = read;
      value += read.bytes;
      bytes -= read.bytes;
    }
    if (input === Input.ERROR) return this.#onError(call, b, value, bytes, fields);
    if (input === Input.END) {
      if (!admitEnd(connection, call, bytes)) return;
    } else if (!this.#onMessage(call, input, b, value, bytes, flags, owned, fields)) return;
    if (call.ended || connection.finished) return;
    if (input === Input.MESSAGE || input === Input.PIECE) call.returnCredit();
    else call.finish(Status.OK, "", "processed", fields.trailers);
  }

  #onMessage(
    call: LeanClientCall,
    input: number,
    b: Uint8Array,
    at: number,
    bytes: number,
    flags: number,
    owned: boolean,
    fields: FieldBlock,
  ): boolean {
    if (input === Input.PIECE && !admitPiece(this.#connection, call.id, bytes)) return false;
    call.state = ReplyState.STREAMING;
    call.headers(fields.headers);
    if (call.ended) return false;
    const problem = receiveMessage(this.#connection, call, b, at, bytes, flags, owned);
    if (problem === undefined) return true;
    this.#fail(call, input, Status.RESOURCE_EXHAUSTED, problem);
    return false;
  }

  #receiveFields(
    call: LeanClientCall,
    input: number,
    b: Uint8Array,
    at: number,
    bytes: number,
  ): FieldBlock | undefined {
    const read = receiveFields(this.#connection, b, at, bytes);
    if (!("code" in read)) return read;
    this.#fail(call, input, read.code, read.message);
    return undefined;
  }

  // Ends a call because of a frame of its reply.
  #fail(call: LeanClientCall, input: number, code: Status, message: string): void {
    const goesOn = input === Input.MESSAGE || input === Input.PIECE || input === Input.HEADERS;
    if (goesOn) this.cancelCall(call);
    call.finish(code, message, "processed");
  }

  #onError(
    call: LeanClientCall,
    b: Uint8Array,
    at: number,
    bytes: number,
    fields: FieldBlock,
  ): void {
    const error = readError(b, at, bytes);
    if (error === undefined) {
      const message = `The server's error has ${bytes} bytes, which does not match its text`;
      return call.finish(Status.INTERNAL, message, "processed", fields.trailers);
    }
    if (error.notProcessed) {
      // The retry of a call that met GOODBYE uses another connection, which may be draining as well.
      const progress = this.#connection.draining ? "unprocessed" : "refused";
      return call.finish(Status.UNAVAILABLE, error.message, progress, fields.trailers);
    }
    const received = statusFromNumber(error.code);
    const code = received === Status.OK ? Status.UNKNOWN : received;
    call.finish(code, error.message, "processed", fields.trailers);
  }

  /**
   * Returns the call that accepts the input; undefined when the call has ended, or when the input is illegal, which
   * ends the connection.
   */
  #acceptingCall(flags: number, input: number, id: number): LeanClientCall | undefined {
    const call = this.#calls.get(id);
    const state = call?.state ??
      (id > 0 && id < this.#nextId ? ReplyState.CLOSED : ReplyState.IDLE);
    const effect = clientEffect(state, input);
    if (effect === Effect.ERROR) {
      this.#connection.illegal(describeIllegal("client", flags, input, id, state));
    }
    return effect === Effect.ACCEPT ? call : undefined;
  }

  admitPing(): boolean {
    return true;
  }

  onPong(payload: number): void {
    this.#owner.ponged(payload);
  }

  onCredit(id: number, bytes: number): void {
    const call = this.#acceptingCall(0, Input.CREDIT, id);
    if (call !== undefined) addCredit(this.#connection, call, bytes);
  }

  onCancel(): void {
    this.#connection.illegal("Cannot accept CANCEL from a server");
  }

  onHeaders(id: number, b: Uint8Array, at: number, bytes: number): void {
    const call = this.#acceptingCall(0, Input.HEADERS, id);
    if (call === undefined) return;
    const fields = this.#receiveFields(call, Input.HEADERS, b, at, bytes);
    if (fields === undefined) return;
    if (fields.bytes !== bytes) {
      const message = `The server's HEADERS has ${bytes} bytes, its field block ${fields.bytes}`;
      return this.#fail(call, Input.HEADERS, Status.INTERNAL, message);
    }
    call.state = ReplyState.STREAMING;
    call.headers(fields.headers);
  }

  onGoodbye(reason: number, lastId: number, message: string): void {
    this.#owner.serverLeaves(reason, lastId, message);
  }

  /** Ends calls with ids above `lastId` and calls that were never sent, because the server did not process them. */
  endUnprocessed(lastId: number, message: string): void {
    for (const call of this.#calls.values()) {
      if (call.id > lastId) call.finish(Status.UNAVAILABLE, message, "unprocessed");
    }
    this.#endPending(message);
  }

  writePing(payload: number): void {
    this.output.writePing(payload);
  }

  // Nothing to do: the connection itself resumes calls that wait for output.
  outputDrained(): void {}

  #endPending(reason: string): void {
    forEachItem(this.#pending.all(), (call) => {
      call.finish(Status.UNAVAILABLE, reason, "unprocessed");
    });
  }

  endCalls(code: Status, reason: string): void {
    try {
      this.#endPending(reason);
    } finally {
      forEachItem(this.#calls.values(), (call) => call.finish(code, reason, "processed"));
    }
  }
}
