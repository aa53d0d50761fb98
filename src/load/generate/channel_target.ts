/**
 * Target that calls one method over channels, with requests encoded in advance or made from a template.
 *
 * @module
 */

import { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import { RpcError, textOf } from "../../errors.ts";
import { clientStreams, type MethodKind, serverStreams } from "../../call/method.ts";
import type { ServerTimeReader } from "../measure/server_time.ts";
import { echoServerTimeUs, signServerTimeUs } from "../measure/server_time.ts";
import type { Reply } from "../measure/reply.ts";
import { type CallNumber, type MetadataEntry, metadataOf } from "./variables.ts";
import { type RequestData, requestsOfCall } from "./request_data.ts";
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
  /** Requests: of each, one message, or all that a client-streaming or bidirectional call sends. */
  readonly requests: RequestData;
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
  { worker, workers }: Pick<CallNumber, "worker" | "workers"> = { worker: 0, workers: 1 },
): Target {
  const { path, kind } = spec;
  const slots = channels.length * streams;
  const optionsOf = callOptions(spec);
  const requestsOf = requestsOfCall(spec.requests, worker);
  const reader = spec.serverTime && READERS[spec.serverTime];
  const sent = new Float64Array(slots);
  return {
    slots,
    sentBytes: (slot) => sent[slot],
    call(slot, sequence) {
      const number = { worker, workers, sequence };
      let messages: readonly Uint8Array[];
      try {
        messages = requestsOf(number);
      } catch (error) {
        // Values such as a number that does not fit its field show only when they are filled in.
        sent[slot] = 0;
        return Promise.reject(new RpcError(Status.INVALID_ARGUMENT, textOf(error)));
      }
      const channel = channels[slot % channels.length];
      sent[slot] = sizeOf(messages);
      return kind === "unary"
        ? channel.call(path, messages[0], optionsOf(number))
        : streamingCall(channel, spec, messages, optionsOf(number));
    },
    unreachable: (slot) => channels[slot % channels.length].state === "TRANSIENT_FAILURE",
    serverTimeUs: reader && ((reply: Reply) => reader(reply as Uint8Array)),
  };
}

/** Returns the number of bytes of messages. */
export function sizeOf(messages: readonly Uint8Array[]): number {
  return messages.reduce((sum, one) => sum + one.byteLength, 0);
}

/** Returns a function that makes the options of a call; those that never change are made once. */
export function callOptions(
  { timeoutMs, metadata = [] }: Pick<CallSpec, "timeoutMs" | "metadata">,
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
  { path, kind }: CallSpec,
  messages: readonly Uint8Array[],
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

/** Makes a call of any kind. Resolves to the messages of its reply. */
export async function exchange(
  channel: RawChannel,
  { path, kind }: Pick<CallSpec, "path" | "kind">,
  messages: readonly Uint8Array[],
  options: RawCallOptions | undefined,
): Promise<Uint8Array[]> {
  if (kind === "unary") return [await channel.call(path, messages[0], options)];
  await using session = channel.session(path, options);
  // When a call fails, sending fails too; the error of receiving is the more precise one.
  sendAll(session, messages).catch(() => {});
  const replies: Uint8Array[] = [];
  for (let next = await session.receive(); next !== null; next = await session.receive()) {
    replies.push(next);
  }
  return replies;
}

async function sendAll(session: RawSession, messages: readonly Uint8Array[]): Promise<void> {
  for (const message of messages) await session.send(message);
  await session.closeSend();
}
