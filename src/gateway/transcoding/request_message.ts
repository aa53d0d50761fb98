/**
 * Messages out of the path, the query and the body of a request (google/api/http.proto, "Rules for HTTP mapping").
 *
 * @module
 */

import { create, type DescField, type Message, type Registry } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { Status } from "../../call/status.ts";
import { protobufJsonCodec } from "../../codec/proto_json.ts";
import { RpcError, textOf } from "../../errors.ts";
import { BadRequest, decodeBody } from "../request_body.ts";
import type { HttpBinding } from "./binding.ts";
import {
  type FieldPath,
  isSameValue,
  overlaps,
  resolveFieldPath,
  valueAt,
  withParent,
} from "./field_path.ts";
import { hasText, setFromText } from "./field_text.ts";
import { httpBodyMessage, type HttpBodyParts } from "./http_body.ts";
import type { QueryPair } from "./percent_decoding.ts";

/** Parts of a request. */
export interface RequestParts {
  /** Values of the path's variables, in the order of the binding. */
  readonly values: readonly string[];
  /** Parameters of the query. */
  readonly query: readonly QueryPair[];
  /** Body with its media type; empty when the binding has none. */
  readonly body: HttpBodyParts;
  /** Limit on the elements of the JSON in the body. */
  readonly maxElements: number;
  /** What errors call the body; default `The body`. */
  readonly bodyName?: string;
}

/**
 * Builds the message of a request. What the path says replaces what the body says. Throws BadRequest: 400 for values that
 * don't fit, unknown parameters, and parameters that name what the path or the body already is; 413 for JSON beyond
 * `maxElements`.
 */
export function requestMessage(binding: HttpBinding, parts: RequestParts): Message {
  const message = bodyMessage(binding, parts);
  const { desc } = binding.method;
  binding.variables.forEach((path, i) => {
    const name = binding.template.variables[i].fieldPath.join(".");
    setPath(message, desc.input, path, [parts.values[i]], `the path's ${name}`);
  });
  for (const { name, path, texts } of parametersOf(binding, parts.query)) {
    setPath(message, desc.input, path, texts, parameterName(name));
  }
  return message;
}

/**
 * Builds a message of a stream after the first, which is all that the path and the query are part of. Throws BadRequest:
 * 400 for a body that does not fit, or has another value for what the path says; 413 for JSON beyond `maxElements`.
 */
export function laterMessage(
  binding: HttpBinding,
  parts: Omit<RequestParts, "query">,
): Message {
  const message = bodyMessage(binding, parts);
  const { input } = binding.method.desc;
  binding.variables.forEach((path, i) => {
    const value = valueAt(message, input, path);
    if (value === undefined) return;
    const only = create(input);
    setPath(only, input, path, [parts.values[i]], "the path");
    if (isSameValue(value, valueAt(only, input, path))) return;
    const name = binding.template.variables[i].fieldPath.join(".");
    throw refused(`${parts.bodyName ?? "the body"}`, `its ${name} is not that of the path`);
  });
  return message;
}

function bodyMessage(
  binding: HttpBinding,
  { body, maxElements, bodyName }: Omit<RequestParts, "query" | "values">,
): Message {
  const { method: { desc: { input }, registry }, body: field, rawBody } = binding;
  if (field === undefined) return create(input);
  const raw = rawBody && httpBodyMessage(rawBody, body);
  const options = { registry, maxElements };
  if (field === "*") {
    return raw ?? decodeBody(body.data, protobufJsonCodec(input, options), bodyName);
  }
  if (raw === undefined && isAbsent(field, body.data)) return create(input);
  if (field.fieldKind === "message") {
    const type = field.message;
    const value = raw ?? decodeBody(body.data, protobufJsonCodec(type, options), bodyName);
    const message = create(input);
    reflect(input, message as never).set(field, reflect(type, value as never));
    return message;
  }
  // As one value, so that the body can't set other fields of the message around it.
  decodeBody(body.data, protobufJsonCodec(ValueSchema, { maxElements }), bodyName);
  const whole = wrapped(field.jsonName, body.data);
  return decodeBody(whole, protobufJsonCodec(input, wider(options)), bodyName);
}

// ProtoJSON: null is a field that is not set, unless null is a value of its type.
function isAbsent(field: DescField, body: Uint8Array): boolean {
  if (body.every((byte) => byte <= 0x20)) return true;
  const isNull = body.length < 100 && new TextDecoder().decode(body).trim() === "null";
  return isNull && field.message?.typeName !== "google.protobuf.Value";
}

// The object around the body counts as two elements.
function wider(options: { registry: Registry; maxElements: number }): typeof options {
  return { ...options, maxElements: options.maxElements + 2 };
}

function wrapped(name: string, value: Uint8Array): Uint8Array {
  const head = new TextEncoder().encode(`{${JSON.stringify(name)}:`);
  const all = new Uint8Array(head.length + value.length + 1);
  all.set(head);
  all.set(value, head.length);
  all[all.length - 1] = 0x7d;
  return all;
}

interface Parameter {
  readonly name: string;
  readonly path: FieldPath;
  readonly texts: string[];
}

/** Returns the parameters of a query by field: a repeated field may have several. */
function parametersOf(binding: HttpBinding, query: readonly QueryPair[]): Iterable<Parameter> {
  const all = new Map<string, Parameter>();
  for (const [name, text] of query) {
    const path = parameterPath(binding, name);
    const key = path.map(({ number }) => number).join(".");
    const known = all.get(key);
    if (known === undefined) all.set(key, { name, path, texts: [text] });
    else known.texts.push(text);
  }
  return all.values();
}

function parameterPath(binding: HttpBinding, name: string): FieldPath {
  const { method: { desc }, variables, body } = binding;
  if (body === "*") {
    throw refused(parameterName(name), "all fields outside the path are in the body");
  }
  let path: FieldPath;
  try {
    path = resolveFieldPath(desc.input, name.split("."));
  } catch (error) {
    throw refused(parameterName(name), textOf(error));
  }
  if (variables.some((other) => overlaps(path, other) && other.length <= path.length)) {
    throw refused(parameterName(name), "the path has this field");
  }
  if (body !== undefined && path[0] === body) {
    throw refused(parameterName(name), "the body has this field");
  }
  if (!hasText(path[path.length - 1])) {
    const { fieldKind } = path[path.length - 1];
    const why = fieldKind === "message" ? "name a field of this message" : "not a value";
    throw refused(parameterName(name), why);
  }
  return path;
}

function setPath(
  message: Message,
  type: HttpBinding["method"]["desc"]["input"],
  path: FieldPath,
  texts: readonly string[],
  what: string,
): void {
  try {
    withParent(message, type, path, (parent) => setFromText(parent, path[path.length - 1], texts));
  } catch (error) {
    throw refused(what, textOf(error));
  }
}

function parameterName(name: string): string {
  return `the query parameter ${JSON.stringify(name.slice(0, 100))}`;
}

function refused(what: string, why: string): BadRequest {
  return new BadRequest(400, new RpcError(Status.INVALID_ARGUMENT, `Cannot use ${what}: ${why}`));
}
