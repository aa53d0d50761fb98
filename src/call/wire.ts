/**
 * Interface between a wire (gRPC, lean) and the layer above it (rpc). Engines implement {@link ConnectionEngine},
 * {@link ServerCall}, {@link ClientConnection} and {@link ClientCall}; the rpc layer implements the sinks. Everything is
 * synchronous: no Promise, no timer, no clock.
 *
 * Buffers: bytes passed to a sink's `onMessage` belong to the sink from then on. Bytes passed to `sendMessage` or
 * `respond` belong to the engine from then on; the caller must not change them.
 *
 * @module
 */

import type { Attestation } from "./attestation.ts";
import type { ByteWriter } from "../bytes/writer.ts";
import type { Metadata } from "./metadata.ts";
import type { MethodKind } from "./method.ts";
import type { Status } from "./status.ts";

/** State machine of one connection, without I/O. The driver feeds it and drains `out`. */
export interface ConnectionEngine {
  /** Output buffer. The driver takes its bytes after each input and after each `onOutput`. */
  readonly out: ByteWriter;
  /** Set by the driver; called outside of `receive` when `out` has bytes or a timer changed. */
  onOutput: () => void;
  /** Processes received bytes. `chunk` is only valid during the call. Never throws for what the peer sent. */
  receive(chunk: Uint8Array, nowMs: number): void;
  /** Called when the peer has ended its side of the byte stream. */
  receiveEnd(nowMs: number): void;
  /** Called when the byte stream broke or was closed; ends every call with UNAVAILABLE. Idempotent. */
  transportLost(reason: string, nowMs: number): void;
  /** Called when the socket has accepted the contents of `out`, so that the engine may produce more. */
  outputDrained(nowMs: number): void;
  /** Time of the next `onTimer`, in the clock of `nowMs`; Infinity for never. */
  nextTimerMs(): number;
  /** Handles timers that are due; called at or after `nextTimerMs`. */
  onTimer(nowMs: number): void;
  /** False under back-pressure: the driver does not read until it is true again. */
  readonly wantsRead: boolean;
  /**
   * Server: time until which reads are throttled, in the clock of `nowMs`; 0 when they are not. Advisory: the engine
   * accepts earlier input too.
   */
  readonly readThrottledUntilMs?: number;
  /** True when the connection has ended: the driver flushes `out`, then closes the byte stream. */
  readonly finished: boolean;
  /** True after a graceful shutdown, when the peer may still be reading the last output. */
  readonly closedGracefully?: boolean;
  /**
   * Limit on the input that is dropped once `finished` is true, in bytes, for wires without flow control: the rest of a
   * message that the peer is sending. Default: that of flow-control windows.
   */
  readonly maxDiscardedBytes?: number;
  /**
   * True when the byte stream is closed as soon as `finished` is true: `out` is dropped, and the peer's last bytes are
   * not read. Default false.
   */
  readonly closesAtOnce?: boolean;
  /** Bytes queued inside the engine, excluding `out`. */
  readonly bufferedBytes: number;
}

/** Facts about the peer, for handlers; filled in by the driver from the transport. */
export interface PeerInfo {
  /** Address of the peer in the address grammar, for example `127.0.0.1:40312` or `vsock:16:1024`. */
  readonly address: string;
  /** `tcp`, `tls`, `unix`, `vsock`, `memory` or the name of a custom transport. */
  readonly transport: string;
  /** Context id of the peer, on vsock. */
  readonly vsockCid?: number;
  /** Identity that TLS verified, when the connection uses TLS. */
  readonly tls?: TlsPeerInfo;
  /** What the peer has proved about its machine and program, if it was asked to (`attestPeers` of `serve`). */
  readonly attestation?: Attestation;
}

/** Verified identity of a TLS peer. */
export interface TlsPeerInfo {
  /** Negotiated application protocol (ALPN), for example `h2`. */
  readonly alpn?: string;
  /** Whether the peer sent a certificate that the configured authorities verify. */
  readonly authorized: boolean;
  /**
   * Common name of the certificate's subject, or the whole distinguished name (`O=Example`) if it has no common name;
   * undefined without a certificate.
   */
  readonly subject?: string;
  /**
   * The subject alternative names, each with its type: `DNS:client.internal`, `IP Address:10.0.0.1`, `URI:…`,
   * `email:…`, `DirName:…`, `Registered ID:…`, `otherName …` (RFC 5280 §4.2.1.6).
   */
  readonly subjectAltNames?: readonly string[];
  /** SHA-256 of the certificate, in lower-case hex. */
  readonly fingerprint256?: string;
}

/** Facts about a method that decide whether a wire can carry a call of it. */
export interface CalledMethod {
  /** Which sides stream. */
  readonly kind: MethodKind;
  /** Whether the method has no side effects (protobuf's NO_SIDE_EFFECTS). */
  readonly safe?: boolean;
}

/** Call on a server, implemented by the engine. */
export interface ServerCall {
  /** Protocol of the call, if its connection carries several. */
  readonly protocol?: "grpc-web" | "connect";
  /** Path with the leading slash, for example `/package.Service/Method`. */
  readonly path: string;
  /** Request metadata, decoded on first access. */
  readonly metadata: Metadata;
  /** Time that the caller allows, in ms from the arrival of the call; Infinity for no deadline. */
  readonly timeoutMs: number;
  /** Compression of flagged request messages: `identity`, `gzip` … */
  readonly encoding: string;
  /** Message format that the caller announced (`proto`); empty or absent for none. */
  readonly contentSubtype?: string;
  /** Compressions that the caller accepts, separated by commas, perhaps with weights; empty for none. */
  readonly acceptedEncodings: string;
  /** `:authority` (gRPC) or server name; empty for none. */
  readonly authority: string;
  /** Receives the call's events; set synchronously in `onCall`. */
  sink: ServerCallSink;
  /** Sends response headers, which otherwise go with the first message. `encoding` announces compression. */
  sendHeaders(metadata?: Metadata, encoding?: string): void;
  /** Sends one message, after the headers if they were not sent yet. */
  sendMessage(message: Uint8Array, compressed: boolean): void;
  /** Ends the call; nothing may be sent afterwards. A status without messages is a trailers-only reply. */
  sendStatus(code: Status, message: string, trailers?: Metadata): void;
  /** Sends headers, one uncompressed message and status OK: the fast path of unary calls. */
  respond(message: Uint8Array): void;
  /** Whether more messages should be sent now; if not, `sink.onWritable` follows. */
  readonly writable: boolean;
  /** Withholds flow-control credit for this call's messages, or returns it again. */
  setReadPaused(paused: boolean): void;
  /** Frees the call's slot; called once, when the handler has ended after status or cancel. */
  handlerDone(): void;
  /** Charges the caller for a message that cannot be decompressed. */
  chargeFault?(): void;
  /**
   * Called with the method of the call, undefined for an unknown one, and whether the method has messages of the call's
   * `contentSubtype`. Returns false if the wire cannot carry the call; it has ended the call then.
   */
  checkMethod?(method: CalledMethod | undefined, takesFormat: boolean): boolean;
  /** Whether the call has ended on the wire: status sent, or cancelled. */
  readonly closed: boolean;
}

/** Events of a call on a server. */
export interface ServerCallSink {
  /** Called with a complete message. `compressed`: it has to be decompressed with `call.encoding`. */
  onMessage(message: Uint8Array, compressed: boolean): void;
  /** Called when the caller has half-closed: no more messages follow. */
  onHalfClose(): void;
  /** Called at most once, when the call ends before a status was sent: cancelled, reset, or connection lost. */
  onCancel(code: Status, reason: string): void;
  /** Called when `writable` becomes true again. */
  onWritable(): void;
}

/** Events of a server's connection. */
export interface ServerConnectionSink {
  /** Called for each new call. The callee must set `call.sink` before it returns. */
  onCall(call: ServerCall): void;
  /** Reports a message for the log. */
  onNote?(level: "debug" | "warn", message: string): void;
}

/** Status of calls that a server cancels: UNAVAILABLE, which clients may retry, or CANCELLED. */
export type CancelStatus = typeof Status.UNAVAILABLE | typeof Status.CANCELLED;

/** Connection of a server, implemented by the engine. */
export interface ServerConnection extends ConnectionEngine {
  /** Starts a graceful drain: refuses new calls and lets open ones finish, then becomes `finished`. */
  drain(nowMs: number): void;
  /**
   * Cancels open calls and ends the connection at once. `status` is what clients see if the wire can tell them: UNAVAILABLE
   * by default.
   */
  abort(reason: string, nowMs: number, status?: CancelStatus): void;
  /** Number of calls that are open or whose handlers still run. */
  readonly activeCalls: number;
}

/** Parameters of a call that a client starts. */
export interface CallRequest {
  /** Path with the leading slash, for example `/package.Service/Method`. */
  readonly path: string;
  /** Request metadata. */
  readonly metadata?: Metadata;
  /** Time left in ms, sent to the server; undefined or Infinity for no deadline. */
  readonly timeoutMs?: number;
  /** Compression of flagged request messages; undefined for none. */
  readonly encoding?: string;
  /** Whether exactly one reply message is expected (unary, client streaming). */
  readonly singleResponse: boolean;
  /** Largest message accepted from the server, in bytes. */
  readonly maxReceiveMessageBytes: number;
  /** Overrides the connection's `:authority`. */
  readonly authority?: string;
  /** Whether any number of request messages follow; the lean wire sends it in the first frame. */
  readonly requestStreams: boolean;
  /** Properties of the method that its definition states. Default none. */
  readonly method?: MethodSemantics;
}

/** What the definition of a method states about its calls (protobuf's `idempotency_level`). */
export interface MethodSemantics {
  /** Whether calls may be repeated without harm. */
  readonly idempotent?: boolean;
  /** Whether calls change nothing on the server, so that they may be sent as GET; implies `idempotent`. */
  readonly safe?: boolean;
}

/** Call on a client, implemented by the engine. */
export interface ClientCall {
  /** Sends one message. */
  sendMessage(message: Uint8Array, compressed: boolean): void;
  /** Sends one message and the half-close: the fast path of calls with one request message. */
  sendLastMessage(message: Uint8Array, compressed: boolean): void;
  /** Half-closes: no more messages follow. */
  halfClose(): void;
  /** Cancels the call without a call of `sink.onStatus`. Does nothing after the call has ended. */
  cancel(): void;
  /** Whether more messages should be sent now; if not, `sink.onWritable` follows. */
  readonly writable: boolean;
  /** Withholds flow-control credit for this call's messages, or returns it again. */
  setReadPaused(paused: boolean): void;
  /** Compression of flagged response messages. */
  readonly encoding: string;
}

/** How far a failed call got on the server, for retries. */
export type CallProgress =
  /**
   * The call never left the client, or the server stated that it was not processed; it may be retried any number of
   * times.
   */
  | "unprocessed"
  /**
   * The server refused the call (REFUSED_STREAM, or above GOAWAY's last identifier); it is retried once transparently.
   */
  | "refused"
  /** The server may have processed the call. */
  | "processed";

/** Events of a call on a client. */
export interface ClientCallSink {
  /** Called with the response headers, except for a trailers-only reply. `metadata()` decodes them on demand. */
  onHeaders(metadata: () => Metadata): void;
  /** Called with a complete message. */
  onMessage(message: Uint8Array, compressed: boolean): void;
  /** Called exactly once when the call ends, unless it is cancelled. `trailers()` decodes the trailers on demand. */
  onStatus(
    code: Status,
    message: string,
    trailers: () => Metadata,
    progress: CallProgress,
  ): void;
  /** Called when `writable` becomes true again. */
  onWritable(): void;
}

/** Connection of a client, implemented by the engine. */
export interface ClientConnection extends ConnectionEngine {
  /** Whether the server's preface or hello arrived, so that calls may be started. */
  readonly ready: boolean;
  /** Whether new calls may be started (ready, no GOAWAY, stream ids left). */
  readonly usable: boolean;
  /** Number of calls in flight. */
  readonly activeCalls: number;
  /** Number of calls that the server allows at once. */
  readonly maxCalls: number;
  /** Starts a call. Throws RangeError unless the connection is `usable` and `activeCalls` is below `maxCalls`. */
  startCall(request: CallRequest, sink: ClientCallSink): ClientCall;
  /** Sends a ping; calls `onPong` with the time of its answer. */
  ping(nowMs: number, onPong: (nowMs: number) => void): void;
  /** Starts a graceful drain: lets open calls finish, then becomes `finished`. */
  drain(nowMs: number): void;
  /**
   * Whether the server closed the connection for too many pings; the next connection should ping half as often (gRPC
   * A8).
   */
  readonly tooManyPings: boolean;
  /**
   * HTTP/1.1: whether the connection carried a response, or ended because a call was given up; such a connection is
   * replaced without delay. Default false.
   */
  readonly endedByCall?: boolean;
  /** Ends the connection at once; open calls end with `code`. */
  abort(code: Status, reason: string, nowMs: number): void;
  /** Reason why the connection ended; empty until `finished`. */
  readonly endReason: string;
  /** Name of the code of the GOAWAY that the server sent, such as `NO_ERROR`. Default: it sent none. */
  readonly goaway?: string;
}

/** Events of a client's connection. */
export interface ClientConnectionSink {
  /** Called when `ready`, `usable` or `maxCalls` has changed. */
  onStateChange(): void;
  /** Called when a call has ended, which frees its slot. */
  onCallEnd(): void;
  /** Reports a message for the log. */
  onNote?(level: "debug" | "warn", message: string): void;
}
