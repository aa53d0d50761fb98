/**
 * Errors of the Connect protocol as JSON ("Error Codes"), and the last envelope of its streams ("EndStreamResponse").
 *
 * @module
 */

import { base64Text, decodeBase64Text } from "../bytes/base64_text.ts";
import { Metadata } from "../call/metadata.ts";
import { Status } from "../call/status.ts";
import { parseJson } from "../codec/bounded_json.ts";
import { decodeStatusDetails, DETAILS_KEY } from "../codec/status_details.ts";
import type { ErrorDetail } from "../errors.ts";
import { connectCode, statusFromConnect } from "./connect_codes.ts";
import { appendField, eachField, isReservedByConnect } from "./metadata_fields.ts";

const encoder = new TextEncoder();
/** Limit on the objects, lists and members of an error: names of metadata and details take longer than their length. */
const MAX_ELEMENTS = 8_192;
/** Limit on an end of stream, in bytes, however long messages may be. */
const MAX_END_BYTES = 1024 * 1024;
const TYPE_PREFIX = "type.googleapis.com/";

/** JSON of an error. */
export interface ConnectErrorJson {
  /** Name of the status, for example `not_found`. */
  readonly code: string;
  /** Message; absent when it is empty. */
  readonly message?: string;
  /** Details; absent when there are none. */
  readonly details?: readonly ConnectDetailJson[];
}

/** JSON of one detail. */
export interface ConnectDetailJson {
  /** Full name of the message type. */
  readonly type: string;
  /** Encoded message, in base64 without padding. */
  readonly value: string;
  /** The message as ProtoJSON, for people; receivers ignore it. */
  readonly debug?: unknown;
}

/** What an error's JSON says. */
export interface ConnectError {
  readonly code: Status;
  readonly message: string;
  readonly details: readonly ErrorDetail[];
}

/** What the last envelope of a stream says. */
export interface ConnectStreamEnd {
  /** Error that ended the stream; undefined for none. */
  readonly error: ConnectError | undefined;
  /** Trailers. */
  readonly trailers: Metadata;
}

/** Builds the JSON of an error. */
export function connectErrorJson(
  code: Status,
  message: string,
  details: readonly ErrorDetail[],
): ConnectErrorJson {
  return {
    code: connectCode(code),
    ...(message === "" ? {} : { message }),
    ...(details.length === 0 ? {} : { details: details.map(detailJson) }),
  };
}

function detailJson({ typeUrl, value }: ErrorDetail): ConnectDetailJson {
  return {
    type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1),
    value: base64Text(value, { omitPadding: true }),
  };
}

/** Returns the details that trailers of gRPC carry. */
export function detailsOf(trailers: Metadata | undefined): readonly ErrorDetail[] {
  const bytes = trailers?.get(DETAILS_KEY);
  return bytes instanceof Uint8Array ? decodeStatusDetails(bytes) : [];
}

/** Encodes an error as the body of a response. */
export function encodeConnectError(
  code: Status,
  message: string,
  trailers?: Metadata,
): Uint8Array<ArrayBuffer> {
  return encoder.encode(JSON.stringify(connectErrorJson(code, message, detailsOf(trailers))));
}

/** Encodes the contents of the envelope that ends a stream. */
export function encodeStreamEnd(
  code: Status,
  message: string,
  trailers?: Metadata,
): Uint8Array<ArrayBuffer> {
  const error = code === Status.OK
    ? undefined
    : connectErrorJson(code, message, detailsOf(trailers));
  return encoder.encode(JSON.stringify({ error, metadata: trailersJson(trailers) }));
}

function trailersJson(trailers: Metadata | undefined): Record<string, string[]> | undefined {
  if (trailers === undefined) return undefined;
  const values = new Map<string, string[]>();
  eachField(trailers, isReservedByConnect, (name, value) => {
    const found = values.get(name);
    if (found === undefined) values.set(name, [value]);
    else found.push(value);
  });
  return values.size === 0 ? undefined : Object.fromEntries(values);
}

/**
 * Reads an error's JSON, as bytes or parsed. An unknown or missing code becomes `fallback`; details that are not valid are dropped. Returns
 * undefined when the value is not an object.
 */
export function readConnectError(json: unknown, fallback: Status): ConnectError | undefined {
  if (json instanceof Uint8Array) json = parseJson(json, MAX_ELEMENTS);
  if (!isObject(json)) return undefined;
  const { code, message, details } = json;
  return {
    code: statusFromConnect(code) ?? fallback,
    message: typeof message === "string" ? message : "",
    details: Array.isArray(details) ? details.flatMap(readDetail) : [],
  };
}

function readDetail(json: unknown): ErrorDetail[] {
  if (!isObject(json) || typeof json.type !== "string" || typeof json.value !== "string") return [];
  const value = decodeBase64Text(json.value);
  return value === undefined ? [] : [{ typeUrl: TYPE_PREFIX + json.type, value }];
}

/** Reads the contents of the envelope that ends a stream; null when they are not the JSON of such an end. */
export function readStreamEnd(bytes: Uint8Array): ConnectStreamEnd | null {
  const json = bytes.length > MAX_END_BYTES ? undefined : parseJson(bytes, MAX_ELEMENTS);
  if (!isObject(json)) return null;
  const trailers = new Metadata();
  if (json.metadata !== undefined && json.metadata !== null) {
    if (!isObject(json.metadata)) return null;
    for (const [name, values] of Object.entries(json.metadata)) {
      if (!Array.isArray(values)) return null;
      for (const value of values) {
        if (typeof value !== "string") return null;
        appendField(trailers, name.toLowerCase(), value);
      }
    }
  }
  const { error } = json;
  if (error === undefined || error === null) return { error: undefined, trailers };
  const read = readConnectError(error, Status.UNKNOWN);
  return read === undefined ? null : { error: read, trailers };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
