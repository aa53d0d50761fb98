/**
 * A lean connection on the server's side.
 *
 * @module
 */

import type { ByteWriter } from "../bytes/writer.ts";
import { Status } from "../call/status.ts";
import type { ServerConnection, ServerConnectionSink } from "../call/wire.ts";
import type { ProtocolError } from "../errors.ts";
import { type ConnectionSide, LeanConnection } from "./connection.ts";
import { ExtendedServer } from "./extended_server.ts";
import { HEADER_BYTES, HELLO_ROUTE, Reason, REQUEST, RESPONSE } from "./format/frames.ts";
import {
  ENCODING_GZIP,
  HELLO_DEFAULTS,
  isHelloRoute,
  readHello,
  writeHello,
} from "./format/hello.ts";
import { leanOptions, type LeanServerOptions } from "./options.ts";
import type { ServerProtocol, ServerProtocolOwner } from "./server_protocol.ts";
import { V1Server } from "./v1/server.ts";

/** A server stops reading when its output and send queues together reach this multiple of `maxOutputBytes`. */
const MAX_WAITING_OUTPUTS = 8;

/**
 * One lean connection on the server's side, on the extended frames or on version 1. Pure: no I/O, no clock;
 * see {@link ServerConnection} for how it is driven.
 */
export class LeanServerConnection implements ServerConnection, ConnectionSide, ServerProtocolOwner {
  /** State common to both sides of a connection. */
  readonly connection: LeanConnection;
  readonly sink: ServerConnectionSink;
  /** Undefined before the first frame. */
  #protocol: ServerProtocol | undefined;
  #slots = 0;
  #pings = 0;

  /** Starts a connection that was accepted at `nowMs`, and its hello timer. */
  constructor(sink: ServerConnectionSink, options: LeanServerOptions, nowMs: number) {
    const all = leanOptions(options, "server");
    // A client that knows the hello by ALPN may send calls under the default credit before it reads this side's hello.
    const windowBytes = Math.max(all.callWindowBytes, HELLO_DEFAULTS.callWindowBytes);
    this.sink = sink;
    this.connection = new LeanConnection(
      this,
      sink,
      "server",
      all,
      all.maxReceiveMessageBytes,
      windowBytes,
      nowMs,
    );
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

  get closedGracefully(): boolean {
    return this.connection.closedGracefully;
  }

  /** The protocol violation of the client, if any. */
  get error(): ProtocolError | undefined {
    return this.connection.error;
  }

  get bufferedBytes(): number {
    return this.connection.bufferedBytes;
  }

  get readThrottledUntilMs(): number {
    return this.connection.budget.readThrottledUntilMs;
  }

  get activeCalls(): number {
    return this.#slots;
  }

  get wantsRead(): boolean {
    const { wantsRead, output, sending, options } = this.connection;
    if (!wantsRead || this.#protocol?.wantsRead === false) return false;
    // Reading pauses while too much output is unsent, so that a client that reads no replies cannot send more requests.
    // While the output has room, queued messages wait only for credit, so CREDIT frames must be read. Clients never
    // pause for this reason: both sides would wait for each other.
    const waiting = output.out.length;
    return waiting < options.maxOutputBytes ||
      waiting + sending.queuedBytes < options.maxOutputBytes * MAX_WAITING_OUTPUTS;
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
    if (!this.finished) this.#protocol?.outputDrained();
  }

  nextTimerMs(): number {
    return this.connection.nextTimerMs();
  }

  onTimer(nowMs: number): void {
    this.connection.onTimer(nowMs);
  }

  onFrame(b: Uint8Array, at: number, typeBytes: number, valueBytes: number, owned: boolean): void {
    const protocol = this.#protocol;
    if (protocol !== undefined) protocol.onFrame(b, at, typeBytes, valueBytes, owned);
    else this.#onFirstFrame(b, at, typeBytes, valueBytes, owned);
  }

  #onFirstFrame(
    b: Uint8Array,
    at: number,
    typeBytes: number,
    valueBytes: number,
    owned: boolean,
  ): void {
    const { connection } = this;
    connection.liveness.helloMs = Infinity;
    if (b[at + 1] !== REQUEST || !isHelloRoute(b, at + HEADER_BYTES, typeBytes)) {
      this.#useV1().onFrame(b, at, typeBytes, valueBytes, owned);
      return;
    }
    const settings = readHello(b, at + HEADER_BYTES + typeBytes, valueBytes, "client");
    if (settings === undefined || typeof settings === "string") {
      const message = settings ?? `The value of route ${HELLO_ROUTE} is not a hello`;
      this.#useV1().refuse(b, at, typeBytes, Status.INVALID_ARGUMENT, message);
      return connection.illegal(message);
    }
    connection.extend(settings);
    this.#protocol = new ExtendedServer(this);
    const { options } = connection;
    writeHello(this.out, RESPONSE, "server", {
      callWindowBytes: options.callWindowBytes,
      maxCalls: options.maxConcurrentStreams,
      encodings: ENCODING_GZIP,
      maxRoutes: options.maxRoutes,
      maxValueBytes: options.maxValueBytes,
    });
    connection.lifetime.startKeepalive(connection.nowMs);
  }

  #useV1(): V1Server {
    const v1 = new V1Server(this);
    this.#protocol = v1;
    return v1;
  }

  admit(b: Uint8Array, at: number, valueBytes: number): boolean {
    return this.#protocol !== undefined && this.#protocol.admit(b, at, valueBytes);
  }

  onOversize(b: Uint8Array, at: number, typeBytes: number, valueBytes: number): void {
    if (this.finished) return;
    this.connection.liveness.helloMs = Infinity;
    // Before the hello, only a frame of version 1 can be that long.
    const protocol = this.#protocol ?? this.#useV1();
    protocol.onOversize(b, at, typeBytes, valueBytes);
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

  get wantsKeepalive(): boolean {
    return true;
  }

  sendPing(): void {
    this.connection.output.writePing(++this.#pings);
  }

  takeSlot(): void {
    this.#slots++;
    this.connection.lifetime.callOpened();
  }

  releaseSlot(): void {
    const { draining, lifetime, nowMs, output } = this.connection;
    // The last slot may be released long after the last output, so the driver is notified to re-arm its timer.
    if (--this.#slots === 0 && lifetime.callsEnded(nowMs)) output.produced();
    if (draining) this.#finishDrain();
    this.#protocol?.slotReleased();
  }

  clientLeaves(): void {
    // The client closes the connection after its last call; if it does not, the linger timer closes the connection.
    this.connection.draining = true;
    this.#finishDrain();
  }

  drain(nowMs: number): void {
    const { connection } = this;
    if (connection.finished || connection.draining) return;
    connection.liveness.nowMs = nowMs;
    connection.draining = true;
    connection.goodbye(Reason.NO_ERROR, "The server is going away");
    this.#finishDrain();
    connection.output.produced();
  }

  #finishDrain(): void {
    if (this.finished || this.#slots > 0) return;
    const { extended, lifetime, nowMs, options } = this.connection;
    if (extended) lifetime.linger(nowMs, options.lingerMs);
    else this.#closeGracefully();
  }

  #closeGracefully(): void {
    this.connection.closedGracefully = true;
    this.connection.close("The server is going away", false);
  }

  abort(reason: string, nowMs: number): void {
    const { connection } = this;
    if (connection.finished) return;
    connection.liveness.nowMs = nowMs;
    connection.goodbye(Reason.ABORTED, reason);
    connection.close(reason, false);
    connection.output.produced();
  }

  endCalls(reason: string): void {
    this.#protocol?.endCalls(reason);
  }

  tick(nowMs: number): void {
    this.#protocol?.tick(nowMs);
    const action = this.connection.lifetime.checkEnd(nowMs);
    if (action === "close") this.#closeGracefully();
    else if (action === "abort") this.abort("The connection's grace period is over", nowMs);
    else if (action === "drain") this.drain(nowMs);
  }
}
