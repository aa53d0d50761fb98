/**
 * Puts load on one method of a server through channels, with requests encoded beforehand.
 *
 * @module
 */

import { clientStreams, type MethodKind, serverStreams } from "../../call/method.ts";
import type { ServerTimeReader } from "../measure/server_time.ts";
import { echoServerTimeUs, signServerTimeUs } from "../measure/server_time.ts";
import type { Reply } from "../measure/reply.ts";
import type { Target } from "./target.ts";

/** One call's raw messages in both directions. */
export interface RawSession extends AsyncDisposable {
  /** Sends one message; resolves when more should be sent. */
  send(message: Uint8Array): Promise<void>;
  /** The next message; null at the end of a call that ended well; rejects when it failed. */
  receive(): Promise<Uint8Array | null>;
  /** Says that no more messages follow. */
  closeSend(): void | Promise<void>;
}

/** The part of a channel that load goes through. */
export interface RawChannel {
  /** A unary call with raw bytes. */
  call(path: string, payload: Uint8Array, options?: { timeoutMs?: number }): Promise<Uint8Array>;
  /** A call of any kind with raw bytes. */
  session(path: string, options?: { timeoutMs?: number }): RawSession;
}

/** What is called, as plain data that can be posted to workers. */
export interface CallSpec {
  /** The full method, for example `/package.Service/Method`. */
  readonly path: string;
  /** How many messages go each way. */
  readonly kind: MethodKind;
  /** Encoded requests: one, or all those that a client-streaming or bidirectional call sends. */
  readonly messages: readonly Uint8Array[];
  /** How long a call may take in ms; undefined for no limit. */
  readonly timeoutMs?: number;
  /** Where the answers say how long the server took. */
  readonly serverTime?: "echo" | "sign";
}

const READERS: Record<"echo" | "sign", ServerTimeReader> = {
  echo: echoServerTimeUs,
  sign: signServerTimeUs,
};

/** A target of `streams` slots on each channel; slot numbers go around the channels. */
export function channelTarget(
  channels: readonly RawChannel[],
  streams: number,
  spec: CallSpec,
): Target {
  const { path, kind, messages } = spec;
  const options = spec.timeoutMs === undefined ? undefined : { timeoutMs: spec.timeoutMs };
  const reader = spec.serverTime && READERS[spec.serverTime];
  const [message] = messages;
  const call = kind === "unary"
    ? (slot: number) => channels[slot % channels.length].call(path, message, options)
    : (slot: number) => streamingCall(channels[slot % channels.length], spec, options);
  return {
    slots: channels.length * streams,
    requestBytes: messages.reduce((sum, one) => sum + one.byteLength, 0),
    call,
    serverTimeUs: reader && ((reply: Reply) => reader(reply as Uint8Array)),
  };
}

async function streamingCall(
  channel: RawChannel,
  { path, kind, messages }: CallSpec,
  options: { timeoutMs?: number } | undefined,
): Promise<Reply> {
  await using session = channel.session(path, options);
  const sending = sendAll(session, clientStreams(kind) ? messages : messages.slice(0, 1));
  // A call that fails makes sending fail too; what receiving says is the better reason.
  sending.catch(() => {});
  let byteLength = 0;
  let received = 0;
  for (let next = await session.receive(); next !== null; next = await session.receive()) {
    byteLength += next.byteLength;
    received++;
  }
  if (serverStreams(kind)) return { byteLength, messages: received };
  return { byteLength, messages: 1 };
}

async function sendAll(session: RawSession, messages: readonly Uint8Array[]): Promise<void> {
  for (const message of messages) await session.send(message);
  await session.closeSend();
}
