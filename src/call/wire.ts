/**
 * What a wire (gRPC, lean) and the layer above it (rpc) say to each other. Engines implement
 * {@link ConnectionEngine}, {@link ServerCall}, {@link ClientConnection} and {@link ClientCall}; the rpc
 * layer implements the sinks. Everything here is synchronous: no Promise, no timer, no clock.
 *
 * Buffers: bytes given to a sink's `onMessage` belong to the sink from then on. Bytes given to
 * `sendMessage` or `respond` belong to the engine from then on: the caller must not change them.
 *
 * @module
 */

import type { ByteWriter } from "../bytes/writer.ts";
import type { Metadata } from "./metadata.ts";
import type { Status } from "./status.ts";

/** One connection's state machine, without I/O. The driver feeds it and drains `out`. */
export interface ConnectionEngine {
  /** Bytes to be sent. The driver takes them after each input and whenever `onOutput` was called. */
  readonly out: ByteWriter;
  /** Set by the driver: called when `out` stopped being empty, or a timer changed, outside of `receive`. */
  onOutput: () => void;
  /** Bytes arrived. `chunk` is only valid during the call. Never throws for what a peer sent. */
  receive(chunk: Uint8Array, nowMs: number): void;
  /** The peer ended its side of the byte stream. */
  receiveEnd(nowMs: number): void;
  /** The byte stream broke or was closed: every call ends with UNAVAILABLE. Idempotent. */
  transportLost(reason: string, nowMs: number): void;
  /** The driver has handed `out` to the socket and the socket took it: more may be produced. */
  outputDrained(nowMs: number): void;
  /** When `onTimer` must be called next, in the clock of `nowMs`; Infinity for never. */
  nextTimerMs(): number;
  /** Time passed. Call it at or after `nextTimerMs`. */
  onTimer(nowMs: number): void;
  /** False while the peer must be slowed down: the driver stops reading until it is true again. */
  readonly wantsRead: boolean;
  /**
   * When the peer should be read from again, in the clock of `nowMs`; 0 for at once. It goes on with what is refused:
   * this only makes it slower, and a driver may do without. For servers' connections.
   */
  readonly readThrottledUntilMs?: number;
  /** True when nothing more will be said: flush `out`, then close the byte stream. */
  readonly finished: boolean;
  /** Whether it finished because all was said, so that the peer may still be reading what was sent last. */
  readonly closedGracefully?: boolean;
  /** Bytes held by this engine in queues (not counting `out`), for limits and figures. */
  readonly bufferedBytes: number;
}

/** Facts about the other end that handlers may want; filled by the driver from the transport. */
export interface PeerInfo {
  /** The peer's address in the address grammar, for example `127.0.0.1:40312` or `vsock:16:1024`. */
  readonly address: string;
  /** `tcp`, `tls`, `unix`, `vsock`, `memory` or a name of the user's own. */
  readonly transport: string;
  /** The vsock context id of the peer, on vsock. */
  readonly vsockCid?: number;
  /** What TLS verified, when the connection uses TLS. */
  readonly tls?: TlsPeerInfo;
}

/** The verified identity of a TLS peer. */
export interface TlsPeerInfo {
  /** The negotiated application protocol, for example `h2`. */
  readonly alpn?: string;
  /** Whether the peer showed a certificate that verified against the configured authorities. */
  readonly authorized: boolean;
  /** The subject's common name, when there is a certificate; its whole name (`O=Example`) when it has none. */
  readonly subject?: string;
  /**
   * The subject alternative names, each with its type: `DNS:client.internal`, `IP Address:10.0.0.1`, `URI:…`,
   * `email:…`, `DirName:…`, `Registered ID:…`, `otherName …` (RFC 5280 §4.2.1.6).
   */
  readonly subjectAltNames?: readonly string[];
  /** SHA-256 of the certificate, lower-case hex. */
  readonly fingerprint256?: string;
}

/** A call as a server's engine shows it. */
export interface ServerCall {
  /** With the leading slash, for example `/package.Service/Method`. */
  readonly path: string;
  /** Request metadata, made when first asked for. */
  readonly metadata: Metadata;
  /** What the caller allows, in ms from the arrival of the call; Infinity when it said nothing. */
  readonly timeoutMs: number;
  /** The name of the compression of flagged request messages: `identity`, `gzip` … */
  readonly encoding: string;
  /** The format that the caller says its messages have (`proto`); empty or absent when it says nothing. */
  readonly contentSubtype?: string;
  /** Whether the caller takes gzip. */
  readonly acceptsGzip: boolean;
  /** The `:authority` (gRPC) or server name; empty when there is none. */
  readonly authority: string;
  /** Set synchronously inside `onCall`. */
  sink: ServerCallSink;
  /** Sends response headers now; without it they go with the first message. `encoding` announces compression. */
  sendHeaders(metadata?: Metadata, encoding?: string): void;
  /** Sends one message. Headers go first when they have not gone yet. */
  sendMessage(message: Uint8Array, compressed: boolean): void;
  /** Ends the call. After it nothing may be sent. A status without messages is a trailers-only reply. */
  sendStatus(code: Status, message: string, trailers?: Metadata): void;
  /** The fast path of unary calls: headers, one uncompressed message and status OK at once. */
  respond(message: Uint8Array): void;
  /** Whether more messages should be sent now; when false, `sink.onWritable` tells when. */
  readonly writable: boolean;
  /** Stops (or restarts) returning flow-control credit for this call's messages. */
  setReadPaused(paused: boolean): void;
  /** Must be called once when the handler has truly ended (after status or cancel): frees its slot. */
  handlerDone(): void;
  /** Charges the caller for a message that can't be inflated: it cost much and came to nothing. */
  chargeFault?(): void;
  /** Whether the call is over for the wire (status sent or cancelled). */
  readonly closed: boolean;
}

/** What the rpc layer wants to hear about a call on a server. */
export interface ServerCallSink {
  /** A complete message; `compressed` says it still has to be decompressed with `call.encoding`. */
  onMessage(message: Uint8Array, compressed: boolean): void;
  /** The caller has sent all its messages. */
  onHalfClose(): void;
  /** The call is over before a status was sent: cancelled, reset, or connection lost. Called at most once. */
  onCancel(code: Status, reason: string): void;
  /** `writable` became true again. */
  onWritable(): void;
}

/** What a server engine tells about its connection. */
export interface ServerConnectionSink {
  /** A call arrived. `call.sink` must be set before this returns. */
  onCall(call: ServerCall): void;
  /** Something worth a log line: `level` is `debug` or `warn`. */
  onNote?(level: "debug" | "warn", message: string): void;
}

/** A server engine, beyond what every engine has. */
export interface ServerConnection extends ConnectionEngine {
  /** Starts a graceful drain: no new calls, open ones finish; then `finished` becomes true. */
  drain(nowMs: number): void;
  /** Cancels what is open and says goodbye at once. */
  abort(reason: string, nowMs: number): void;
  /** Calls that are open or whose handlers still run. */
  readonly activeCalls: number;
}

/** What a client wants to call. */
export interface CallRequest {
  /** With the leading slash, for example `/package.Service/Method`. */
  readonly path: string;
  /** Request metadata. */
  readonly metadata?: Metadata;
  /** Time left in ms, to be told to the server; undefined or Infinity for none. */
  readonly timeoutMs?: number;
  /** Compression of flagged request messages; undefined for none. */
  readonly encoding?: string;
  /** Whether exactly one message is expected back (unary, client streaming). */
  readonly singleResponse: boolean;
  /** The largest message taken from the server, in bytes. */
  readonly maxReceiveMessageBytes: number;
  /** Overrides the connection's `:authority`. */
  readonly authority?: string;
  /** The kind of the call; the lean wire says it in the first frame. */
  readonly requestStreams: boolean;
}

/** A call as a client's engine shows it. */
export interface ClientCall {
  /** Sends one message. */
  sendMessage(message: Uint8Array, compressed: boolean): void;
  /** The fast path of single-request calls: one message and the half-close at once. */
  sendLastMessage(message: Uint8Array, compressed: boolean): void;
  /** Says that no more messages follow. */
  halfClose(): void;
  /** Gives the call up; `sink.onStatus` is not called any more. Idempotent, fine after the end. */
  cancel(): void;
  /** Whether more messages should be sent now; when false, `sink.onWritable` tells when. */
  readonly writable: boolean;
  /** Stops (or restarts) returning flow-control credit for this call's messages. */
  setReadPaused(paused: boolean): void;
  /** The compression of flagged response messages. */
  readonly encoding: string;
}

/** How a call ended, for retries: what the server can have seen of it. */
export type CallProgress =
  /** Never left this process, or the server said that it did not look at it: may be retried freely. */
  | "unprocessed"
  /** The server refused it (REFUSED_STREAM or above GOAWAY's last id): retried once transparently. */
  | "refused"
  /** The server may have acted on it. */
  | "processed";

/** What the rpc layer wants to hear about a call on a client. */
export interface ClientCallSink {
  /** Response headers (not for a trailers-only reply). `metadata()` makes the Metadata when asked for. */
  onHeaders(metadata: () => Metadata): void;
  /** A complete message. */
  onMessage(message: Uint8Array, compressed: boolean): void;
  /** The end, exactly once unless cancelled. `trailers()` makes the Metadata when asked for. */
  onStatus(
    code: Status,
    message: string,
    trailers: () => Metadata,
    progress: CallProgress,
  ): void;
  /** `writable` became true again. */
  onWritable(): void;
}

/** A client engine, beyond what every engine has. */
export interface ClientConnection extends ConnectionEngine {
  /** Whether the peer's preface or hello has arrived and calls may be started. */
  readonly ready: boolean;
  /** Whether new calls may be started (ready, no GOAWAY, stream ids left). */
  readonly usable: boolean;
  /** Calls in flight. */
  readonly activeCalls: number;
  /** How many calls the peer takes at once. */
  readonly maxCalls: number;
  /** Starts a call. Throws RangeError when not usable or `activeCalls >= maxCalls`. */
  startCall(request: CallRequest, sink: ClientCallSink): ClientCall;
  /** Sends a ping; `onPong` is called with the time it came back. */
  ping(nowMs: number, onPong: (nowMs: number) => void): void;
  /** Finishes open calls, then `finished`. */
  drain(nowMs: number): void;
  /** Whether the server hung up because pings came too fast: the next connection should ping half as often (A8). */
  readonly tooManyPings: boolean;
  /** Ends at once; open calls end with `code`. */
  abort(code: Status, reason: string, nowMs: number): void;
  /** Why it is `finished`; empty before. */
  readonly endReason: string;
}

/** What a client engine tells about its connection. */
export interface ClientConnectionSink {
  /** `ready`, `usable` or `maxCalls` changed. */
  onStateChange(): void;
  /** A call ended: a slot is free. */
  onCallEnd(): void;
  /** Something worth a log line. */
  onNote?(level: "debug" | "warn", message: string): void;
}
