// Valid messages without some of their fields: those that implementations of protobuf treat differently.

import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { isDelimited, scalarOf, wireTypeOf } from "../../../src/protobuf/shape.ts";

/** A message, or an entry of a map. */
interface Type {
  readonly fields: ReadonlyMap<number, Field>;
  readonly isEntry: boolean;
}

interface Field {
  /** One, or two for lists of numbers, which may be packed. */
  readonly wireTypes: readonly WireType[];
  /** The type of the messages or entries in it; undefined for scalars. */
  readonly inside?: () => Type;
}

/** Whether a field of a type stays, given its number and its wire type in the message. */
type Keeps = (type: Type, number: number, wireType: WireType) => boolean;

/** Returns a message without the unknown fields of its map entries. Throws for malformed bytes. */
export function withoutUnknownsOfEntries(type: DescMessage, bytes: Uint8Array): Uint8Array {
  return filtered(
    type,
    bytes,
    ({ fields, isEntry }, number, wireType) =>
      !isEntry || fields.get(number)?.wireTypes.includes(wireType) === true,
  );
}

/** Returns a message without the fields that have another wire type than theirs. Throws for malformed bytes. */
export function withoutOtherWireTypes(type: DescMessage, bytes: Uint8Array): Uint8Array {
  return filtered(
    type,
    bytes,
    ({ fields }, number, wireType) => fields.get(number)?.wireTypes.includes(wireType) !== false,
  );
}

function filtered(type: DescMessage, bytes: Uint8Array, keeps: Keeps): Uint8Array {
  const writer = new BinaryWriter();
  copy(messageType(type), new BinaryReader(bytes), writer, keeps);
  return writer.finish();
}

function messageType(type: DescMessage): Type {
  return {
    fields: new Map(type.fields.map((field) => [field.number, fieldOf(field)])),
    isEntry: false,
  };
}

function fieldOf(field: DescField): Field {
  if (field.fieldKind === "map") {
    return { wireTypes: [WireType.LengthDelimited], inside: () => entryType(field) };
  }
  const value = valueOf(field);
  if (field.fieldKind !== "list" || value.inside) return value;
  return { wireTypes: [...value.wireTypes, WireType.LengthDelimited] };
}

function valueOf(field: DescField): Field {
  const { message } = field;
  if (!message) return { wireTypes: [wireTypeOf(scalarOf(field)!)] };
  return {
    wireTypes: [isDelimited(field) ? WireType.StartGroup : WireType.LengthDelimited],
    inside: () => messageType(message),
  };
}

function entryType(field: DescField & { fieldKind: "map" }): Type {
  const key: Field = { wireTypes: [wireTypeOf(field.mapKey)] };
  return { fields: new Map([[1, key], [2, valueOf(field)]]), isEntry: true };
}

/** Copies the fields that stay, up to the end of the input or of the group. */
function copy(type: Type, reader: BinaryReader, writer: BinaryWriter, keeps: Keeps): void {
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType === WireType.EndGroup) return;
    if (!keeps(type, number, wireType)) {
      reader.skip(wireType, number);
      continue;
    }
    writer.tag(number, wireType);
    const field = type.fields.get(number);
    if (field?.inside === undefined || !field.wireTypes.includes(wireType)) {
      writer.raw(reader.skip(wireType, number));
    } else if (wireType === WireType.StartGroup) {
      copy(field.inside(), reader, writer, keeps);
      writer.tag(number, WireType.EndGroup);
    } else {
      writer.fork();
      copy(field.inside(), new BinaryReader(reader.bytes()), writer, keeps);
      writer.join();
    }
  }
}
