/**
 * A client towards a server that does not know the hello: exactly version 1.
 *
 * @module
 */

import { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import type { CallRequest, ClientCall, ClientCallSink } from "../../call/wire.ts";
import type { LeanClientConnection } from "../client.ts";
import { inflated } from "../client_call.ts";
import {
  END,
  ERROR,
  HEADER_BYTES,
  HELLO_ROUTE,
  idHigh,
  readId,
  REQUEST,
  RESPONSE,
  STREAM,
  writeHeader,
} from "../format/frames.ts";
import { decodeRoute, encodeRoute } from "../format/routes.ts";

// Ids of session messages have the highest bit set, each its own.
const SESSION_ID_HIGH = 0x8000_0000;
const NO_METADATA = () => new Metadata();
const NOTHING = new Uint8Array(0);
const decoder = new TextDecoder();

/** Reads and writes version-1 frames for a {@link LeanClientConnection}. */
export class V1Client {
  readonly #client: LeanClientConnection;
  readonly #calls = new Map<number, V1ClientCall>();
  readonly #sessions = new Map<string, V1ClientCall>();
  /** Calls whose reader waits although more has come. */
  readonly #full = new Set<V1ClientCall>();
  readonly #wanting = new Set<V1ClientCall>();
  #nextId = 1;

  constructor(client: LeanClientConnection) {
    this.#client = client;
  }

  /** Calls and sessions in flight. */
  get activeCalls(): number {
    return this.#calls.size + this.#sessions.size;
  }

  /** Without credit, reading less is all that can slow the server down. */
  get wantsRead(): boolean {
    return this.#full.size === 0;
  }

  /** See `ClientConnection.startCall`; a route has one session at a time, as nothing else tells two apart. */
  startCall(request: CallRequest, sink: ClientCallSink): ClientCall {
    const session = request.requestStreams && !request.singleResponse;
    if (session && this.#sessions.has(request.path)) {
      throw new RangeError(`Cannot open a second session of ${request.path}: version 1 allows one`);
    }
    const call = new V1ClientCall(this, this.#client, this.#nextId++, request, sink, session);
    if (session) this.#sessions.set(request.path, call);
    else this.#calls.set(call.id, call);
    if (request.requestStreams && !session) {
      call.failLater(
        Status.UNIMPLEMENTED,
        "The server speaks version 1: it takes one message a call",
      );
    }
    return call;
  }

  /** Whether a long value is for a call that takes it. */
  admit(b: Uint8Array, at: number, valueBytes: number): boolean {
    const session = (b[at + 1] & (STREAM | REQUEST | RESPONSE)) === STREAM;
    const limit = session ? undefined : this.#calls.get(readId(b, at + 2))?.maxMessageBytes;
    return valueBytes <= (limit ?? this.#client.options.maxReceiveMessageBytes);
  }

  /** A value that is too long: its call ends, the rest is skipped. */
  onOversize(b: Uint8Array, at: number, _typeBytes: number, valueBytes: number): void {
    const call = this.#calls.get(readId(b, at + 2));
    call?.finish(
      Status.RESOURCE_EXHAUSTED,
      `Cannot take a message of ${valueBytes} bytes: limit is ${call.maxMessageBytes}`,
    );
  }

  /** Takes a frame. */
  onFrame(b: Uint8Array, at: number, typeBytes: number, valueBytes: number, owned: boolean): void {
    const flags = b[at + 1];
    const value = at + HEADER_BYTES + typeBytes;
    const take = () =>
      owned ? b.subarray(value, value + valueBytes) : b.slice(value, value + valueBytes);
    if ((flags & (STREAM | REQUEST | RESPONSE)) === STREAM) {
      const route = decodeRoute(b, at + HEADER_BYTES, typeBytes);
      if (route !== undefined) this.#sessions.get(route)?.messageCame(take());
      return;
    }
    const id = readId(b, at + 2);
    if (id === 0) return this.#client.v1Pong();
    const call = this.#calls.get(id);
    // A call that was given up: version 1 can't tell the server, so its reply comes all the same.
    if (call === undefined) return;
    if ((flags & ERROR) !== 0) {
      return call.finish(Status.UNKNOWN, decoder.decode(b.subarray(value, value + valueBytes)));
    }
    const last = (flags & STREAM) === 0 || (flags & END) !== 0;
    // An empty end of a stream is only its end.
    if (valueBytes > 0 || (flags & END) === 0) call.messageCame(take());
    if (last) call.finish(Status.OK, "");
  }

  /** A request that any server answers. */
  writePing(): void {
    this.write(REQUEST, 0, 0, encodeRoute(HELLO_ROUTE), NOTHING);
  }

  /** Writes a frame. */
  write(flags: number, high: number, low: number, route: Uint8Array, message: Uint8Array): void {
    const { out } = this.#client;
    writeHeader(out, flags, high, low, route.length, message.length);
    out.bytes(route);
    out.bytes(message);
    this.#client.produced();
  }

  /** The call is over or given up. */
  callOver(call: V1ClientCall): void {
    if (call.session) this.#sessions.delete(call.path);
    else this.#calls.delete(call.id);
    this.#wanting.delete(call);
    this.setFull(call, false);
    this.#client.v1CallOver();
  }

  /** The id of a session's next message. */
  nextMessageId(): number {
    return this.#nextId++;
  }

  /** A call wants to hear when there is room. */
  notifyWhenWritable(call: V1ClientCall): void {
    this.#wanting.add(call);
  }

  /** A call's reader is paused and has enough, or reads again. */
  setFull(call: V1ClientCall, full: boolean): void {
    if (full) this.#full.add(call);
    else if (this.#full.delete(call)) this.#client.produced();
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
  endCalls(code: Status, reason: string): void {
    for (const call of [...this.#calls.values(), ...this.#sessions.values()]) {
      call.finish(code, reason);
    }
  }
}

/** See {@link ClientCall}. Metadata, deadline and cancel stay on this side. */
export class V1ClientCall implements ClientCall {
  readonly encoding = "identity";
  readonly id: number;
  readonly path: string;
  readonly sink: ClientCallSink;
  /** Whether messages go both ways, without an end. */
  readonly session: boolean;
  readonly maxMessageBytes: number;
  readonly #owner: V1Client;
  readonly #client: LeanClientConnection;
  #message: Uint8Array | undefined;
  #sent = false;
  #over = false;
  #headersTold = false;
  #paused = false;
  #unread = 0;

  constructor(
    owner: V1Client,
    client: LeanClientConnection,
    id: number,
    request: CallRequest,
    sink: ClientCallSink,
    session: boolean,
  ) {
    this.#owner = owner;
    this.#client = client;
    this.id = id;
    this.path = request.path;
    this.maxMessageBytes = request.maxReceiveMessageBytes;
    this.sink = sink;
    this.session = session;
  }

  sendMessage(message: Uint8Array, compressed: boolean): void {
    if (this.#over) return;
    if (compressed) return this.sendMessage(inflated(message), false);
    if (!this.session) {
      this.#message = message;
      return;
    }
    const id = this.#owner.nextMessageId();
    const high = (SESSION_ID_HIGH | idHigh(id)) >>> 0;
    this.#owner.write(STREAM, high, id >>> 0, encodeRoute(this.path), message);
  }

  sendLastMessage(message: Uint8Array, compressed: boolean): void {
    this.sendMessage(message, compressed);
    this.halfClose();
  }

  halfClose(): void {
    // The end of a session's sending has no form in version 1.
    if (this.#over || this.#sent || this.session) return;
    this.#sent = true;
    const message = this.#message ?? NOTHING;
    this.#message = undefined;
    this.#owner.write(REQUEST, idHigh(this.id), this.id >>> 0, encodeRoute(this.path), message);
  }

  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#owner.callOver(this);
  }

  /** Ends the call from a timer. */
  failLater(code: Status, message: string): void {
    this.#sent = true;
    this.#client.later(() => this.finish(code, message));
  }

  /** Whether the output has room for another message. */
  get hasRoom(): boolean {
    return this.#client.out.length < this.#client.options.maxOutputBytes;
  }

  get writable(): boolean {
    if (this.hasRoom) return true;
    this.#owner.notifyWhenWritable(this);
    return false;
  }

  /** A message came. */
  messageCame(message: Uint8Array): void {
    if (!this.#headersTold) {
      this.#headersTold = true;
      this.sink.onHeaders(NO_METADATA);
    }
    if (this.#over) return;
    this.sink.onMessage(message, false);
    if (!this.#paused || this.#over) return;
    this.#unread += message.length + 1;
    if (this.#unread > this.#client.options.callWindowBytes) this.#owner.setFull(this, true);
  }

  setReadPaused(paused: boolean): void {
    this.#paused = paused;
    if (paused) return;
    this.#unread = 0;
    this.#owner.setFull(this, false);
  }

  /** The end. */
  finish(code: Status, message: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#owner.callOver(this);
    this.sink.onStatus(
      code,
      message,
      NO_METADATA,
      this.#sent || this.session ? "processed" : "unprocessed",
    );
    this.#client.callEnded();
  }
}
