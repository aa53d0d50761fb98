/**
 * Target that calls one method over channels, with requests encoded in advance.
 *
 * @module
 */

import { Metadata } from "../../call/metadata.ts";
import { clientStreams, type MethodKind, serverStreams } from "../../call/method.ts";
import type { ServerTimeReader } from "../measure/server_time.ts";
import { echoServerTimeUs, signServerTimeUs } from "../measure/server_time.ts";
import type { Reply } from "../measure/reply.ts";
import { type CallNumber, type MetadataEntry, metadataOf } from "./metadata_template.ts";
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

/** Options of a call with raw bytes. */
export interface RawCallOptions {
  timeoutMs?: number;
  metadata?: Metadata;
}

/** Subset of a channel that the target uses. */
export interface RawChannel {
  /** Connectivity state, such as `READY`. */
  readonly state?: string;
  /** Makes a unary call with raw bytes. */
  call(path: string, payload: Uint8Array, options?: RawCallOptions): Promise<Uint8Array>;
  /** Opens a call of any kind with raw bytes. */
  session(path: string, options?: RawCallOptions): RawSession;
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
  /** Metadata of each call, whose values may have variables. Default: none. */
  readonly metadata?: readonly MetadataEntry[];
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
  worker: Pick<CallNumber, "worker" | "workers"> = { worker: 0, workers: 1 },
): Target {
  const { path, kind, messages } = spec;
  const optionsOf = callOptions(spec);
  const reader = spec.serverTime && READERS[spec.serverTime];
  const [message] = messages;
  const call = kind === "unary"
    ? (slot: number, sequence: number) =>
      channels[slot % channels.length].call(path, message, optionsOf({ ...worker, sequence }))
    : (slot: number, sequence: number) =>
      streamingCall(channels[slot % channels.length], spec, optionsOf({ ...worker, sequence }));
  return {
    slots: channels.length * streams,
    requestBytes: messages.reduce((sum, one) => sum + one.byteLength, 0),
    call,
    unreachable: (slot) => channels[slot % channels.length].state === "TRANSIENT_FAILURE",
    serverTimeUs: reader && ((reply: Reply) => reader(reply as Uint8Array)),
  };
}

/** Returns a function that makes the options of a call; those that never change are made once. */
function callOptions(
  { timeoutMs, metadata = [] }: CallSpec,
): (call: CallNumber) => RawCallOptions | undefined {
  if (metadata.length === 0) {
    const options = timeoutMs === undefined ? undefined : { timeoutMs };
    return () => options;
  }
  return metadataOf(metadata, (entries) => ({ timeoutMs, metadata: filledMetadata(entries) }));
}

function filledMetadata(entries: readonly MetadataEntry[]): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of entries) {
    metadata.append(key, key.endsWith("-bin") ? Uint8Array.fromBase64(value) : value);
  }
  return metadata;
}

async function streamingCall(
  channel: RawChannel,
  { path, kind, messages }: CallSpec,
  options: RawCallOptions | undefined,
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
