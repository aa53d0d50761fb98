/**
 * Streams of requests: JSON values of a body, or a body of any media type in parts (google.api.HttpBody).
 *
 * @module
 */

import { protobufJsonCodec } from "../../codec/proto_json.ts";
import { encodeRequest, type GatewayMethod } from "../gateway_method.ts";
import { type BodyPool, decodeBody, isJson, isJsonLines, wrongType } from "../request_body.ts";
import type { QueryPair } from "../transcoding/percent_decoding.ts";
import { laterMessage, requestMessage } from "../transcoding/request_message.ts";
import type { TemplateMatch } from "../transcoding/template_table.ts";
import { JsonValues } from "./json_values.ts";
import { RawParts } from "./raw_parts.ts";
import { type BodyCutter, messageName, StreamedRequests } from "./streamed_requests.ts";

/** Bounds of the messages of a body. */
export interface MessageLimits {
  /** Largest message, in bytes. */
  readonly maxBodyBytes: number;
  /** Limit on the elements of the JSON of one message. */
  readonly maxJsonElements: number;
  /** Pool that the bytes of unfinished messages are charged to. */
  readonly pool: BodyPool;
}

/** Returns the requests of a method that is called by its name. Throws BadRequest (415) for another type than JSON. */
export function directRequests(
  request: Request,
  method: GatewayMethod,
  { maxBodyBytes: maxBytes, maxJsonElements: maxElements, pool }: MessageLimits,
): StreamedRequests {
  const { desc: { input }, registry } = method;
  const codec = protobufJsonCodec(input, { registry, maxElements });
  const cutter = jsonCutter(request);
  const encode = (value: Uint8Array, index: number) =>
    encodeRequest(method, decodeBody(value, codec, messageName(index)));
  return new StreamedRequests({ body: request.body, cutter, encode, maxBytes, pool });
}

/**
 * Returns the requests of a method with an annotation: path and query are parts of the first. A rule without a body has
 * one request. Throws BadRequest (415) for another type than JSON, unless the body is a google.api.HttpBody.
 */
export function boundRequests(
  request: Request,
  { binding, values }: TemplateMatch,
  query: readonly QueryPair[],
  { maxBodyBytes: maxBytes, maxJsonElements: maxElements, pool }: MessageLimits,
): StreamedRequests {
  const { method, body: field, rawBody } = binding;
  const isJsonBody = field !== undefined && rawBody === undefined;
  const type = request.headers.get("content-type") ?? "";
  const encode = (data: Uint8Array, index: number) => {
    // google/api/httpbody.proto: the media type is in the first of several.
    const body = { contentType: index === 0 ? type : "", data };
    const parts = { values, query, body, maxElements, bodyName: messageName(index) };
    const message = index === 0 ? requestMessage(binding, parts) : laterMessage(binding, parts);
    return encodeRequest(method, message);
  };
  const body = field === undefined ? null : request.body;
  const cutter = isJsonBody ? jsonCutter(request) : new RawParts();
  return new StreamedRequests({ body, cutter, encode, maxBytes, pool });
}

function jsonCutter(request: Request): BodyCutter {
  const type = request.headers.get("content-type");
  if (isJsonLines(type)) return new JsonValues("lines");
  if (request.body === null || isJson(type)) return new JsonValues("values");
  throw wrongType(type, "application/json, application/x-ndjson or application/jsonl");
}
