/**
 * Protobuf messages as ProtoJSON in UTF-8, for wires that carry either format.
 *
 * @module
 */

import {
  createRegistry,
  type DescFile,
  type DescMessage,
  type DescService,
  type Registry,
} from "@bufbuild/protobuf";
import { Status } from "../call/status.ts";
import { RpcError, textOf } from "../errors.ts";
import type { Codec } from "./codec.ts";
import { type JsonMessageCodec, protobufJsonCodec } from "./proto_json.ts";

/** Returns the types that messages may have in fields of type Any. */
export type JsonTypes = () => Registry;

/**
 * Largest number of objects, lists and members in the JSON of a message, by default: they take longer to parse than
 * their length suggests.
 */
export const MAX_JSON_ELEMENTS = 65_536;
const NO_TYPES = createRegistry();

/** No types. */
export const NO_JSON_TYPES: JsonTypes = () => NO_TYPES;

/** Collects the types of services and of all files that theirs import, once they are first asked for. */
export function jsonTypes(services: () => readonly DescService[]): JsonTypes {
  let types: Registry | undefined;
  let count = -1;
  return () => {
    const all = services();
    if (types === undefined || all.length !== count) {
      count = all.length;
      types = createRegistry(...withImports(all.map(({ file }) => file)));
    }
    return types;
  };
}

/** Returns the files and all files that they import, directly or not. */
export function withImports(files: readonly DescFile[]): Set<DescFile> {
  const all = new Set<DescFile>();
  const add = (file: DescFile) => {
    if (all.has(file)) return;
    all.add(file);
    file.dependencies.forEach(add);
  };
  files.forEach(add);
  return all;
}

/**
 * Returns a codec of ProtoJSON. `encode` takes messages and their init shape. `decode` ignores unknown fields, as Connect
 * does; it throws an RpcError with INVALID_ARGUMENT for text that is not a message of the type.
 */
export function jsonCodecOf(type: DescMessage, types: JsonTypes): Codec<unknown> {
  let compiled: JsonMessageCodec | undefined;
  let registry: Registry | undefined;
  const codec = (): JsonMessageCodec => {
    const current = types();
    if (compiled !== undefined && registry === current) return compiled;
    registry = current;
    const options = { registry, ignoreUnknownFields: true, maxElements: MAX_JSON_ELEMENTS };
    return compiled = protobufJsonCodec(type, options);
  };
  return Object.freeze({
    name: "json",
    descriptor: type,
    encode: (message: unknown) => codec().encode(message as never),
    decode(bytes: Uint8Array) {
      try {
        return codec().decode(bytes);
      } catch (cause) {
        const text = `The request is not a valid ${type.typeName} in JSON: ${textOf(cause)}`;
        throw new RpcError(Status.INVALID_ARGUMENT, text, { cause });
      }
    },
  });
}
