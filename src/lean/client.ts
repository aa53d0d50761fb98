/**
 * The client's side of a lean connection.
 *
 * @module
 */

import { Status, statusFromNumber } from "../call/status.ts";
import type {
  CallRequest,
  ClientCall,
  ClientCallSink,
  ClientConnection,
  ClientConnectionSink,
} from "../call/wire.ts";
import { LEAST_PIECE_BYTES } from "./call.ts";
import { LeanClientCall } from "./client_call.ts";
import { LeanConnection } from "./connection.ts";
import { encodeFields, type FieldBlock, NO_FIELDS, readFields } from "./format/fields.ts";
import {
  Control,
  FIELDS,
  HEADER_BYTES,
  idHigh,
  MAX_CALL_ID,
  readId,
  readU32,
  Reason,
  REQUEST,
  RESPONSE,
  writeControl,
  writeHeader,
  writeU64,
} from "./format/frames.ts";
import { ENCODING_GZIP, HELLO_DEFAULTS, readHello, writeHello } from "./format/hello.ts";
import { type LeanClientOptions, leanOptions } from "./options.ts";
import { checkRoute, RouteWriter, writeRoute } from "./format/routes.ts";
import { NOT_PROCESSED } from "./server_call.ts";
import { clientEffect, Effect, Input, SERVER_FRAMES, State } from "./format/state.ts";
import { PendingCalls } from "./pending_calls.ts";
import { V1Client } from "./v1/client.ts";

// The longest answer to the hello that is looked at; a version-1 server may answer with anything.
const HELLO_BYTES = 1_024;
const decoder = new TextDecoder();

/**
 * One lean connection's client. It says hello first and, unless the peer is known to understand it, is
 * `ready` when the answer has come: what the answer is decides between the extended wire and version 1.
 */
export class LeanClientConnection extends LeanConnection implements ClientConnection {
  /** Whether the server hung up because pings came too fast: the next connection should ping half as often. */
  tooManyPings = false;
  readonly #sink: ClientConnectionSink;
  readonly #routes = new RouteWriter();
  readonly #certain: boolean;
  readonly #unopened = new PendingCalls();
  /** Calls that failed before they could begin; they are told from a timer, not from inside `startCall`. */
  #failed: (() => void)[] = [];
  readonly #pings: { payload: number; onPong: (nowMs: number) => void }[] = [];
  #v1: V1Client | undefined;
  #heard = false;
  #nextId = 1;
  #pingCount = 0;
  #abortCode: Status = Status.UNAVAILABLE;

  /** Starts a connection: the hello is in `out` at once. */
  constructor(sink: ClientConnectionSink, options: LeanClientOptions, nowMs: number) {
    const all = leanOptions(options, "client");
    super(all, HELLO_BYTES, nowMs);
    this.#sink = sink;
    this.#certain = options.peerKnowsHello ?? false;
    writeHello(this.out, REQUEST, "client", {
      callWindowBytes: all.callWindowBytes,
      maxCalls: HELLO_DEFAULTS.maxCalls,
      encodings: ENCODING_GZIP,
      maxRoutes: 0,
      maxValueBytes: all.maxValueBytes,
    });
    if (this.#certain) this.enterExtended(HELLO_DEFAULTS);
  }

  get ready(): boolean {
    return (this.#heard || this.#certain) && !this.over;
  }

  get usable(): boolean {
    return this.ready && !this.leaving && this.#nextId < MAX_CALL_ID;
  }

  get activeCalls(): number {
    return this.calls.size + this.#unopened.size + (this.#v1?.activeCalls ?? 0);
  }

  get maxCalls(): number {
    return this.#v1 === undefined ? this.peer.maxCalls : this.options.maxConcurrentStreams;
  }

  /** Whether the server takes gzip. Only a server that said so may be sent compressed messages. */
  get acceptsGzip(): boolean {
    return (this.peer.encodings & ENCODING_GZIP) !== 0;
  }

  /** Whether the server never said hello, so that version 1 is all there is. */
  get speaksV1(): boolean {
    return this.#v1 !== undefined;
  }

  override get wantsRead(): boolean {
    return super.wantsRead && (this.#v1 === undefined || this.#v1.wantsRead);
  }

  get lastPeerId(): number {
    return 0;
  }

  startCall(request: CallRequest, sink: ClientCallSink): ClientCall {
    if (!this.usable) {
      throw new RangeError(`Cannot call ${request.path}: the connection is not usable`);
    }
    if (this.activeCalls >= this.maxCalls) {
      throw new RangeError(
        `Cannot call ${request.path}: ${this.activeCalls} calls are open, limit is ${this.maxCalls}`,
      );
    }
    checkRoute(request.path, this.options.maxRouteBytes);
    if (this.#v1 !== undefined) return this.#v1.startCall(request, sink);
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
    this.#unopened.add(call);
    if (problem !== undefined) {
      this.later(() => call.finish(Status.INTERNAL, problem, "unprocessed"));
    } else if (request.requestStreams) call.open();
    return call;
  }

  /** Runs `report` from the next timer, so that no sink is called inside its own call. For the engine's parts. */
  later(report: () => void): void {
    this.#failed.push(report);
    this.watch.schedule(this.nowMs);
    this.produced();
  }

  /** Writes the frame that opens a call. */
  openCall(
    call: LeanClientCall,
    flags: number,
    fields: Uint8Array | undefined,
    message: Uint8Array,
  ): void {
    const id = this.#nextId++;
    call.id = id;
    this.#unopened.delete(call);
    this.calls.set(id, call);
    const { out } = this;
    const type = this.#routes.type(call.route);
    const ahead = fields === undefined ? 0 : fields.length;
    writeHeader(out, flags, idHigh(id), id >>> 0, type.length, ahead + message.length);
    writeRoute(out, type);
    if (fields !== undefined) out.bytes(fields);
    out.bytes(message);
  }

  #endUnopened(reason: string): void {
    for (const call of this.#unopened.all()) call.finish(Status.UNAVAILABLE, reason, "unprocessed");
  }

  /** Tells the server that a call is given up, when it knows of it. */
  cancelCall(call: LeanClientCall): void {
    if (call.id === 0 || this.over) return;
    writeControl(this.out, Control.CANCEL, call.id, 0);
    this.produced();
  }

  /** A call is over: given up, or about to be told its end. */
  callOver(call: LeanClientCall): void {
    if (call.id === 0) this.#unopened.delete(call);
    else this.calls.delete(call.id);
    if (this.leaving) this.#finishDrain();
  }

  /** A version-1 call is over. */
  v1CallOver(): void {
    if (this.leaving) this.#finishDrain();
  }

  /** A slot is free. */
  callEnded(): void {
    if (!this.over) this.#sink.onCallEnd();
  }

  override onFrame(
    b: Uint8Array,
    at: number,
    typeBytes: number,
    valueBytes: number,
    owned: boolean,
  ) {
    if (this.#v1 !== undefined) this.#v1.onFrame(b, at, typeBytes, valueBytes, owned);
    else if (this.#heard) this.#onFrame(b, at, typeBytes, valueBytes, owned);
    else this.#onFirstFrame(b, at, typeBytes, valueBytes);
  }

  #onFirstFrame(b: Uint8Array, at: number, typeBytes: number, valueBytes: number): void {
    if (!this.#isAnswer(b, at)) return;
    const settings = readHello(b, at + HEADER_BYTES + typeBytes, valueBytes, "server");
    if (typeof settings === "string") return this.fail(Reason.PROTOCOL_ERROR, settings);
    if (settings === undefined) return this.#becomeV1();
    this.#heard = true;
    this.watch.helloMs = Infinity;
    const more = settings.callWindowBytes - this.peer.callWindowBytes;
    this.enterExtended(settings);
    this.#routes.setMax(settings.maxRoutes);
    // Calls that began before have the default as credit; a hello never takes any back.
    if (this.#certain && more > 0) { for (const call of this.calls.values()) call.credit(more); }
    this.watch.startKeepalive(this.nowMs);
    this.#sink.onStateChange();
  }

  #isAnswer(b: Uint8Array, at: number): boolean {
    if ((b[at + 1] & RESPONSE) !== 0 && readId(b, at + 2) === 0) return true;
    this.fail(
      Reason.PROTOCOL_ERROR,
      `The first frame has flags ${b[at + 1]}: it must answer the hello`,
    );
    return false;
  }

  #becomeV1(): void {
    if (this.#certain) {
      return this.fail(
        Reason.PROTOCOL_ERROR,
        "The peer agreed on vrpc-lean/1 and does not answer hello",
      );
    }
    this.#heard = true;
    this.watch.helloMs = Infinity;
    // Every frame's length is judged by its call.
    this.reader.valueLimit = 0;
    this.#v1 = new V1Client(this);
    this.watch.startKeepalive(this.nowMs);
    this.note("debug", "The server speaks version 1: no metadata, deadlines, cancel, credit");
    this.#sink.onStateChange();
  }

  override admit(b: Uint8Array, at: number, valueBytes: number): boolean {
    if (this.#v1 !== undefined) return this.#v1.admit(b, at, valueBytes);
    return this.#heard && this.admitExtended(b, at, valueBytes);
  }

  override onOversize(b: Uint8Array, at: number, typeBytes: number, valueBytes: number): void {
    if (this.over) return;
    if (this.#v1 !== undefined) this.#v1.onOversize(b, at, typeBytes, valueBytes);
    else if (!this.#heard && this.#isAnswer(b, at)) this.#becomeV1();
  }

  #onFrame(b: Uint8Array, at: number, typeBytes: number, valueBytes: number, owned: boolean): void {
    const flags = b[at + 1];
    const input = SERVER_FRAMES[flags];
    if (input === Input.CONTROL) return this.control(b, at, typeBytes, valueBytes);
    const id = readId(b, at + 2);
    const call = this.calls.get(id) as LeanClientCall | undefined;
    if (!this.#legal(input, id, call)) return;
    if (call === undefined) return;
    if (typeBytes !== 0) {
      return this.#illegal(`Frame of call ${id} has a route: only requests have`);
    }
    let value = at + HEADER_BYTES;
    let bytes = valueBytes;
    let fields: FieldBlock = NO_FIELDS;
    if ((flags & FIELDS) !== 0) {
      const read = this.#readFields(call, b, value, bytes);
      if (read === undefined) return;
      fields = read;
      value += read.bytes;
      bytes -= read.bytes;
    }
    if (input === Input.ERROR) return this.#onError(call, b, value, bytes, fields);
    if (input === Input.END) {
      if (bytes !== 0 || call.midMessage) {
        return this.#illegal(`Call ${id} ended inside a message or with ${bytes} bytes of value`);
      }
    } else if (!this.#onMessage(call, b, value, bytes, flags, owned, fields)) return;
    if (call.over || this.over) return;
    if (input === Input.MESSAGE || input === Input.PIECE) call.returnCredit();
    else call.finish(Status.OK, "", "processed", fields.trailers);
  }

  #onMessage(
    call: LeanClientCall,
    b: Uint8Array,
    at: number,
    bytes: number,
    flags: number,
    owned: boolean,
    fields: FieldBlock,
  ): boolean {
    const input = SERVER_FRAMES[flags];
    if (input === Input.PIECE && bytes === 0) {
      this.#illegal("Cannot take an empty piece of a message");
      return false;
    }
    if (input === Input.PIECE && bytes < LEAST_PIECE_BYTES && !this.charge("small pieces")) {
      return false;
    }
    call.state = State.LATER;
    call.headers(fields.headers);
    if (call.over) return false;
    const problem = this.takeMessage(call, b, at, bytes, flags, owned);
    if (problem === undefined) return true;
    if (input === Input.MESSAGE || input === Input.PIECE) this.cancelCall(call);
    call.finish(Status.RESOURCE_EXHAUSTED, problem, "processed");
    return false;
  }

  #readFields(
    call: LeanClientCall,
    b: Uint8Array,
    at: number,
    bytes: number,
  ): FieldBlock | undefined {
    const read = readFields(
      b,
      at,
      bytes,
      this.options.maxHeaderListBytes,
      this.options.maxHeaderFields,
    );
    if (!("failure" in read)) return read;
    if (read.failure === "malformed") this.#illegal(read.message);
    else {
      this.cancelCall(call);
      call.finish(Status.RESOURCE_EXHAUSTED, read.message, "processed");
    }
    return undefined;
  }

  #onError(
    call: LeanClientCall,
    b: Uint8Array,
    at: number,
    bytes: number,
    fields: FieldBlock,
  ): void {
    const textBytes = bytes < 4 ? -1 : (b[at + 2] << 8) | b[at + 3];
    if (textBytes !== bytes - 4) return this.#illegal(`Cannot read an error of ${bytes} bytes`);
    const message = decoder.decode(b.subarray(at + 4, at + bytes));
    if ((b[at + 1] & NOT_PROCESSED) !== 0) {
      return call.finish(Status.UNAVAILABLE, message, "refused", fields.trailers);
    }
    const code = statusFromNumber(b[at]);
    call.finish(code === Status.OK ? Status.UNKNOWN : code, message, "processed", fields.trailers);
  }

  /** Whether the tables take the input; ends the connection over what is illegal. */
  #legal(input: number, id: number, call: LeanClientCall | undefined): boolean {
    const state = call?.state ?? (id > 0 && id < this.#nextId ? State.CLOSED : State.IDLE);
    const effect = clientEffect(state, input);
    if (effect === Effect.ERROR) {
      this.#illegal(`Cannot take input ${input} for call ${id} in state ${state}`);
    }
    return effect === Effect.ACCEPT;
  }

  #illegal(message: string): void {
    this.fail(Reason.PROTOCOL_ERROR, message);
  }

  protected override onControl(kind: number, b: Uint8Array, at: number, bytes: number, id: number) {
    if (kind === Control.CANCEL) return this.#illegal("Cannot take a cancel from a server");
    const call = this.calls.get(id) as LeanClientCall | undefined;
    const input = kind === Control.HEADERS ? Input.HEADERS : Input.CREDIT;
    if (!this.#legal(input, id, call) || call === undefined) return;
    if (input === Input.CREDIT) return this.creditCall(call, readU32(b, at));
    const fields = this.#readFields(call, b, at, bytes);
    if (fields === undefined) return;
    call.state = State.LATER;
    call.headers(fields.headers);
  }

  protected override onGoodbye(reason: number, lastId: number, message: string): void {
    this.leaving = true;
    if (reason === Reason.TOO_MANY_PINGS) this.tooManyPings = true;
    for (const call of [...this.calls.values()] as LeanClientCall[]) {
      if (call.id > lastId) call.finish(Status.UNAVAILABLE, message, "refused");
    }
    this.#endUnopened(message);
    if (reason !== Reason.NO_ERROR) {
      this.note("warn", `The server hung up with reason ${reason}: ${JSON.stringify(message)}`);
      this.close(message, false);
    }
    this.#finishDrain();
    this.#sink.onStateChange();
  }

  ping(nowMs: number, onPong: (nowMs: number) => void): void {
    if (this.over) return;
    this.nowMs = nowMs;
    this.#pings.push({ payload: ++this.#pingCount, onPong });
    this.#writePing(this.#pingCount);
    this.produced();
  }

  #writePing(payload: number): void {
    // A version-1 server answers the hello's route like any it does not know, so that can be the ping.
    if (this.#v1 !== undefined) return this.#v1.writePing();
    writeControl(this.out, Control.PING, 0, 8);
    writeU64(this.out, payload);
  }

  /** A pong came; version 1's have no payload and answer the oldest ping. */
  override onPong(payload?: number): void {
    const index = payload === undefined ? 0 : this.#pings.findIndex((p) => p.payload === payload);
    if (index < 0 || index >= this.#pings.length) return;
    this.#pings.splice(index, 1)[0].onPong(this.nowMs);
  }

  /** A version-1 pong came. */
  v1Pong(): void {
    this.watch.ponged();
    this.onPong();
  }

  override outputDrained(nowMs: number): void {
    super.outputDrained(nowMs);
    if (!this.over) this.#v1?.outputDrained();
  }

  protected override admitPing(): boolean {
    return true;
  }

  override note(level: "debug" | "warn", message: string): void {
    this.#sink.onNote?.(level, message);
  }

  drain(nowMs: number): void {
    if (this.over) return;
    this.nowMs = nowMs;
    this.leaving = true;
    this.#finishDrain();
    this.#sink.onStateChange();
    this.produced();
  }

  #finishDrain(): void {
    if (this.leaving && !this.over && this.activeCalls === 0) this.close("Drained", false);
  }

  abort(code: Status, reason: string, nowMs: number): void {
    if (this.over) return;
    this.nowMs = nowMs;
    this.#abortCode = code;
    this.close(reason, false);
    this.produced();
  }

  protected override endCalls(reason: string, broken: boolean): void {
    const code = broken ? Status.INTERNAL : this.#abortCode;
    this.#endUnopened(reason);
    for (const call of [...this.calls.values()] as LeanClientCall[]) {
      call.finish(code, reason, "processed");
    }
    this.#v1?.endCalls(code, reason);
    this.#failed = [];
    this.#pings.length = 0;
    this.#sink.onStateChange();
  }

  protected override tick(nowMs: number): void {
    if (this.#failed.length > 0) { for (const report of this.#failed.splice(0)) report(); }
    if (!this.watch.pingDue) return;
    this.watch.pingDue = false;
    if (this.activeCalls === 0 && !this.options.keepaliveWithoutCalls) {
      this.watch.schedule(nowMs + this.options.keepaliveTimeMs);
      return;
    }
    this.#writePing(++this.#pingCount);
    this.watch.pinged(nowMs);
  }
}
