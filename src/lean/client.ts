/**
 * A lean connection on the client's side.
 *
 * @module
 */

import type { ByteWriter } from "../bytes/writer.ts";
import { Status } from "../call/status.ts";
import type {
  CallRequest,
  ClientCall,
  ClientCallSink,
  ClientConnection,
  ClientConnectionSink,
} from "../call/wire.ts";
import type { ClientProtocol, ClientProtocolOwner } from "./client_protocol.ts";
import { type ConnectionSide, LeanConnection } from "./connection.ts";
import { ExtendedClient } from "./extended_client.ts";
import { HEADER_BYTES, readId, Reason, REQUEST, RESPONSE } from "./format/frames.ts";
import {
  ENCODING_GZIP,
  HELLO_DEFAULTS,
  isHelloRoute,
  MAX_HELLO_BYTES,
  readHello,
  writeHello,
} from "./format/hello.ts";
import { checkRoute } from "./format/routes.ts";
import { type LeanClientOptions, leanOptions, type Version1Loss } from "./options.ts";
import { ClientPings } from "./pings.ts";
import { V1Client } from "./v1/client.ts";

/**
 * One lean connection on the client's side. Its first frame is the hello. Unless the peer is known to understand it,
 * the connection is `ready` once the answer has arrived, which decides between the extended frames and version 1.
 */
export class LeanClientConnection implements ClientConnection, ConnectionSide, ClientProtocolOwner {
  /** State common to both sides of a connection. */
  readonly connection: LeanConnection;
  /** Whether the server closed the connection for too many pings: the next connection should ping half as often. */
  tooManyPings = false;
  readonly #sink: ClientConnectionSink;
  readonly #knowsHello: boolean;
  readonly #inflate: LeanClientOptions["inflate"];
  readonly #allowVersion1: boolean | Version1Loss | readonly Version1Loss[];
  readonly #extended: ExtendedClient;
  readonly #pings = new ClientPings();
  #protocol: ClientProtocol;
  #answered = false;
  #deferred: (() => void)[] = [];
  #abortCode: Status = Status.UNAVAILABLE;

  /** Starts a connection at `nowMs`, with its hello in `out`. */
  constructor(sink: ClientConnectionSink, options: LeanClientOptions, nowMs: number) {
    const all = leanOptions(options, "client");
    this.#sink = sink;
    this.#knowsHello = options.peerKnowsHello ?? false;
    this.#inflate = options.inflate;
    this.#allowVersion1 = options.allowVersion1 ?? false;
    this.connection = new LeanConnection(
      this,
      sink,
      "client",
      all,
      MAX_HELLO_BYTES,
      all.callWindowBytes,
      nowMs,
    );
    this.#protocol = this.#extended = new ExtendedClient(this);
    writeHello(this.out, REQUEST, "client", {
      callWindowBytes: all.callWindowBytes,
      maxCalls: HELLO_DEFAULTS.maxCalls,
      encodings: options.inflate === undefined ? 0 : ENCODING_GZIP,
      maxRoutes: 0,
      maxValueBytes: all.maxValueBytes,
    });
    if (this.#knowsHello) this.connection.extend(HELLO_DEFAULTS);
  }

  get out(): ByteWriter {
    return this.connection.output.out;
  }

  get onOutput(): () => void {
    return this.connection.output.onOutput;
  }

  set onOutput(notify: () => void) {
    this.connection.output.onOutput = notify;
  }

  get finished(): boolean {
    return this.connection.finished;
  }

  get endReason(): string {
    return this.connection.endReason;
  }

  get bufferedBytes(): number {
    return this.connection.bufferedBytes;
  }

  get wantsRead(): boolean {
    return this.connection.wantsRead && this.#protocol.wantsRead;
  }

  get ready(): boolean {
    return (this.#answered || this.#knowsHello) && !this.finished;
  }

  get usable(): boolean {
    return this.ready && !this.connection.draining && this.#extended.idsLeft;
  }

  get activeCalls(): number {
    return this.#protocol.activeCalls;
  }

  get maxCalls(): number {
    return this.#protocol.maxCalls;
  }

  /** Whether the server's hello states that it accepts gzip. */
  get acceptsGzip(): boolean {
    return this.connection.peerAcceptsGzip;
  }

  /** Whether the server did not answer the hello with its own, so that the connection uses version 1. */
  get speaksV1(): boolean {
    return this.#protocol !== this.#extended;
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
    checkRoute(request.path, this.connection.options.maxRouteBytes);
    return this.#protocol.startCall(request, sink);
  }

  receive(chunk: Uint8Array, nowMs: number): void {
    this.connection.receive(chunk, nowMs);
  }

  receiveEnd(nowMs: number): void {
    this.connection.transportLost("The peer closed the connection", nowMs);
  }

  transportLost(reason: string, nowMs: number): void {
    this.connection.transportLost(reason, nowMs);
  }

  outputDrained(nowMs: number): void {
    this.connection.outputDrained(nowMs);
    if (!this.finished) this.#protocol.outputDrained();
  }

  nextTimerMs(): number {
    return this.connection.nextTimerMs();
  }

  onTimer(nowMs: number): void {
    this.connection.onTimer(nowMs);
  }

  onFrame(b: Uint8Array, at: number, typeBytes: number, valueBytes: number, owned: boolean): void {
    if (this.#answered) this.#protocol.onFrame(b, at, typeBytes, valueBytes, owned);
    else this.#onFirstFrame(b, at, typeBytes, valueBytes);
  }

  #onFirstFrame(b: Uint8Array, at: number, typeBytes: number, valueBytes: number): void {
    if (!this.#isAnswer(b, at)) return;
    // A version-1 server may answer the hello with an error, or with a reply on another route, with any value.
    const hello = b[at + 1] === RESPONSE && isHelloRoute(b, at + HEADER_BYTES, typeBytes);
    if (!hello) return this.#useV1();
    const settings = readHello(b, at + HEADER_BYTES + typeBytes, valueBytes, "server");
    if (typeof settings === "string") return this.connection.illegal(settings);
    if (settings === undefined) return this.#useV1();
    this.#extended.apply(settings);
    this.#onAnswer();
  }

  #isAnswer(b: Uint8Array, at: number): boolean {
    const flags = b[at + 1];
    if ((flags & RESPONSE) !== 0 && readId(b, at + 2) === 0) return true;
    this.connection.illegal(`The first frame has flags ${flags}: it must answer the hello`);
    return false;
  }

  #useV1(): void {
    if (this.#knowsHello) {
      const message = "The peer negotiated vrpc-lean/1 and did not answer the hello with its own";
      return this.connection.illegal(message);
    }
    if (this.#allowVersion1 === false) {
      return this.connection.illegal(
        "The server did not answer the hello with its own: set allowVersion1 to use version 1",
      );
    }
    // With the limit 0, the reader passes every length to `admit`, which applies the limit of the call.
    this.connection.reader.valueLimit = 0;
    const allowed = this.#allowVersion1;
    this.#protocol = new V1Client(this, allowed === true ? [] : [allowed].flat());
    const lost = "no metadata, deadlines, cancellation or flow control";
    this.connection.note("debug", `The server uses version 1: ${lost}`);
    this.#onAnswer();
  }

  #onAnswer(): void {
    const { liveness, lifetime, nowMs } = this.connection;
    this.#answered = true;
    liveness.helloMs = Infinity;
    lifetime.startKeepalive(nowMs);
    this.#sink.onStateChange();
  }

  admit(b: Uint8Array, at: number, valueBytes: number): boolean {
    return this.#answered && this.#protocol.admit(b, at, valueBytes);
  }

  onOversize(b: Uint8Array, at: number, typeBytes: number, valueBytes: number): void {
    if (this.finished) return;
    if (this.#answered) this.#protocol.onOversize(b, at, typeBytes, valueBytes);
    else if (this.#isAnswer(b, at)) this.#useV1();
  }

  holdFrame(bytes: number): boolean {
    return this.connection.receiving.holdFrame(bytes);
  }

  dropFrame(): void {
    this.connection.receiving.dropFrame();
  }

  onMalformed(message: string): void {
    this.connection.illegal(message);
  }

  defer(report: () => void): void {
    const { liveness, output, nowMs } = this.connection;
    this.#deferred.push(report);
    liveness.schedule(nowMs);
    output.produced();
  }

  inflate(message: Uint8Array): Uint8Array {
    if (this.#inflate === undefined) {
      throw new TypeError("Cannot send a compressed message: the connection has no inflate");
    }
    return this.#inflate(message);
  }

  callRemoved(): void {
    if (this.connection.draining) this.#finishDrain();
  }

  callEnded(): void {
    if (!this.finished) this.#sink.onCallEnd();
  }

  serverLeaves(reason: number, lastId: number, message: string): void {
    this.connection.draining = true;
    if (reason === Reason.TOO_MANY_PINGS) this.tooManyPings = true;
    this.#extended.endUnprocessed(lastId, message);
    if (reason !== Reason.NO_ERROR) {
      const text = JSON.stringify(message);
      this.connection.note("warn", `The server closed with reason ${reason}: ${text}`);
      this.connection.close(message, false);
    }
    this.#finishDrain();
    this.#sink.onStateChange();
  }

  ping(nowMs: number, onPong: (nowMs: number) => void): void {
    if (this.finished) return;
    this.connection.liveness.nowMs = nowMs;
    const payload = this.#pings.next();
    this.#pings.expect(payload, onPong);
    this.#protocol.writePing(payload);
    this.connection.output.produced();
  }

  ponged(payload?: number): void {
    this.#pings.ponged(payload, this.connection.nowMs);
  }

  drain(nowMs: number): void {
    if (this.finished) return;
    this.connection.liveness.nowMs = nowMs;
    this.connection.draining = true;
    this.#finishDrain();
    this.#sink.onStateChange();
    this.connection.output.produced();
  }

  #finishDrain(): void {
    if (this.activeCalls === 0) this.connection.close("Drained", false);
  }

  abort(code: Status, reason: string, nowMs: number): void {
    if (this.finished) return;
    this.connection.liveness.nowMs = nowMs;
    this.#abortCode = code;
    this.connection.close(reason, false);
    this.connection.output.produced();
  }

  endCalls(reason: string, broken: boolean): void {
    this.#protocol.endCalls(broken ? Status.INTERNAL : this.#abortCode, reason);
    this.#deferred = [];
    this.#pings.clear();
    this.#sink.onStateChange();
  }

  get wantsKeepalive(): boolean {
    return this.activeCalls > 0 || this.connection.options.keepaliveWithoutCalls;
  }

  sendPing(): void {
    this.#protocol.writePing(this.#pings.next());
  }

  tick(): void {
    if (this.#deferred.length > 0) { for (const report of this.#deferred.splice(0)) report(); }
  }
}
