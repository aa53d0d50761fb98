/**
 * Options of channels and calls in web pages.
 *
 * @module
 */

import type { Metadata, MetadataInit } from "../call/metadata.ts";
import {
  MAX_RECEIVE_MESSAGE_BYTES,
  MIN_CLIENT_KEEPALIVE_MS,
  RECEIVE_MESSAGE_RANGE,
} from "../limits/connection_limits.ts";
import { checkNames, checkRanges, type Defaults, measured, type Ranges } from "../limits/ranges.ts";

/**
 * Options of a channel in a web page. Times are in ms.
 *
 * ```ts
 * import { connect } from "@vrpc/vrpc/browser";
 *
 * const channel = connect("https://api.example", { timeoutMs: 10_000 });
 * ```
 */
export interface ChannelOptions {
  /** Time limit of calls without one of their own, Infinity for none. More than 0. Default Infinity. */
  timeoutMs?: number;
  /** Time for opening the WebSocket and for the server's hello. 1 or more. Default 20,000. */
  connectTimeoutMs?: number;
  /** Largest message accepted, in bytes. 1 or more. Default 4 MiB. */
  maxReceiveMessageBytes?: number;
  /**
   * Silence of the server after which it is pinged while calls are open, Infinity for never. 10,000 or more. Default
   * 300,000, the least that servers accept by default.
   */
  keepaliveTimeMs?: number;
  /** Constructor of WebSockets, for runtimes without a global one. Default `WebSocket`. */
  webSocket?: WebSocketConstructor;
}

/** Options of one call. */
export interface CallOptions {
  /** Time limit, in ms, which is sent to the server. 0 or more. Default that of the channel. */
  timeoutMs?: number;
  /** Cancels the call when it fires. */
  signal?: AbortSignal;
  /** Request metadata. */
  metadata?: MetadataInit;
  /** Called with the response headers. */
  onHeaders?: (headers: Metadata) => void;
  /** Called with the trailers, also if the call failed. */
  onTrailers?: (trailers: Metadata) => void;
}

/** The standard WebSocket, as far as it is used. */
export interface WebSocketLike {
  /** Set to `arraybuffer`. */
  binaryType: string;
  /** Bytes that were passed to `send` and not yet written. */
  readonly bufferedAmount: number;
  /** Called once the WebSocket is open. */
  onopen: ((event: never) => void) | null;
  /** Called with each message. */
  onmessage: ((event: never) => void) | null;
  /** Called before `onclose` when the WebSocket fails. */
  onerror: ((event: never) => void) | null;
  /** Called at the end. */
  onclose: ((event: never) => void) | null;
  /** Sends a binary message; copies its bytes. */
  send(data: Uint8Array<ArrayBuffer>): void;
  /** Starts the close handshake. */
  close(code?: number, reason?: string): void;
}

/** Constructor of {@link WebSocketLike}s. */
export type WebSocketConstructor = new (url: string, protocols: string) => WebSocketLike;

/** Defaults of {@link ChannelOptions}. */
export const CHANNEL_DEFAULTS: Defaults<ChannelOptions> = {
  timeoutMs: Infinity,
  connectTimeoutMs: 20_000,
  maxReceiveMessageBytes: MAX_RECEIVE_MESSAGE_BYTES,
  keepaliveTimeMs: 300_000,
  webSocket: undefined,
};

const RANGES: Ranges<ChannelOptions> = {
  timeoutMs: measured(Number.MIN_VALUE),
  connectTimeoutMs: measured(1),
  maxReceiveMessageBytes: RECEIVE_MESSAGE_RANGE,
  keepaliveTimeMs: measured(MIN_CLIENT_KEEPALIVE_MS),
};

/** Options with their defaults. */
export type ChannelSettings =
  & Required<Omit<ChannelOptions, "webSocket">>
  & { readonly webSocket: WebSocketConstructor };

/** Fills in defaults. Throws TypeError for unknown names and RangeError for numbers out of range. */
export function channelSettings(options: ChannelOptions): ChannelSettings {
  checkNames("connect", options, CHANNEL_DEFAULTS);
  checkRanges(options, RANGES);
  const webSocket = options.webSocket ??
    (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket;
  if (webSocket === undefined) {
    throw new TypeError("Cannot connect: there is no WebSocket here, use the option webSocket");
  }
  return {
    timeoutMs: options.timeoutMs ?? Infinity,
    connectTimeoutMs: options.connectTimeoutMs ?? CHANNEL_DEFAULTS.connectTimeoutMs!,
    maxReceiveMessageBytes: options.maxReceiveMessageBytes ?? MAX_RECEIVE_MESSAGE_BYTES,
    keepaliveTimeMs: options.keepaliveTimeMs ?? CHANNEL_DEFAULTS.keepaliveTimeMs!,
    webSocket,
  };
}

/** URL of the WebSocket: `http` and `https` stand for `ws` and `wss`; relative ones refer to the page. */
export function webSocketUrl(url: string | URL): string {
  const page = (globalThis as { location?: { href: string } }).location?.href;
  let absolute: URL;
  try {
    absolute = new URL(url, page);
  } catch {
    throw new TypeError(`Cannot connect to ${JSON.stringify(String(url))}: it is not a URL`);
  }
  absolute.protocol = absolute.protocol.replace(/^http/, "ws");
  if (!/^wss?:$/.test(absolute.protocol)) {
    throw new TypeError(`Cannot connect to ${absolute}: use https, http, wss or ws`);
  }
  absolute.hash = "";
  return absolute.href;
}
