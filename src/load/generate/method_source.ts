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
import { jsonItems, protobufJsonCodec } from "../../codec/proto_json.ts";
import type { MethodKind } from "../../call/method.ts";
import { clientStreams } from "../../call/method.ts";
import { textOf } from "../../errors.ts";
import { didYouMean } from "../../rpc/dispatch/name_suggestion.ts";
import { Comments } from "../../schema/comments.ts";
import { type Types, typesOfSet } from "../../schema/types.ts";

/** Kinds by their names in descriptors. */
export const KINDS: Record<DescMethod["methodKind"], MethodKind> = {
  unary: "unary",
  client_streaming: "client_streaming",
  server_streaming: "server_streaming",
  bidi_streaming: "bidi_streaming",
};

export type { Types };

/** Method and its types. */
export interface FoundMethod {
  /** Path with the leading slash. */
  readonly path: string;
  /** Kind of the method. */
  readonly kind: MethodKind;
  /** Type of requests. */
  readonly input: DescMessage;
  /** Type of replies. */
  readonly output: DescMessage;
  /** All known types, for `google.protobuf.Any` in JSON. */
  readonly registry: FileRegistry;
}

/**
 * Bounds on a descriptor set. They are wide, because the user chose the file, and a set that `buf build` makes of a large
 * repository includes the comments of its sources.
 */
const SET_LIMITS = { maxBytes: 256 * 1024 * 1024, maxElements: 2_000_000 };

/** Types with the comments of their declarations, by full name. */
export interface CommentedTypes extends Types {
  readonly comments: { get(name: string): string | undefined };
}

/**
 * Decodes a `google.protobuf.FileDescriptorSet`. Throws TypeError when it is invalid or too large. A missing type is no
 * error here: the methods that use it are listed in `faults`.
 */
export function typesOfFile(bytes: Uint8Array): CommentedTypes {
  const comments = new Comments();
  try {
    return { ...typesOfSet(bytes, SET_LIMITS, comments), comments };
  } catch (error) {
    throw new TypeError(`not a descriptor set: ${textOf(error)}`, { cause: error });
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

/**
 * Finds a method by name. Throws TypeError with the nearest name when there is none, or with what is missing when its
 * types are not known fully.
 */
export function findMethod({ registry, faults }: Types, name: string): FoundMethod {
  const wanted = splitMethod(name);
  const path = `/${wanted.service}/${wanted.method}`;
  const fault = faults.get(path) ?? faults.get(wanted.service);
  if (fault !== undefined) throw new TypeError(`Cannot call ${path}: ${fault}`);
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
        (didYouMean(wanted.method, known) || `: it has ${someOf(known)}`),
    );
  }
  return {
    path,
    kind: KINDS[method.methodKind],
    input: method.input,
    output: method.output,
    registry,
  };
}

/** Error text for a service that does not exist. */
export function unknownService(name: string, known: readonly string[]): string {
  return `Unknown service "${name}"` +
    (didYouMean(name, known) || (known.length === 0 ? "" : `: there are ${someOf(known)}`));
}

/** Lists the first names: a server may have any number of them. */
function someOf(names: readonly string[]): string {
  return names.slice(0, 20).join(", ") + (names.length > 20 ? ", …" : "");
}

/**
 * Encodes requests from JSON text: an object, or an array of objects for methods with a stream of requests.
 * Throws TypeError when the JSON does not match the request type.
 */
export function encodeRequests(method: FoundMethod, json: string): Uint8Array<ArrayBuffer>[] {
  return requestEncoder(method)(json);
}

/** Returns a function that does the same as {@link encodeRequests} for one method. */
export function requestEncoder(
  { input, registry, kind }: FoundMethod,
): (json: string) => Uint8Array<ArrayBuffer>[] {
  const codec = protobufJsonCodec(input, { registry });
  const encoder = new TextEncoder();
  const encode = (item: Uint8Array) => {
    try {
      return toBinary(input, codec.decode(item));
    } catch (error) {
      const problem = error instanceof SyntaxError
        ? "valid JSON"
        : `a valid ${input.typeName} message`;
      throw new TypeError(`not ${problem}: ${(error as Error).message}`, { cause: error });
    }
  };
  return (json) => {
    const bytes = encoder.encode(json);
    return clientStreams(kind) ? itemsOf(bytes).map(encode) : [encode(bytes)];
  };
}

function itemsOf(json: Uint8Array): Uint8Array[] {
  try {
    return jsonItems(json);
  } catch (error) {
    throw new TypeError(`not valid JSON: ${(error as Error).message}`, { cause: error });
  }
}

/** Encodes the types of a method, so that another thread can find it: see {@link methodFromSet}. */
export function setOfMethod({ registry }: FoundMethod): Uint8Array<ArrayBuffer> {
  return setOfTypes({ registry });
}

/** Encodes all types as a `google.protobuf.FileDescriptorSet`. */
export function setOfTypes({ registry }: Pick<Types, "registry">): Uint8Array<ArrayBuffer> {
  const file = [...registry.files].map(({ proto }) => proto);
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file }));
}

/** Finds a method in what {@link setOfMethod} returned. */
export function methodFromSet(set: Uint8Array, path: string): FoundMethod {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, set));
  return findMethod({ registry, faults: new Map() }, path);
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
