/**
 * Messages of the Connect conformance suite. `deno task conformance` compiles the `.proto` files of the suite to a
 * descriptor set, whose path is in `VRPC_CONFORMANCE_PROTOS`. The interfaces below are the fields in use.
 *
 * @module
 */

import type { Encoding } from "../../../mod.ts";
import {
  create,
  createFileRegistry,
  type DescMessage,
  type DescService,
  fromBinary,
  type Message,
  toBinary,
} from "@bufbuild/protobuf";
import { type Any, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

const PACKAGE = "connectrpc.conformance.v1";

const path = Deno.env.get("VRPC_CONFORMANCE_PROTOS");
if (path === undefined) {
  console.error("VRPC_CONFORMANCE_PROTOS is not set: run this program by `deno task conformance`");
  Deno.exit(2);
}
const registry = createFileRegistry(
  fromBinary(FileDescriptorSetSchema, await Deno.readFile(path)),
);

/** Returns the descriptor of a message. */
export function messageOf(name: string): DescMessage {
  const found = registry.getMessage(`${PACKAGE}.${name}`);
  if (!found) throw new TypeError(`Cannot find message ${name} in ${path}`);
  return found;
}

/** Service that servers implement and clients call. */
export const ConformanceService: DescService = (() => {
  const found = registry.getService(`${PACKAGE}.ConformanceService`);
  if (!found) throw new TypeError(`Cannot find ConformanceService in ${path}`);
  return found;
})();

/** Decodes a message. */
export function decode<T>(name: string, bytes: Uint8Array): T {
  return fromBinary(messageOf(name), bytes) as unknown as T;
}

/** Encodes a message. */
export function encode<T>(name: string, init: Init<T>): Uint8Array {
  const schema = messageOf(name);
  return toBinary(schema, create(schema, init as never));
}

/** Packs a message in a google.protobuf.Any. */
export function pack(name: string, message: object): Omit<Any, keyof Message> {
  return {
    typeUrl: `type.googleapis.com/${PACKAGE}.${name}`,
    value: encode(name, message),
  };
}

/** Init shape of a message: nested messages may be plain objects, and fields may be absent. */
export type Init<T> = T extends Uint8Array ? T
  : T extends (infer Item)[] ? Init<Item>[]
  : T extends object ? { [Key in keyof T]?: Init<T[Key]> }
  : T;

/** Key and its values. */
export interface Header {
  name: string;
  value: string[];
}

/** A google.protobuf.Any. */
export interface Packed {
  typeUrl: string;
  value: Uint8Array;
}

/** Status other than OK. */
export interface ErrorMessage {
  code: number;
  message?: string;
  details: Packed[];
}

/** Requested reply of a unary or client-streaming call. */
export interface UnaryDefinition {
  responseHeaders: Header[];
  response:
    | { case: "responseData"; value: Uint8Array }
    | { case: "error"; value: ErrorMessage }
    | { case: undefined; value?: undefined };
  responseTrailers: Header[];
  responseDelayMs: number;
}

/** Requested replies of a server-streaming or bidirectional call. */
export interface StreamDefinition {
  responseHeaders: Header[];
  responseData: Uint8Array[];
  responseDelayMs: number;
  error?: ErrorMessage;
  responseTrailers: Header[];
}

/** Request of a unary or client-streaming call. */
export interface UnaryRequest {
  responseDefinition?: UnaryDefinition;
}

/** Request of a server-streaming or bidirectional call. */
export interface StreamRequest {
  responseDefinition?: StreamDefinition;
  fullDuplex?: boolean;
}

/** Payload of every response. */
export interface Payload {
  data: Uint8Array;
  requestInfo?: { requestHeaders: Header[]; timeoutMs?: bigint; requests: Packed[] };
}

/** Certificate and key as PEM. */
export interface Credentials {
  cert: Uint8Array;
  key: Uint8Array;
}

/** Input of the server program. */
export interface ServerCompatRequest {
  useTls: boolean;
  clientTlsCert: Uint8Array;
  messageReceiveLimit: number;
  serverCreds?: Credentials;
}

/** Output of the server program. */
export interface ServerCompatResponse {
  host: string;
  port: number;
  pemCert: Uint8Array;
}

/** Call requested from the client program. */
export interface ClientCompatRequest {
  testName: string;
  httpVersion: number;
  protocol: number;
  codec: number;
  compression: number;
  useGetHttpMethod: boolean;
  host: string;
  port: number;
  serverTlsCert: Uint8Array;
  clientTlsCreds?: Credentials;
  messageReceiveLimit: number;
  service?: string;
  method?: string;
  streamType: number;
  requestHeaders: Header[];
  requestMessages: Packed[];
  timeoutMs?: number;
  requestDelayMs: number;
  cancel?: {
    cancelTiming:
      | { case: "beforeCloseSend"; value: unknown }
      | { case: "afterCloseSendMs"; value: number }
      | { case: "afterNumResponses"; value: number }
      | { case: undefined; value?: undefined };
  };
}

/** Result of a call. */
export interface ClientResult {
  responseHeaders: Header[];
  payloads: Payload[];
  error?: ErrorMessage;
  responseTrailers: Header[];
  numUnsentRequests: number;
}

/** Output of the client program for one call. */
export interface ClientCompatResponse {
  testName: string;
  result:
    | { case: "response"; value: ClientResult }
    | { case: "error"; value: { message: string } };
}

/** HTTPVersion.HTTP_VERSION_1 of the suite. */
export const HTTP_VERSION_1 = 1;
/** Wires by the number of the suite's Protocol. */
export const WIRES = [undefined, "connect", "grpc", "grpc-web"] as const;
/** Codec.CODEC_JSON of the suite. */
export const CODEC_JSON = 2;
/** Compressions by the suite's numbers; undefined for none. */
export const COMPRESSIONS: readonly (Encoding | undefined)[] = [
  ...[undefined, undefined],
  ...["gzip", "br", "zstd", "deflate", "snappy"] as const,
];
/** StreamType.STREAM_TYPE_FULL_DUPLEX_BIDI_STREAM of the suite. */
export const STREAM_TYPE_FULL_DUPLEX = 5;
