/**
 * Channels of web pages.
 *
 * @module
 */

import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { Status } from "../call/status.ts";
import { type CallOwner, PageCall } from "./call.ts";
import { type Client, makeClient } from "./client.ts";
import {
  type CallOptions,
  type ChannelOptions,
  type ChannelSettings,
  channelSettings,
  webSocketUrl,
} from "./options.ts";
import { SocketConnection, type SocketConnectionOwner } from "./socket_connection.ts";

// Calls that may wait for the connection, or for a slot on it.
const MAX_QUEUED_CALLS = 1_000;

/**
 * Makes a channel to a vrpc server with the option `web`, over one WebSocket, which is opened by the first call and
 * again by the first call after it was lost. `url` may be relative to the page; `https` and `http` stand for `wss` and
 * `ws`. Throws TypeError for a URL or option that is not valid and RangeError for a number out of range.
 *
 * ```ts
 * import { connect } from "@vrpc/vrpc/browser";
 * import { EchoService } from "@vrpc/vrpc/services/echo";
 *
 * const channel = connect("https://api.example");
 * const { payload } = await channel.client(EchoService).echo({ payload: new Uint8Array(3) });
 * console.log(payload);
 * channel.close();
 * ```
 */
export function connect(url: string | URL, options: ChannelOptions = {}): Channel {
  return new Channel(webSocketUrl(url), channelSettings(options));
}

/** Calls of one server; made by {@link connect}. */
export class Channel {
  readonly #settings: ChannelSettings;
  readonly #calls: PendingCalls;

  /** Use {@link connect}. */
  constructor(url: string, settings: ChannelSettings) {
    this.#settings = settings;
    this.#calls = new PendingCalls(url, settings);
  }

  /** State of the connection: none, one that is being opened, an open one, or none ever again after `close`. */
  get state(): "idle" | "connecting" | "ready" | "closed" {
    return this.#calls.state;
  }

  /** Returns a client of a protobuf-es service. */
  client<D extends DescService>(service: D): Client<D> {
    return makeClient(service, (method, options) => this.#open(method, options));
  }

  /** Ends open calls with UNAVAILABLE and closes the connection. Idempotent. */
  close(): void {
    this.#calls.close();
  }

  /** Closes the channel. */
  [Symbol.dispose](): void {
    this.close();
  }

  #open(method: DescMethod, options: CallOptions): PageCall {
    const { methodKind, parent, name } = method;
    const called = {
      path: `/${parent.typeName}/${name}`,
      singleResponse: methodKind === "unary" || methodKind === "client_streaming",
      requestStreams: methodKind === "client_streaming" || methodKind === "bidi_streaming",
      maxReceiveMessageBytes: this.#settings.maxReceiveMessageBytes,
    };
    const timeoutMs = options.timeoutMs ?? this.#settings.timeoutMs;
    return new PageCall(this.#calls, called, options, timeoutMs).begin();
  }
}

/** Calls that wait, and the connection that they wait for. */
class PendingCalls implements CallOwner, SocketConnectionOwner {
  readonly url: string;
  readonly #settings: ChannelSettings;
  readonly #waiting = new Set<PageCall>();
  /** The connection that gets new calls. */
  #connection: SocketConnection | undefined = undefined;
  /** All connections that are not closed: those that the server drains still have calls. */
  readonly #connections = new Set<SocketConnection>();
  #closed = false;

  constructor(url: string, settings: ChannelSettings) {
    this.url = url;
    this.#settings = settings;
  }

  get state(): Channel["state"] {
    if (this.#closed) return "closed";
    if (!this.#connection?.alive) return "idle";
    return this.#connection.ready ? "ready" : "connecting";
  }

  admit(call: PageCall): void {
    if (this.#closed) return call.fail(Status.UNAVAILABLE, "The channel is closed");
    if (this.#waiting.size >= MAX_QUEUED_CALLS) {
      const text = `Cannot queue another call: ${MAX_QUEUED_CALLS} wait for the connection`;
      return call.fail(Status.RESOURCE_EXHAUSTED, text);
    }
    this.#waiting.add(call);
    this.#connect();
    this.onFree();
  }

  withdraw(call: PageCall): void {
    this.#waiting.delete(call);
  }

  onFree(): void {
    for (const call of this.#waiting) {
      const connection = this.#connection;
      if (!connection?.free) break;
      this.#waiting.delete(call);
      call.start(connection);
    }
    // A connection that drains gets no further calls.
    if (this.#waiting.size > 0) this.#connect();
  }

  #connect(): void {
    if (this.#connection?.alive || this.#closed) return;
    try {
      this.#connection = new SocketConnection(this.url, this.#settings, this);
      this.#connections.add(this.#connection);
    } catch (error) {
      this.#failAll(error instanceof Error ? error.message : String(error));
    }
  }

  onClosed(connection: SocketConnection, reason: string): void {
    this.#connections.delete(connection);
    if (connection !== this.#connection) return;
    const failed = !connection.ready;
    this.#connection = undefined;
    if (failed) this.#failAll(`Cannot connect to ${this.url}: ${reason}`);
    else if (this.#waiting.size > 0) this.#connect();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#failAll("The channel was closed");
    for (const connection of [...this.#connections]) connection.close("The channel was closed");
  }

  #failAll(reason: string): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const call of waiting) call.fail(Status.UNAVAILABLE, reason);
  }
}
