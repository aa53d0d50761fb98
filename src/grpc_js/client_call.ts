/**
 * Calls of a channel: messages as bytes, with the interface of grpc-js's `Call`.
 *
 * Events reach the listener in a microtask of their own, not from inside the engine: what the application's callbacks
 * throw must not end a connection.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Metadata as WireMetadata } from "../call/metadata.ts";
import type { Encoding } from "../call/encodings.ts";
import type { ClientCallSink } from "../call/wire.ts";
import { compressWhenSmaller } from "../codec/compression.ts";
import { RpcError } from "../errors.ts";
import type { DeadlineHandle } from "../rpc/core/deadline_queue.ts";
import type {
  CallCore,
  ClientMethod,
  OutgoingRequest,
  RoutedCall,
} from "../rpc/client/call_core.ts";
import {
  type CallCredentials,
  credentialsFailure,
  isEmptyCallCredentials,
} from "./call_credentials.ts";
import type { AuthContext, Call, MessageContext, ParentCall } from "./call_interface.ts";
import { Status, WriteFlags } from "./constants.ts";
import type { InterceptingListener } from "./listener.ts";
import { fromWire, Metadata, toWire } from "./metadata.ts";
import type { StatusObject } from "./status.ts";
import { decompressed, noRoomText, Reply, UnreadReplies } from "./unread_replies.ts";

/** Interface of a channel that its calls use. */
export interface CallOwner {
  /** State shared by the calls, with the `:authority` of those with an own host. */
  coreFor(host: string | undefined): CallCore;
  /** Credentials of all calls. */
  readonly credentials: CallCredentials;
  /** Whether connections use TLS. */
  readonly secure: boolean;
  /** Returns the URL of the service of a path, for credentials. */
  serviceUrl(host: string | undefined, path: string): string;
  /** Called when a call starts; false if the channel was closed before. */
  callStarted(call: ChannelCall): boolean;
  /** Called once when a call has ended that was started. */
  callEnded(call: ChannelCall): void;
}

/** What a call is made with. */
export interface ChannelCallOptions {
  readonly method: ClientMethod;
  /** Ms since 1970; Infinity for none. */
  readonly deadlineMs: number;
  readonly host: string | undefined;
  readonly number: number;
}

/** Text of the status of calls without a connection on a channel that is closed. */
export const CLOSED = "Channel closed before call started";
const RESET_BY_PEER = "The peer reset the stream with CANCEL";

/** One call on a channel. */
export class ChannelCall implements Call, OutgoingRequest, ClientCallSink {
  // Fields of OutgoingRequest.
  readonly method: ClientMethod;
  metadata: WireMetadata | undefined = undefined;
  deadlineMs = Infinity;
  readonly encoding: Encoding | undefined;
  waitForReady: boolean;
  waitForReadyOption: boolean | undefined = undefined;
  readonly singleResponse: boolean;
  readonly requestStreams: boolean;

  readonly #owner: CallOwner;
  readonly #core: CallCore;
  readonly #options: ChannelCallOptions;
  #credentials: CallCredentials | undefined;
  #call: RoutedCall | undefined;
  #listener: InterceptingListener | undefined;
  #timer: DeadlineHandle | undefined;
  /** Time at which a call with a deadline was made, in ms of the clock. */
  #startedAtMs = 0;
  /** Sends that wait for the metadata of credentials. */
  #unsent: (() => void)[] | undefined;
  #onWritable: (() => void) | undefined;
  /** Last message, while it is not known whether the half-close follows at once. */
  #held: { message: Buffer; compressed: boolean } | undefined;
  #wanted = 0;
  /** Reply that is about to be delivered, because it was asked for. */
  #reply: Reply | undefined;
  /** Replies after it; created when the first one has to wait. */
  #unread: UnreadReplies | undefined;
  #headers: (() => WireMetadata) | undefined;
  #status: StatusObject | undefined;
  #statusDelivered = false;
  #scheduled = false;
  #started = false;
  #unfollow: (() => void) | undefined;

  /** Creates a call that starts at `start`. Its deadline runs from now on. */
  constructor(owner: CallOwner, options: ChannelCallOptions) {
    this.#owner = owner;
    this.#options = options;
    const { method } = options;
    this.method = method;
    this.#core = owner.coreFor(options.host);
    this.encoding = this.#core.compress ? this.#core.encoding : undefined;
    this.waitForReady = method.waitForReady;
    this.singleResponse = method.kind === "unary" || method.kind === "client_streaming";
    this.requestStreams = method.kind === "client_streaming" || method.kind === "bidi_streaming";
    const { deadlineMs } = options;
    if (deadlineMs !== Infinity || method.timeoutMs !== Infinity) {
      this.#limitTime(Math.min(deadlineMs - Date.now(), method.timeoutMs));
    }
  }

  #limitTime(remainingMs: number): void {
    const { clock, deadlines } = this.#core;
    const nowMs = clock.now();
    this.#startedAtMs = nowMs;
    this.deadlineMs = nowMs + Math.max(remainingMs, 0);
    if (remainingMs <= 0) queueMicrotask(() => this.#deadlinePassed());
    else this.#timer = deadlines.add(this.deadlineMs, () => this.#deadlinePassed(), nowMs);
  }

  #deadlinePassed(): void {
    this.#timer = undefined;
    this.cancelWithStatus(Status.DEADLINE_EXCEEDED, this.#deadlineText());
  }

  #deadlineText(): string {
    const seconds = (this.#core.clock.now() - this.#startedAtMs) / 1_000;
    return `Deadline exceeded after ${seconds.toFixed(3)}s`;
  }

  // ---- Call ----------------------------------------------------------------------------------------------

  start(metadata: Metadata, listener: InterceptingListener): void {
    this.#listener = listener;
    if (this.#status !== undefined) return this.#schedule();
    this.#started = this.#owner.callStarted(this);
    if (!this.#started) return this.cancelWithStatus(Status.UNAVAILABLE, CLOSED);
    this.waitForReadyOption = metadata.getOptions().waitForReady;
    this.waitForReady = this.waitForReadyOption ?? this.waitForReady;
    const credentials = this.#credentials === undefined
      ? this.#owner.credentials
      : this.#owner.credentials.compose(this.#credentials);
    if (isEmptyCallCredentials(credentials)) return this.#begin(metadata);
    this.#unsent = [];
    this.#authenticate(credentials, metadata.clone());
  }

  async #authenticate(credentials: CallCredentials, metadata: Metadata): Promise<void> {
    try {
      const { path } = this.method;
      metadata.merge(
        await credentials.generateMetadata({
          method_name: path,
          service_url: this.#owner.serviceUrl(this.#options.host, path),
        }),
      );
    } catch (error) {
      const { code, details } = credentialsFailure(error);
      return this.cancelWithStatus(code, details);
    }
    if (this.#status !== undefined) return;
    const unsent = this.#unsent!;
    this.#unsent = undefined;
    this.#begin(metadata);
    for (const send of unsent) send();
  }

  #begin(metadata: Metadata): void {
    this.metadata = toWire(metadata);
    this.#call = this.#core.starter.start(this, this);
  }

  sendMessageWithContext(context: MessageContext, message: Buffer): void {
    if (this.#unsent !== undefined) {
      this.#unsent.push(() => this.sendMessageWithContext(context, message));
      return;
    }
    if (this.#status !== undefined) return context.callback?.();
    const { maxSendBytes } = this.method;
    if (message.length > maxSendBytes) {
      const text = `Attempted to send message with a size larger than ${maxSendBytes}`;
      this.cancelWithStatus(Status.RESOURCE_EXHAUSTED, text);
      return context.callback?.();
    }
    const smaller = this.encoding !== undefined && !((context.flags ?? 0) & WriteFlags.NoCompress)
      ? compressWhenSmaller(message, this.encoding)
      : undefined;
    this.#send(smaller ?? message, smaller !== undefined, context.callback);
  }

  #send(message: Uint8Array, compressed: boolean, callback: MessageContext["callback"]): void {
    const call = this.#call!;
    if (!this.requestStreams) {
      // The only request: it goes out together with the half-close, which follows at once.
      this.#held = { message: message as Buffer, compressed };
      return callback?.();
    }
    call.sendMessage(message, compressed);
    if (callback === undefined) return;
    if (call.writable || this.#status !== undefined) callback();
    else this.#onWritable = callback;
  }

  halfClose(): void {
    if (this.#unsent !== undefined) {
      this.#unsent.push(() => this.halfClose());
      return;
    }
    if (this.#status !== undefined) return;
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined) this.#call!.halfClose();
    else this.#call!.sendLastMessage(held.message, held.compressed);
  }

  startRead(): void {
    this.#wanted = 1;
    if (this.#hasReplies || this.#status !== undefined) this.#schedule();
  }

  cancelWithStatus(code: Status, details: string): void {
    if (this.#statusDelivered) return;
    this.#reply = undefined;
    this.#unread?.clear();
    const status = { code, details, metadata: new Metadata() };
    if (this.#status === undefined) {
      this.#call?.cancel();
      this.#end(status);
    } else {
      // The server's status has arrived, but not reached the listener.
      this.#status = status;
      this.#schedule();
    }
  }

  getPeer(): string {
    return this.#call?.address ?? this.#core.target;
  }

  /** Whether the call has, or had, a connection. */
  get connected(): boolean {
    return this.#call?.address !== undefined;
  }

  getCallNumber(): number {
    return this.#options.number;
  }

  setCredentials(credentials: CallCredentials): void {
    this.#credentials = credentials;
  }

  /** Cancels this call when its parent is. */
  follow(parent: ParentCall): void {
    const cancel = () => this.cancelWithStatus(Status.CANCELLED, "Cancelled by parent call");
    parent.on("cancelled", cancel);
    this.#unfollow = () => parent.removeListener("cancelled", cancel);
  }

  getAuthContext(): AuthContext | null {
    if (this.#call?.address === undefined) return null;
    return this.#owner.secure ? { transportSecurityType: "ssl" } : {};
  }

  // ---- from the wire -------------------------------------------------------------------------------------

  onHeaders(metadata: () => WireMetadata): void {
    if (this.#status !== undefined) return;
    this.#headers = metadata;
    this.#schedule();
  }

  onMessage(bytes: Uint8Array, compressed: boolean): void {
    if (this.#status !== undefined) return;
    const reply = new Reply(bytes, compressed);
    if (this.#wanted > 0 && !this.#hasReplies) {
      this.#reply = reply;
      return this.#schedule();
    }
    const unread = this.#unread ??= new UnreadReplies(this.#core.memory);
    if (!unread.hasRoomFor(reply)) {
      return this.cancelWithStatus(Status.RESOURCE_EXHAUSTED, noRoomText(reply));
    }
    if (unread.push(reply)) this.#call!.setReadPaused(true);
    if (this.#wanted > 0) this.#schedule();
  }

  get #hasReplies(): boolean {
    return this.#reply !== undefined || (this.#unread !== undefined && this.#unread.length > 0);
  }

  onStatus(code: Status, details: string, trailers: () => WireMetadata): void {
    if (this.#status !== undefined) return;
    const late = code === Status.CANCELLED && this.deadlineMs <= this.#core.clock.now();
    this.#end({
      code: late ? Status.DEADLINE_EXCEEDED : code,
      details: late ? this.#deadlineText() : this.#statusText(code, details),
      metadata: fromWire(trailers()),
    });
  }

  /** Returns the text of a status as grpc-js has it where there is none, or no connection. */
  #statusText(code: Status, details: string): string {
    if (code === Status.OK && details === "") return "OK";
    if (code === Status.CANCELLED && details === RESET_BY_PEER) return "Call cancelled";
    if (code !== Status.UNAVAILABLE || this.#call?.address !== undefined) return details;
    return `No connection established. Last error: ${details}`;
  }

  onWritable(): void {
    const callback = this.#onWritable;
    this.#onWritable = undefined;
    // A callback of a Writable may write, which must not happen inside the engine.
    if (callback !== undefined) queueMicrotask(callback);
  }

  // ---- to the listener -----------------------------------------------------------------------------------

  #end(status: StatusObject): void {
    this.#status = status;
    this.#unsent = undefined;
    this.#unread?.release();
    if (this.#timer !== undefined) this.#core.deadlines.cancel(this.#timer);
    this.#unfollow?.();
    this.#unfollow = undefined;
    if (this.#started) this.#owner.callEnded(this);
    this.onWritable();
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#listener === undefined) return;
    this.#scheduled = true;
    queueMicrotask(() => this.#deliver());
  }

  #deliver(): void {
    this.#scheduled = false;
    const listener = this.#listener!;
    try {
      const headers = this.#headers;
      if (headers !== undefined) {
        this.#headers = undefined;
        listener.onReceiveMetadata(fromWire(headers()));
      }
      while (this.#wanted > 0) {
        const reply = this.#take();
        if (reply === undefined) break;
        this.#wanted = 0;
        const message = this.#open(reply);
        if (message !== undefined) listener.onReceiveMessage(message);
      }
      if (this.#status === undefined || this.#statusDelivered || this.#hasReplies) return;
      this.#statusDelivered = true;
      listener.onReceiveStatus(this.#status);
    } finally {
      // Goes on after an exception of the application, if that did not end the process.
      if (this.#headers === undefined && this.#wanted > 0 && this.#hasReplies) {
        this.#schedule();
      } else if (this.#status !== undefined && !this.#statusDelivered && !this.#hasReplies) {
        this.#schedule();
      }
    }
  }

  #take(): Reply | undefined {
    const reply = this.#reply;
    if (reply !== undefined) {
      this.#reply = undefined;
      return reply;
    }
    const unread = this.#unread;
    if (unread === undefined) return undefined;
    const next = unread.take();
    if (this.#status === undefined && unread.resumes()) this.#call!.setReadPaused(false);
    return next;
  }

  #open({ bytes, compressed }: Reply): Buffer | undefined {
    let plain = bytes;
    if (compressed) {
      try {
        plain = decompressed(bytes, this.#call!.encoding, this.method.maxReceiveBytes);
      } catch (error) {
        const { code, message } = RpcError.from(error);
        this.cancelWithStatus(code, message);
        return undefined;
      }
    }
    return Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength);
  }
}
