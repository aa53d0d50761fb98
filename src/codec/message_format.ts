/**
 * Formats of protobuf messages on the wire.
 *
 * @module
 */

import {
  createRegistry,
  type DescFile,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
  type Registry,
} from "@bufbuild/protobuf";
import type { Codec } from "./codec.ts";
import { MAX_JSON_ELEMENTS, withImports } from "./message_json.ts";
import { protobufJsonCodec } from "./proto_json.ts";
import { protobufCodec } from "./protobuf.ts";

/** Format of protobuf messages: binary, or ProtoJSON. */
export type MessageFormat = "proto" | "json";

/**
 * Returns the codec of a message type in a format. JSON may have fields that the type does not know, which are ignored,
 * and an Any may hold each type of the descriptor's file and of the files that it imports.
 */
export function messageCodec<D extends DescMessage>(
  descriptor: D,
  format: MessageFormat,
): Codec<MessageShape<D>, MessageInitShape<D>> {
  if (format === "proto") return protobufCodec(descriptor);
  const registry = registryOf(descriptor.file);
  return protobufJsonCodec(descriptor, {
    registry,
    ignoreUnknownFields: true,
    maxElements: MAX_JSON_ELEMENTS,
  });
}

const registries = new WeakMap<DescFile, Registry>();

/** Registry of a file's types and those of all files that it imports, directly or not. */
function registryOf(file: DescFile): Registry {
  let registry = registries.get(file);
  if (registry === undefined) {
    registry = createRegistry(...withImports([file]));
    registries.set(file, registry);
  }
  return registry;
}
