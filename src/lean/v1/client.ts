/**
 * The client's protocol for a server that does not know the hello: exactly version 1.
 *
 * @module
 */

import { EMPTY_BYTES } from "../../bytes/empty.ts";
import { Status } from "../../call/status.ts";
import type { CallRequest, ClientCall, ClientCallSink } from "../../call/wire.ts";
import type { ClientProtocol, ClientProtocolOwner } from "../client_protocol.ts";
import type { LeanConnection } from "../connection.ts";
import type { Version1Loss } from "../options.ts";
import {
  COMPRESSED,
  END,
  ERROR,
  FIELDS,
  HEADER_BYTES,
  HELLO_ROUTE,
  MORE,
  readId,
  REQUEST,
  RESPONSE,
  STREAM,
  writeHeader,
} from "../format/frames.ts";
import { decodeRoute, encodeRoute } from "../format/routes.ts";
import { V1ClientCall, type V1ClientCallOwner } from "./client_call.ts";

const SESSION_FLAGS = STREAM | REQUEST | RESPONSE;
const EXTENDED_FLAGS = FIELDS | MORE | COMPRESSED;
const decoder = new TextDecoder();

/** Writes requests of version 1, and passes replies to their calls. */
export class V1Client implements ClientProtocol, V1ClientCallOwner {
  readonly connection: LeanConnection;
  readonly #owner: ClientProtocolOwner;
  readonly #losses: readonly Version1Loss[];
  readonly #calls = new Map<number, V1ClientCall>();
  readonly #sessions = new Map<string, V1ClientCall>();
  /** Calls whose paused reader has more than `callWindowBytes` of unread messages, so that the socket is not read. */
  readonly #full = new Set<V1ClientCall>();
  readonly #awaitingRoom = new Set<V1ClientCall>();
  #nextId = 1;

  /** Starts without calls. `losses` lists what calls may lose; calls that would lose anything else fail. */
  constructor(owner: ClientProtocolOwner, losses: readonly Version1Loss[]) {
    this.#owner = owner;
    this.#losses = losses;
    this.connection = owner.connection;
  }

  inflate(message: Uint8Array): Uint8Array {
    return this.#owner.inflate(message);
  }

  get activeCalls(): number {
    return this.#calls.size + this.#sessions.size;
  }

  // A version-1 server states no limit.
  get maxCalls(): number {
    return this.connection.options.maxConcurrentStreams;
  }

  // Version 1 has no credit: only a pause in reading slows the server down.
  get wantsRead(): boolean {
    return this.#full.size === 0;
  }

  /**
   * See `ClientProtocol.startCall`. One session per route, because messages of two sessions could not be told apart.
   */
  startCall(request: CallRequest, sink: ClientCallSink): ClientCall {
    const session = request.requestStreams && !request.singleResponse;
    if (session && this.#sessions.has(request.path)) {
      throw new RangeError(`Cannot open a second session of ${request.path}: version 1 allows one`);
    }
    const call = new V1ClientCall(this, this.nextId(), request, sink, session);
    if (session) this.#sessions.set(request.path, call);
    else this.#calls.set(call.id, call);
    const loss = this.#forbiddenLoss(request);
    if (loss !== undefined) {
      const what = loss === "without_metadata" ? "metadata" : "deadlines";
      call.failLater(
        Status.UNIMPLEMENTED,
        `The server uses version 1, which has no ${what}: set allowVersion1 to "${loss}"`,
      );
    } else if (request.requestStreams && !session) {
      call.failLater(
        Status.UNIMPLEMENTED,
        "The server uses version 1, which allows one request message per call",
      );
    }
    return call;
  }

  // Returns what the call would lose over version 1 although `losses` does not allow it, or undefined.
  #forbiddenLoss({ metadata, timeoutMs = Infinity }: CallRequest): Version1Loss | undefined {
    const allowed = (loss: Version1Loss) => this.#losses.includes(loss);
    if (metadata !== undefined && metadata.size > 0 && !allowed("without_metadata")) {
      return "without_metadata";
    }
    return timeoutMs !== Infinity && !allowed("without_deadlines")
      ? "without_deadlines"
      : undefined;
  }

  admit(b: Uint8Array, at: number, valueBytes: number): boolean {
    const session = (b[at + 1] & SESSION_FLAGS) === STREAM;
    const limit = session ? undefined : this.#calls.get(readId(b, at + 2))?.maxMessageBytes;
    return valueBytes <= (limit ?? this.connection.options.maxReceiveMessageBytes);
  }

  onOversize(b: Uint8Array, at: number, _typeBytes: number, valueBytes: number): void {
    const call = this.#calls.get(readId(b, at + 2));
    call?.finish(
      Status.RESOURCE_EXHAUSTED,
      `Cannot accept a message of ${valueBytes} bytes: limit is ${call.maxMessageBytes}`,
    );
  }

  onFrame(b: Uint8Array, at: number, typeBytes: number, valueBytes: number, owned: boolean): void {
    const flags = b[at + 1];
    const value = at + HEADER_BYTES + typeBytes;
    const message = () =>
      owned ? b.subarray(value, value + valueBytes) : b.slice(value, value + valueBytes);
    if (flags === STREAM) {
      return this.#sessionOf(b, at + HEADER_BYTES, typeBytes)?.onMessage(message());
    }
    const id = readId(b, at + 2);
    if (id === 0) return this.#onPong();
    // Frames with flags of the extended frames are ignored: their value may begin with a field block.
    if ((flags & EXTENDED_FLAGS) !== 0) return;
    const failed = (flags & ERROR) !== 0;
    const call = this.#calls.get(id) ??
      (failed ? this.#sessionOf(b, at + HEADER_BYTES, typeBytes) : undefined);
    // Replies to cancelled calls still arrive, because version 1 has no frame that cancels a call.
    if (call === undefined) return;
    if (failed) {
      return call.finish(Status.UNKNOWN, decoder.decode(b.subarray(value, value + valueBytes)));
    }
    const last = (flags & STREAM) === 0 || (flags & END) !== 0;
    // An empty frame that ends a stream carries no message.
    if (valueBytes > 0 || (flags & END) === 0) call.onMessage(message());
    if (last) call.finish(Status.OK, "");
  }

  #sessionOf(b: Uint8Array, at: number, typeBytes: number): V1ClientCall | undefined {
    const route = decodeRoute(b, at, typeBytes);
    return route === undefined ? undefined : this.#sessions.get(route);
  }

  #onPong(): void {
    this.connection.lifetime.ponged();
    this.#owner.ponged();
  }

  /**
   * Pings by a request to the route of the hello: every server answers it, at least with an error for an unknown route.
   */
  writePing(): void {
    this.write(REQUEST, 0, 0, encodeRoute(HELLO_ROUTE), EMPTY_BYTES);
  }

  write(flags: number, high: number, low: number, route: Uint8Array, message: Uint8Array): void {
    const { output } = this.connection;
    writeHeader(output.out, flags, high, low, route.length, message.length);
    output.out.bytes(route);
    output.out.bytes(message);
    output.produced();
  }

  removeCall(call: V1ClientCall): void {
    if (call.session) this.#sessions.delete(call.path);
    else this.#calls.delete(call.id);
    this.#awaitingRoom.delete(call);
    this.setFull(call, false);
    this.#owner.callRemoved();
  }

  callEnded(): void {
    this.#owner.callEnded();
  }

  nextId(): number {
    return this.#nextId++;
  }

  defer(report: () => void): void {
    this.#owner.defer(report);
  }

  notifyWhenWritable(call: V1ClientCall): void {
    this.#awaitingRoom.add(call);
  }

  setFull(call: V1ClientCall, full: boolean): void {
    if (full) this.#full.add(call);
    else if (this.#full.delete(call)) this.connection.output.produced();
  }

  outputDrained(): void {
    for (const call of [...this.#awaitingRoom]) {
      if (!call.hasRoom) continue;
      this.#awaitingRoom.delete(call);
      call.sink.onWritable();
    }
  }

  endCalls(code: Status, reason: string): void {
    for (const call of [...this.#calls.values(), ...this.#sessions.values()]) {
      call.finish(code, reason);
    }
  }
}
