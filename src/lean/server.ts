/**
 * The server's side of a lean connection.
 *
 * @module
 */

import { Status } from "../call/status.ts";
import type { ServerConnection, ServerConnectionSink } from "../call/wire.ts";
import type { LeanCall } from "./call.ts";
import { LeanConnection } from "./connection.ts";
import { type FieldBlock, NO_FIELDS, readFields } from "./format/fields.ts";
import {
  Control,
  ERROR,
  FIELDS,
  HEADER_BYTES,
  HELLO_ROUTE,
  MAX_CALL_ID,
  readId,
  readU32,
  Reason,
  REQUEST,
  RESPONSE,
  writeControl,
} from "./format/frames.ts";
import {
  ENCODING_GZIP,
  HELLO_DEFAULTS,
  isHelloRoute,
  readHello,
  writeHello,
} from "./format/hello.ts";
import { LEAST_PIECE_BYTES } from "./call.ts";
import { leanOptions, type LeanServerOptions } from "./options.ts";
import { RouteReader } from "./format/routes.ts";
import { errorValue, LeanServerCall, NOT_PROCESSED } from "./server_call.ts";
import { ServerLifetime } from "./server_lifetime.ts";
import { CLIENT_FRAMES, Effect, Input, serverEffect, State } from "./format/state.ts";
import { V1Server } from "./v1/server.ts";

/** What the peer turned out to be by its first frame. */
const Peer = { UNKNOWN: 0, V1: 1, EXTENDED: 2 } as const;

// How many late frames a call may cause without being charged: they were under way when it ended.
const LATE_FRAMES_PER_CALL = 100;

/**
 * Serves one lean connection, whether its client says hello or speaks version 1. Pure: no I/O, no clock;
 * see {@link ServerConnection} for how it is driven.
 */
export class LeanServerConnection extends LeanConnection implements ServerConnection {
  readonly #sink: ServerConnectionSink;
  readonly #routes: RouteReader;
  #peer: number = Peer.UNKNOWN;
  #v1: V1Server | undefined;
  /** Calls that are open on the wire, or whose handlers still run. */
  #slots = 0;
  #lastId = 0;
  readonly #life: ServerLifetime;
  #pings = 0;
  /** The answer to calls above the limit, once there was one. */
  #full: Uint8Array | undefined;

  /** Starts a connection that was accepted at `nowMs`: the hello timer runs from there. */
  constructor(sink: ServerConnectionSink, options: LeanServerOptions, nowMs: number) {
    const all = leanOptions(options, "server");
    super(all, all.maxReceiveMessageBytes, nowMs);
    this.#sink = sink;
    // A client that knows the hello by ALPN may call before it has read this side's, with the default as credit.
    this.windowBytes = Math.max(all.callWindowBytes, HELLO_DEFAULTS.callWindowBytes);
    this.#routes = new RouteReader(all.maxRoutes);
    this.#life = new ServerLifetime(all, this.watch, nowMs);
  }

  get activeCalls(): number {
    return this.#slots;
  }

  /** Whether the client takes gzip. */
  get peerTakesGzip(): boolean {
    return (this.peer.encodings & ENCODING_GZIP) !== 0;
  }

  override get wantsRead(): boolean {
    if (!super.wantsRead || this.#v1?.wantsRead === false) return false;
    // A client that takes no replies may send no requests. What waits for credit, while the output has room,
    // does not count: credit has to be read. Only servers do this, so that two sides never wait for each other.
    const { maxOutputBytes } = this.options;
    const waiting = this.out.length;
    return waiting < maxOutputBytes || waiting + this.queuedBytes < maxOutputBytes * 8;
  }

  get lastPeerId(): number {
    return this.#lastId;
  }

  override onFrame(
    b: Uint8Array,
    at: number,
    typeBytes: number,
    valueBytes: number,
    owned: boolean,
  ) {
    if (this.#peer === Peer.EXTENDED) this.#onFrame(b, at, typeBytes, valueBytes, owned);
    else if (this.#v1 !== undefined) this.#v1.onFrame(b, at, typeBytes, valueBytes, owned);
    else this.#onFirstFrame(b, at, typeBytes, valueBytes, owned);
  }

  #onFirstFrame(b: Uint8Array, at: number, typeBytes: number, valueBytes: number, owned: boolean) {
    this.watch.helloMs = Infinity;
    if (b[at + 1] !== REQUEST || !isHelloRoute(b, at + HEADER_BYTES, typeBytes)) {
      this.#becomeV1().onFrame(b, at, typeBytes, valueBytes, owned);
      return;
    }
    const settings = readHello(b, at + HEADER_BYTES + typeBytes, valueBytes, "client");
    if (settings === undefined || typeof settings === "string") {
      const message = settings ?? `The value of route ${HELLO_ROUTE} is no hello`;
      this.#becomeV1().refuse(b, at, typeBytes, Status.INVALID_ARGUMENT, message);
      this.fail(Reason.PROTOCOL_ERROR, message);
      return;
    }
    this.#peer = Peer.EXTENDED;
    this.enterExtended(settings);
    writeHello(this.out, RESPONSE, "server", {
      callWindowBytes: this.options.callWindowBytes,
      maxCalls: this.options.maxConcurrentStreams,
      encodings: ENCODING_GZIP,
      maxRoutes: this.options.maxRoutes,
      maxValueBytes: this.options.maxValueBytes,
    });
    this.watch.startKeepalive(this.nowMs);
  }

  #becomeV1(): V1Server {
    this.#peer = Peer.V1;
    return this.#v1 = new V1Server(this);
  }

  override admit(b: Uint8Array, at: number, valueBytes: number): boolean {
    return this.#peer === Peer.EXTENDED && this.admitExtended(b, at, valueBytes);
  }

  override onOversize(b: Uint8Array, at: number, typeBytes: number, valueBytes: number): void {
    if (this.over || this.#peer === Peer.EXTENDED) return;
    this.watch.helloMs = Infinity;
    const limit = this.options.maxReceiveMessageBytes;
    const v1 = this.#v1 ?? this.#becomeV1();
    const full = valueBytes <= limit;
    const message = `Cannot take a message of ${valueBytes} bytes: ${
      full ? "the memory for messages is used up" : `limit is ${limit}`
    }`;
    // A session that lost a message without a word would go on with the next.
    if (full && (b[at + 1] & REQUEST) === 0) return this.fail(Reason.TOO_LARGE, message);
    v1.refuse(b, at, typeBytes, Status.RESOURCE_EXHAUSTED, message);
    this.chargeFault();
  }

  #onFrame(b: Uint8Array, at: number, typeBytes: number, valueBytes: number, owned: boolean): void {
    const flags = b[at + 1];
    const input = CLIENT_FRAMES[flags];
    if (input === Input.CONTROL) return this.control(b, at, typeBytes, valueBytes);
    const id = readId(b, at + 2);
    if (input === Input.WHOLE || input === Input.OPEN) {
      return this.#onRequest(b, at, typeBytes, valueBytes, owned, id, input);
    }
    const call = this.calls.get(id) as LeanServerCall | undefined;
    if (!this.#legal(input, id, call, valueBytes)) return;
    const value = at + HEADER_BYTES;
    if (typeBytes !== 0) {
      return this.#illegal(`Frame of call ${id} has a route: only requests have`);
    }
    if (input === Input.PIECE && !this.#pieceIsFair(valueBytes)) return;
    if (input === Input.END) {
      if (valueBytes !== 0 || call!.midMessage) {
        return this.#illegal(
          `Call ${id} ended inside a message or with ${valueBytes} bytes of value`,
        );
      }
    } else {
      const problem = this.takeMessage(call!, b, value, valueBytes, flags, owned);
      if (problem !== undefined) return this.#failCall(call!, problem);
    }
    if (this.over || call!.ended) return;
    if (input === Input.END || input === Input.MESSAGE_END) {
      call!.state = State.LATER;
      call!.quiet = true;
      call!.sink.onHalfClose();
    } else {
      call!.returnCredit();
    }
  }

  /** Whether the tables take the input; charges what is late, ends the connection over what is illegal. */
  #legal(input: number, id: number, call: LeanServerCall | undefined, bytes = 0): boolean {
    const control = input === Input.CANCEL || input === Input.CREDIT;
    const state = call === undefined
      ? (id > this.#lastId ? State.IDLE : State.CLOSED)
      : call.ended && !control
      ? State.CLOSED
      : call.state;
    const effect = serverEffect(state, input);
    if (effect === Effect.ACCEPT) return true;
    if (effect === Effect.IGNORE && this.#isOnItsWay(call, bytes)) return false;
    if (effect === Effect.IGNORE) this.charge("frames of calls that are over");
    else this.#illegal(`Cannot take input ${input} for call ${id} in state ${state}`);
    return false;
  }

  // A client's messages that its credit let through before it knew of the call's end are no overhead.
  #isOnItsWay(call: LeanServerCall | undefined, bytes: number): boolean {
    if (bytes === 0) return false;
    if (call !== undefined) return call.takeLate(bytes);
    if (bytes > this.lateBytes) return false;
    this.lateBytes -= bytes;
    return true;
  }

  #illegal(message: string): void {
    this.fail(Reason.PROTOCOL_ERROR, message);
  }

  #pieceIsFair(bytes: number): boolean {
    if (bytes === 0) {
      this.#illegal("Cannot take an empty piece of a message");
      return false;
    }
    return bytes >= LEAST_PIECE_BYTES || this.charge("small pieces of messages");
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
    if (id <= this.#lastId || id > MAX_CALL_ID) {
      return this.#illegal(`Cannot open call ${id}: the last one was ${this.#lastId}`);
    }
    this.#lastId = id;
    const full = this.#slots >= this.options.maxConcurrentStreams;
    const route = full
      ? (this.#routes.skip(b, at + HEADER_BYTES, typeBytes) ? "" : undefined)
      : this.#routes.read(b, at + HEADER_BYTES, typeBytes);
    if (route === undefined) return this.#illegal(`Cannot read the route of call ${id}`);
    let value = at + HEADER_BYTES + typeBytes;
    let bytes = valueBytes;
    const flags = b[at + 1];
    let fields: FieldBlock = NO_FIELDS;
    if ((flags & FIELDS) !== 0) {
      const read = readFields(
        b,
        value,
        valueBytes,
        this.options.maxHeaderListBytes,
        this.options.maxHeaderFields,
      );
      if ("failure" in read) {
        if (read.failure === "malformed") return this.#illegal(read.message);
        return this.#refuse(id, Status.RESOURCE_EXHAUSTED, 0, read.message);
      }
      fields = read;
      value += read.bytes;
      bytes -= read.bytes;
    }
    if (input === Input.OPEN && bytes !== 0) {
      return this.#illegal(`Call ${id} was opened with ${bytes} bytes behind its fields`);
    }
    if (this.leaving) {
      return this.#refuse(id, Status.UNAVAILABLE, NOT_PROCESSED, "The server is going away");
    }
    if (full) return this.#refuseAbove(id);
    const { queuedBytes, options } = this;
    if (queuedBytes >= options.maxSendBufferBytes) {
      const message = `Cannot open call ${id}: ${queuedBytes} bytes of replies wait to be read`;
      return this.#refuse(id, Status.RESOURCE_EXHAUSTED, NOT_PROCESSED, message);
    }
    const call = this.#open(id, route, fields);
    if (input === Input.OPEN || this.over) return;
    call.state = State.LATER;
    call.quiet = true;
    if (call.ended) return;
    const problem = this.takeMessage(call, b, value, bytes, flags, owned);
    if (problem !== undefined) this.#failCall(call, problem);
    else if (!call.ended && !this.over) call.sink.onHalfClose();
  }

  #open(id: number, route: string, fields: FieldBlock): LeanServerCall {
    const call = new LeanServerCall(this, id, route, fields);
    this.calls.set(id, call);
    this.#slots++;
    this.#life.forgivePings();
    this.forgive(LATE_FRAMES_PER_CALL);
    this.#sink.onCall(call);
    return call;
  }

  /** Answers a call above the limit of open ones. Always with the same bytes: there may be very many. */
  #refuseAbove(id: number): void {
    const limit = this.options.maxConcurrentStreams;
    this.#full ??= errorValue(
      Status.RESOURCE_EXHAUSTED,
      NOT_PROCESSED,
      `Cannot open another call: ${limit} are open, which is the limit`,
    );
    this.#refuseWith(id, this.#full);
  }

  /** Answers a call that is not taken. */
  #refuse(id: number, code: Status, flags: number, message: string): void {
    this.#refuseWith(id, errorValue(code, flags, message));
  }

  #refuseWith(id: number, value: Uint8Array): void {
    if (!this.chargeFault() || !this.countControlFrame()) return;
    this.writeFrame(RESPONSE | ERROR, id, undefined, value, 0, value.length);
  }

  #failCall(call: LeanServerCall, message: string): void {
    if (this.chargeFault()) call.failWith(Status.RESOURCE_EXHAUSTED, message);
  }

  protected override onControl(kind: number, b: Uint8Array, at: number, bytes: number, id: number) {
    if (kind === Control.HEADERS) {
      return this.#illegal("Cannot take response headers from a client");
    }
    const call = this.calls.get(id) as LeanServerCall | undefined;
    const input = kind === Control.CANCEL ? Input.CANCEL : Input.CREDIT;
    if (!this.#legal(input, id, call)) return;
    if (input === Input.CREDIT) return this.creditCall(call!, readU32(b, at));
    if (bytes !== 0) return this.#illegal(`Cannot take a cancel with ${bytes} bytes`);
    if (!this.chargeReset()) return;
    this.#drop(call!, Status.CANCELLED, "The client cancelled the call");
  }

  #drop(call: LeanServerCall, code: Status, reason: string): void {
    this.calls.delete(call.id);
    call.cancelled(code, reason);
  }

  /** The call waits for credit: a reader that takes none may not hold memory for ever. */
  override waitForCredit(call: LeanCall): void {
    this.waits.forCredit(call);
    this.watch.schedule(this.nowMs + this.options.stallTimeoutMs);
  }

  #checkStalls(nowMs: number): void {
    const { stallTimeoutMs } = this.options;
    const message = `The peer gave no credit for ${stallTimeoutMs} ms`;
    this.watch.schedule(
      this.waits.checkCredit(
        nowMs,
        this.progressMs,
        stallTimeoutMs,
        (call) => this.#onStalledCall(call, message),
      ),
    );
  }

  #onStalledCall(call: LeanCall, message: string): void {
    this.note("debug", `Call ${call.id} dropped: ${message}`);
    const value = errorValue(Status.RESOURCE_EXHAUSTED, 0, message);
    this.writeFrame(RESPONSE | ERROR, call.id, undefined, value, 0, value.length);
    this.#drop(call as LeanServerCall, Status.RESOURCE_EXHAUSTED, message);
  }

  protected override onGoodbye(): void {
    // The client starts no more calls; when its last one is over it closes, and if it doesn't, this side does.
    this.leaving = true;
    this.#finishDrain();
  }

  override onPong(): void {}

  protected override admitPing(): boolean {
    const problem = this.#life.admitPing(this.nowMs, this.#slots);
    if (problem !== undefined) this.fail(Reason.TOO_MANY_PINGS, problem);
    return problem === undefined;
  }

  override note(level: "debug" | "warn", message: string): void {
    this.#sink.onNote?.(level, message);
  }

  /** Response headers, ahead of the first message. */
  writeHeaders(id: number, fields: Uint8Array | undefined): void {
    const bytes = fields ?? EMPTY_BLOCK;
    writeControl(this.out, Control.HEADERS, id, bytes.length);
    this.out.bytes(bytes);
  }

  /** The call has sent all that it will. */
  callOver(call: LeanServerCall): void {
    this.calls.delete(call.id);
  }

  /** A call is over on the wire and its handler has ended. */
  releaseSlot(): void {
    if (--this.#slots === 0) this.#life.callsEnded();
    if (this.leaving) this.#finishDrain();
    if (this.#v1 !== undefined) this.produced();
  }

  drain(nowMs: number): void {
    if (this.over || this.leaving) return;
    this.nowMs = nowMs;
    this.leaving = true;
    this.writeGoodbye(Reason.NO_ERROR, "The server is going away");
    this.#finishDrain();
    this.produced();
  }

  #finishDrain(): void {
    if (!this.leaving || this.over || this.#slots > 0) return;
    if (this.#peer !== Peer.EXTENDED) {
      this.closedGracefully = true;
      return this.close("The server is going away", false);
    }
    this.#life.linger(this.nowMs);
  }

  abort(reason: string, nowMs: number): void {
    if (this.over) return;
    this.nowMs = nowMs;
    this.writeGoodbye(Reason.ABORTED, reason);
    this.close(reason, false);
    this.produced();
  }

  protected override endCalls(reason: string): void {
    for (const call of [...this.calls.values()]) {
      (call as LeanServerCall).cancelled(Status.UNAVAILABLE, reason);
    }
    this.calls.clear();
    this.#v1?.endCalls(reason);
  }

  override outputDrained(nowMs: number): void {
    super.outputDrained(nowMs);
    this.#life.setNow(nowMs);
    if (!this.over) this.#v1?.outputDrained();
  }

  protected override tick(nowMs: number): void {
    this.#checkStalls(nowMs);
    this.#v1?.tick(nowMs);
    if (this.watch.pingDue) this.#sendPing(nowMs);
    const event = this.#life.check(nowMs, this.leaving, this.#slots);
    if (event === "close") {
      this.closedGracefully = true;
      this.close("The server has gone away", false);
    } else if (event === "abort") this.abort("The connection is too old", nowMs);
    else if (event === "drain") this.drain(nowMs);
  }

  #sendPing(nowMs: number): void {
    this.watch.pingDue = false;
    writeControl(this.out, Control.PING, 0, 8);
    this.out.u32(0);
    this.out.u32(++this.#pings);
    this.watch.pinged(nowMs);
  }

  /** A call came by version 1. False when there are too many, which has been answered. For `V1Server`. */
  countV1Call(): boolean {
    if (this.leaving || this.#slots >= this.options.maxConcurrentStreams * 8) return false;
    this.#slots++;
    return true;
  }

  /** A look at held messages is due after `v1FinalMessageDelayMs`. For `V1Server`. */
  scheduleHold(): void {
    this.watch.schedule(this.nowMs + this.options.v1FinalMessageDelayMs);
  }

  /** Whether no more calls are taken. For `V1Server`. */
  get isLeaving(): boolean {
    return this.leaving;
  }

  /** For `V1Server`, whose calls are calls of this connection. */
  get sink(): ServerConnectionSink {
    return this.#sink;
  }
}

const EMPTY_BLOCK = Uint8Array.of(0, 0);
