/**
 * Finds methods by name and encodes their requests from JSON.
 *
 * @module
 */

import {
  create,
  createFileRegistry,
  type DescField,
  type DescMessage,
  type DescMethod,
  type FileRegistry,
  fromBinary,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { type ExactJson, fromExactJson, parseExactJson } from "../../codec/proto_json.ts";
import type { MethodKind } from "../../call/method.ts";
import { clientStreams } from "../../call/method.ts";
import { didYouMean } from "../../rpc/dispatch/name_suggestion.ts";

const KINDS: Record<DescMethod["methodKind"], MethodKind> = {
  unary: "unary",
  client_streaming: "client_streaming",
  server_streaming: "server_streaming",
  bidi_streaming: "bidi_streaming",
};

/** Method and its types. */
export interface FoundMethod {
  /** Path with the leading slash. */
  readonly path: string;
  /** Kind of the method. */
  readonly kind: MethodKind;
  /** Type of requests. */
  readonly input: DescMessage;
  /** All known types, for `google.protobuf.Any` in JSON. */
  readonly registry: FileRegistry;
}

/** Decodes a `google.protobuf.FileDescriptorSet`. Throws TypeError when it is invalid or incomplete. */
export function registryOfSet(bytes: Uint8Array): FileRegistry {
  try {
    return createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TypeError(`not a complete descriptor set: ${reason}`, { cause: error });
  }
}

/** Splits `package.Service/Method` or `package.Service.Method` into service and method. */
export function splitMethod(name: string): { service: string; method: string } {
  const bare = name.replace(/^\//, "");
  const at = bare.includes("/") ? bare.lastIndexOf("/") : bare.lastIndexOf(".");
  if (at <= 0 || at === bare.length - 1) {
    throw new TypeError(`Cannot read method "${name}": use the form package.Service/Method`);
  }
  return { service: bare.slice(0, at), method: bare.slice(at + 1) };
}

/** Finds a method by name. Throws TypeError with the nearest name when there is none. */
export function findMethod(registry: FileRegistry, name: string): FoundMethod {
  const wanted = splitMethod(name);
  const service = registry.getService(wanted.service);
  if (!service) {
    const known = [...registry].filter((desc) => desc.kind === "service").map((s) => s.typeName);
    throw new TypeError(unknownService(wanted.service, known));
  }
  const method = service.methods.find((one) => one.name === wanted.method);
  if (!method) {
    const known = service.methods.map((one) => one.name);
    throw new TypeError(
      `Unknown method "${wanted.method}" of ${service.typeName}` +
        (didYouMean(wanted.method, known) || `: it has ${known.join(", ")}`),
    );
  }
  return {
    path: `/${service.typeName}/${method.name}`,
    kind: KINDS[method.methodKind],
    input: method.input,
    registry,
  };
}

/** Error text for a service that does not exist. */
export function unknownService(name: string, known: readonly string[]): string {
  return `Unknown service "${name}"` +
    (didYouMean(name, known) || (known.length === 0 ? "" : `: there are ${known.join(", ")}`));
}

/**
 * Encodes requests from JSON text: an object, or an array of objects for methods with a stream of requests.
 * Throws TypeError when the JSON does not match the request type.
 */
export function encodeRequests(method: FoundMethod, json: string): Uint8Array<ArrayBuffer>[] {
  const { input, registry } = method;
  let parsed: ExactJson;
  try {
    parsed = parseExactJson(json);
  } catch (error) {
    throw new TypeError(`not valid JSON: ${(error as Error).message}`, { cause: error });
  }
  const { value, marked } = parsed;
  const stream = clientStreams(method.kind) && Array.isArray(value);
  return (stream ? value as unknown[] : [value]).map((one) => {
    try {
      return toBinary(input, fromExactJson({ value: one, marked }, input, registry));
    } catch (error) {
      throw new TypeError(`not a valid ${input.typeName} message: ${(error as Error).message}`, {
        cause: error,
      });
    }
  });
}

/**
 * Encodes a request with `payload` in its first field of type bytes or string. Throws TypeError when the
 * type has no such field.
 */
export function requestWithPayload(method: FoundMethod, payload: Uint8Array): Uint8Array {
  const { input } = method;
  const field = input.fields.find((one) => isScalar(one, ScalarType.BYTES)) ??
    input.fields.find((one) => isScalar(one, ScalarType.STRING));
  if (!field) {
    throw new TypeError(`${input.typeName} has no field of type bytes or string for a payload`);
  }
  const bytes = isScalar(field, ScalarType.BYTES);
  const value = bytes ? payload : Array.from(payload, (byte) => byte & 63).map(letter).join("");
  return toBinary(input, create(input, { [field.localName]: value }));
}

function isScalar(field: DescField, type: ScalarType): boolean {
  return field.fieldKind === "scalar" && field.scalar === type;
}

function letter(index: number): string {
  return "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[index];
}
