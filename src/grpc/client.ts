/**
 * Client's side of gRPC over one HTTP/2 connection, without I/O.
 *
 * @module
 */

import { listBytesOf } from "../call/metadata.ts";
import { Status } from "../call/status.ts";
import type {
  CallRequest,
  ClientCall,
  ClientCallSink,
  ClientConnection,
  ClientConnectionSink,
} from "../call/wire.ts";
import { type Encoding, encodingList, ENCODINGS } from "../call/encodings.ts";
import { RpcError } from "../errors.ts";
import { PreparedField } from "../hpack/prepared_field.ts";
import { Http2Connection, type Http2Handler } from "../http2/connection.ts";
import { ErrorCode, errorCodeName, TOO_MANY_PINGS } from "../http2/constants.ts";
import { type Http2Options, http2Options } from "../http2/options.ts";
import { CLIENT_WINDOW_BYTES, MIN_CLIENT_KEEPALIVE_MS } from "../limits/connection_limits.ts";
import type { Http2Stream } from "../http2/stream.ts";
import { GrpcClientStream } from "./client_stream.ts";
import { encodeMetadata, formatTimeout } from "./fields.ts";

/** Options of a client's connection. Times in ms, sizes in bytes. */
export interface GrpcClientOptions extends Partial<Http2Options> {
  /** `:authority` of calls that do not set their own. */
  authority: string;
  /** Whether the byte stream is TLS, so that `:scheme` is https. Default false. */
  secure?: boolean;
  /** `user-agent`. Default `vrpc`. */
  userAgent?: string;
  /** Message format; `json` is named in the content type. Default `proto`. */
  format?: "proto" | "json";
  /** Compressions accepted. Default all. */
  encodings?: readonly Encoding[];
}

const METHOD_POST = new PreparedField(":method", "POST");
const SCHEME_HTTP = new PreparedField(":scheme", "http");
const SCHEME_HTTPS = new PreparedField(":scheme", "https");
const TE = new PreparedField("te", "trailers");
const CONTENT_TYPE = new PreparedField("content-type", "application/grpc");
const CONTENT_TYPE_JSON = new PreparedField("content-type", "application/grpc+json");

// Size of a request's header list in bytes (RFC 7541 §4.1), excluding metadata and the values of path, authority and
// user-agent.
const OWN_FIELDS_BYTES = 480;

// Number of prepared fields cached. Equal fields share one PreparedField, because an encoder reserves a slot for each.
const MAX_PREPARED = 256;
const preparedFields = new Map<string, PreparedField>();

function prepare(name: string, value: string): PreparedField {
  const key = `${name} ${value}`;
  let field = preparedFields.get(key);
  if (field === undefined) {
    field = new PreparedField(name, value);
    if (preparedFields.size >= MAX_PREPARED) preparedFields.clear();
    preparedFields.set(key, field);
  }
  return field;
}

function checked(what: string, text: string): string {
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw new TypeError(
    `Cannot start a call: the ${what} ${JSON.stringify(text)} must be visible ASCII`,
  );
}

/** Client side of one gRPC connection. */
export class GrpcClientConnection implements ClientConnection, Http2Handler {
  /** HTTP/2 state machine. */
  readonly http2: Http2Connection;
  tooManyPings = false;
  goaway: string | undefined = undefined;
  readonly #authority: PreparedField;
  readonly #scheme: PreparedField;
  readonly #userAgent: PreparedField;
  readonly #contentType: PreparedField;
  readonly #encodings: readonly Encoding[];
  readonly #acceptEncoding: PreparedField;
  // Path and authority of the previous call, which are known to be valid.
  #checkedPath = "";
  #checkedAuthority = "";

  /** Starts a connection at `nowMs`, with its preface in `out`. */
  constructor(readonly sink: ClientConnectionSink, options: GrpcClientOptions, nowMs: number) {
    this.#authority = prepare(":authority", options.authority);
    this.#scheme = options.secure ? SCHEME_HTTPS : SCHEME_HTTP;
    this.#userAgent = prepare("user-agent", options.userAgent ?? "vrpc");
    this.#contentType = options.format === "json" ? CONTENT_TYPE_JSON : CONTENT_TYPE;
    this.#encodings = options.encodings ?? ENCODINGS;
    this.#acceptEncoding = prepare("grpc-accept-encoding", encodingList(this.#encodings));
    const keepaliveTimeMs = Math.max(options.keepaliveTimeMs ?? Infinity, MIN_CLIENT_KEEPALIVE_MS);
    const all = http2Options({
      ...options,
      keepaliveTimeMs,
      initialWindowBytes: options.initialWindowBytes ?? CLIENT_WINDOW_BYTES,
    });
    this.http2 = new Http2Connection("client", this, all, nowMs);
  }

  get out(): Http2Connection["out"] {
    return this.http2.out;
  }
  get onOutput(): () => void {
    return this.http2.onOutput;
  }
  set onOutput(callback: () => void) {
    this.http2.onOutput = callback;
  }
  receive(chunk: Uint8Array, nowMs: number): void {
    this.http2.receive(chunk, nowMs);
  }
  receiveEnd(nowMs: number): void {
    this.http2.receiveEnd(nowMs);
  }
  transportLost(reason: string, nowMs: number): void {
    this.http2.transportLost(reason, nowMs);
  }
  outputDrained(nowMs: number): void {
    this.http2.outputDrained(nowMs);
  }
  nextTimerMs(): number {
    return this.http2.nextTimerMs();
  }
  onTimer(nowMs: number): void {
    this.http2.onTimer(nowMs);
  }
  get wantsRead(): boolean {
    return this.http2.wantsRead;
  }
  get finished(): boolean {
    return this.http2.finished;
  }
  get bufferedBytes(): number {
    return this.http2.bufferedBytes;
  }
  get endReason(): string {
    return this.http2.endReason;
  }

  get ready(): boolean {
    return this.http2.settings.received && !this.http2.finished;
  }
  get usable(): boolean {
    return this.ready && !this.http2.closing && this.http2.streams.idsLeft;
  }
  get activeCalls(): number {
    return this.http2.streams.open.size;
  }
  get maxCalls(): number {
    return this.http2.settings.peerMaxStreams;
  }

  startCall(request: CallRequest, sink: ClientCallSink): ClientCall {
    const { http2 } = this;
    if (!this.usable) throw new RangeError("Cannot start a call: the connection is not usable");
    if (http2.streams.open.size >= http2.settings.peerMaxStreams) {
      throw new RangeError(
        `Cannot start a call: ${http2.streams.open.size} are open, which is the limit`,
      );
    }
    // All checks precede the header block, because encoding a field changes the HPACK table.
    if (request.path !== this.#checkedPath) this.#checkedPath = checked("path", request.path);
    if (request.authority !== undefined && request.authority !== this.#checkedAuthority) {
      this.#checkedAuthority = checked("authority", request.authority);
    }
    if (request.metadata !== undefined || request.path.length > OWN_FIELDS_BYTES) {
      this.#checkListSize(request);
    }
    const stream = new GrpcClientStream(http2, request, sink, this.#encodings);
    http2.streams.openLocal(stream);
    const at = http2.beginHeaders();
    const { encoder, out } = http2;
    encoder.prepared(out, METHOD_POST);
    encoder.prepared(out, this.#scheme);
    encoder.field(out, ":path", request.path);
    if (request.authority === undefined) encoder.prepared(out, this.#authority);
    else encoder.field(out, ":authority", request.authority);
    encoder.prepared(out, TE);
    encoder.prepared(out, this.#contentType);
    encoder.prepared(out, this.#userAgent);
    encoder.prepared(out, this.#acceptEncoding);
    if (request.encoding !== undefined) encoder.field(out, "grpc-encoding", request.encoding);
    if (request.timeoutMs !== undefined && request.timeoutMs !== Infinity) {
      encoder.field(out, "grpc-timeout", formatTimeout(request.timeoutMs), "literal");
    }
    if (request.metadata !== undefined) encodeMetadata(encoder, out, request.metadata);
    http2.endHeaders(stream, at, false);
    if (!http2.streams.idsLeft) {
      http2.drain(http2.nowMs);
      this.sink.onStateChange();
    }
    return stream;
  }

  // Checks the size of the header list before sending: a list above the server's limit would cost a round trip, and its
  // many frames would delay all other calls.
  #checkListSize({ path, metadata, authority = this.#authority.value }: CallRequest): void {
    const limit = this.http2.peerMaxHeaderListBytes;
    const bytes = OWN_FIELDS_BYTES + path.length + authority.length +
      this.#userAgent.value.length + (metadata === undefined ? 0 : listBytesOf(metadata));
    if (bytes <= limit) return;
    throw new RpcError(
      Status.RESOURCE_EXHAUSTED,
      `Cannot send a header list of ${bytes} bytes: the server accepts ${limit}`,
    );
  }

  ping(nowMs: number, onPong: (nowMs: number) => void): void {
    this.http2.ping(nowMs, onPong);
  }
  drain(nowMs: number): void {
    this.http2.drain(nowMs);
  }
  abort(_code: Status, reason: string, nowMs: number): void {
    this.http2.abort(ErrorCode.NO_ERROR, reason, nowMs);
  }

  // ---- HTTP/2 events ---------------------------------------------------------------------------------------

  createStream(): Http2Stream {
    throw new Error("A server cannot open streams: push is disabled");
  }
  onSettings(): void {
    this.sink.onStateChange();
  }
  onGoaway(errorCode: number, debug: string): void {
    if (errorCode === ErrorCode.ENHANCE_YOUR_CALM && debug === TOO_MANY_PINGS) {
      this.tooManyPings = true;
    }
    if (!this.http2.finished) this.goaway ??= errorCodeName(errorCode);
    // Reports only GOAWAY from the server: errors that this side detected were already reported.
    if (errorCode !== ErrorCode.NO_ERROR && !this.http2.finished) {
      this.sink.onNote?.(
        "warn",
        `The server sent GOAWAY with ${errorCodeName(errorCode)}: ${JSON.stringify(debug)}`,
      );
    }
    this.sink.onStateChange();
  }
  onStreamClosed(_stream: Http2Stream): void {
    this.sink.onCallEnd();
  }
  onNote(level: "debug" | "warn", message: string): void {
    this.sink.onNote?.(level, message);
  }
}
