/**
 * Target that calls one method over channels, with requests encoded in advance.
 *
 * @module
 */

import { clientStreams, type MethodKind, serverStreams } from "../../call/method.ts";
import type { ServerTimeReader } from "../measure/server_time.ts";
import { echoServerTimeUs, signServerTimeUs } from "../measure/server_time.ts";
import type { Reply } from "../measure/reply.ts";
import type { Target } from "./target.ts";

/** Open call with raw messages in both directions. */
export interface RawSession extends AsyncDisposable {
  /** Sends one message; resolves when more may be sent. */
  send(message: Uint8Array): Promise<void>;
  /** Resolves to the next message, or to null after status OK; rejects when the call fails. */
  receive(): Promise<Uint8Array | null>;
  /** Half-closes the call. */
  closeSend(): void | Promise<void>;
}

/** Subset of a channel that the target uses. */
export interface RawChannel {
  /** Connectivity state, such as `READY`. */
  readonly state?: string;
  /** Makes a unary call with raw bytes. */
  call(path: string, payload: Uint8Array, options?: { timeoutMs?: number }): Promise<Uint8Array>;
  /** Opens a call of any kind with raw bytes. */
  session(path: string, options?: { timeoutMs?: number }): RawSession;
}

/** Description of the calls to make, as plain data that can be posted to workers. */
export interface CallSpec {
  /** Path of the method, for example `/package.Service/Method`. */
  readonly path: string;
  /** Kind of the method. */
  readonly kind: MethodKind;
  /** Encoded requests: one, or all that a client-streaming or bidirectional call sends. */
  readonly messages: readonly Uint8Array[];
  /** Deadline of a call in ms; undefined for none. */
  readonly timeoutMs?: number;
  /** Service whose replies contain the server time. */
  readonly serverTime?: "echo" | "sign";
}

const READERS: Record<"echo" | "sign", ServerTimeReader> = {
  echo: echoServerTimeUs,
  sign: signServerTimeUs,
};

/** Creates a target with `streams` slots on each channel; consecutive slots use different channels. */
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
    unreachable: (slot) => channels[slot % channels.length].state === "TRANSIENT_FAILURE",
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
  // When a call fails, sending fails too; the error of receiving is the more precise one.
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
