/**
 * Calls recorded against a server.
 *
 * @module
 */

import { Metadata, type MetadataValue } from "../call/metadata.ts";
import type { MethodKind } from "../call/method.ts";
import { Status } from "../call/status.ts";
import type { Codec } from "../codec/codec.ts";
import { RpcError } from "../errors.ts";
import type { InterceptedReply, Interceptor, MethodInfo } from "../rpc/core/types.ts";

/**
 * Pair of key and value; bytes are in base64.
 *
 * @category Testing
 */
export type RecordedField = readonly [key: string, value: string];

/**
 * One recorded call, as JSON. Request metadata are not recorded, because they may contain secrets.
 *
 * @category Testing
 */
export interface RecordedCall {
  /** Path of the method. */
  readonly path: string;
  /** Which sides stream. */
  readonly kind: MethodKind;
  /** Messages in the order in which the client sent and received them, encoded and then in base64. */
  readonly messages: (readonly ["request" | "reply", string])[];
  /** Response headers; values of keys that end in `-bin` are in base64. */
  headers: RecordedField[];
  /** Response trailers; values of keys that end in `-bin` are in base64. */
  trailers: RecordedField[];
  /** Status; the details are pairs of type URL and message in base64. */
  status: { code: number; message: string; details: RecordedField[] };
}

/**
 * Records the calls of a channel, to be replayed without the server. `JSON.stringify` turns it into the text of a
 * file, `Recording.parse` back.
 *
 * ```ts
 * import { connect } from "@vrpc/vrpc";
 * import { EchoService } from "@vrpc/vrpc/services/echo";
 * import { Recording } from "@vrpc/vrpc/testing";
 *
 * const recording = new Recording();
 * await using channel = connect("127.0.0.1:50051", { interceptors: [recording.interceptor] });
 * await channel.client(EchoService).echo({ payload: new Uint8Array(3) });
 * await Deno.writeTextFile("echo.json", JSON.stringify(recording));
 * ```
 *
 * @category Testing
 */
export class Recording {
  /** Recorded calls, in the order in which they were started. */
  readonly calls: RecordedCall[] = [];
  /** Interceptor of the channel whose calls are recorded. */
  readonly interceptor: Interceptor = (next) => async (call) => {
    const record = newRecord(call.method);
    this.calls.push(record);
    const { requestCodec } = call.method;
    try {
      const message = call.stream
        ? recorded(call.message as AsyncIterable<unknown>, "request", requestCodec, record)
        : call.message;
      if (!call.stream) add(record, "request", requestCodec, message);
      return recordReply(record, await next({ ...call, message }), call.method);
    } catch (error) {
      recordFailure(record, error);
      throw error;
    }
  };

  /** Returns what `parse` takes. */
  toJSON(): unknown {
    return { version: VERSION, calls: this.calls };
  }

  /** Parses the text of a recording. Throws TypeError if it is none, SyntaxError if it is no JSON. */
  static parse(text: string): Recording {
    const value = JSON.parse(text) as { version?: unknown; calls?: unknown } | null;
    if (value?.version !== VERSION || !Array.isArray(value.calls)) {
      throw new TypeError("The text is not a recording of version 1");
    }
    const recording = new Recording();
    recording.calls.push(...value.calls as RecordedCall[]);
    return recording;
  }
}

const VERSION = 1;
const METADATA_BINARY = "-bin";

function newRecord({ path, kind }: MethodInfo): RecordedCall {
  const status = { code: Status.CANCELLED, message: "The recording ended before it", details: [] };
  return { path, kind, messages: [], headers: [], trailers: [], status };
}

function add(
  record: RecordedCall,
  side: "request" | "reply",
  codec: Codec<unknown>,
  message: unknown,
): void {
  record.messages.push([side, toBase64(codec.encode(message))]);
}

async function* recorded(
  messages: AsyncIterable<unknown> | Iterable<unknown>,
  side: "request" | "reply",
  codec: Codec<unknown>,
  record: RecordedCall,
): AsyncGenerator<unknown, void, void> {
  for await (const message of messages) {
    add(record, side, codec, message);
    yield message;
  }
}

function recordReply(
  record: RecordedCall,
  reply: InterceptedReply,
  { responseCodec }: MethodInfo,
): InterceptedReply {
  record.headers = fieldsOf(reply.headers);
  if (!reply.stream) {
    add(record, "reply", responseCodec, reply.message);
    recordOk(record, reply);
    return reply;
  }
  const replies = async function* () {
    try {
      const messages = reply.message as AsyncIterable<unknown>;
      yield* recorded(messages, "reply", responseCodec, record);
      recordOk(record, reply);
    } catch (error) {
      recordFailure(record, error);
      throw error;
    }
  };
  return {
    stream: true,
    message: replies(),
    headers: reply.headers,
    get trailers() {
      return reply.trailers;
    },
  };
}

function recordOk(record: RecordedCall, reply: InterceptedReply): void {
  record.trailers = fieldsOf(reply.trailers);
  record.status = { code: Status.OK, message: "", details: [] };
}

function recordFailure(record: RecordedCall, thrown: unknown): void {
  const { code, message, details, metadata } = RpcError.from(thrown);
  record.trailers = fieldsOf(metadata);
  record.status = {
    code,
    message,
    details: details.map(({ typeUrl, value }) => [typeUrl, toBase64(value)] as const),
  };
}

function fieldsOf(metadata: Metadata): RecordedField[] {
  return Array.from(metadata, ([key, value]) =>
    [
      key,
      typeof value === "string" ? value : toBase64(value),
    ] as const);
}

/** Returns recorded metadata. */
export function metadataOf(fields: readonly RecordedField[]): Metadata {
  const pairs = fields.map(([key, value]): readonly [string, MetadataValue] => [
    key,
    key.endsWith(METADATA_BINARY) ? fromBase64(value) : value,
  ]);
  return new Metadata(pairs);
}

/** Encodes bytes as base64. */
export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** Decodes base64. */
export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
