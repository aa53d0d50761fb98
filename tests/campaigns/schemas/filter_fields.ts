// Valid messages without what implementations of protobuf treat differently: some fields, and text that is not UTF-8.

import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { isDelimited, scalarOf, wireTypeOf } from "../../../src/protobuf/shape.ts";

const utf8 = new TextEncoder();
const lossy = new TextDecoder("utf-8", { ignoreBOM: true });

/** A message, or an entry of a map. */
interface Type {
  readonly fields: ReadonlyMap<number, Field>;
  readonly isEntry: boolean;
}

interface Field {
  /** One, or two for lists of numbers, which may be packed. */
  readonly wireTypes: readonly WireType[];
  readonly isText?: boolean;
  /** The type of the messages or entries in it; undefined for scalars. */
  readonly inside?: () => Type;
}

/** What becomes of the parts of a message. */
interface Filter {
  /** Whether a field of a type stays, given its number and its wire type in the message; all do without it. */
  readonly keeps?: (type: Type, number: number, wireType: WireType) => boolean;
  /** Returns what takes the place of a text, which stays the same without it. */
  readonly text?: (bytes: Uint8Array) => Uint8Array;
  /** Returns what takes the place of one varint or more, of the same length; they stay the same without it. */
  readonly varints?: (bytes: Uint8Array) => Uint8Array;
}

/** Returns a message without the unknown fields of its map entries. Throws for malformed bytes. */
export function withoutUnknownsOfEntries(type: DescMessage, bytes: Uint8Array): Uint8Array {
  return filtered(type, bytes, {
    keeps: ({ fields, isEntry }, number, wireType) =>
      !isEntry || fields.get(number)?.wireTypes.includes(wireType) === true,
  });
}

/** Returns a message without the fields that have another wire type than theirs. Throws for malformed bytes. */
export function withoutOtherWireTypes(type: DescMessage, bytes: Uint8Array): Uint8Array {
  return filtered(type, bytes, {
    keeps: ({ fields }, number, wireType) =>
      fields.get(number)?.wireTypes.includes(wireType) !== false,
  });
}

/** Returns a message with U+FFFD for what is not UTF-8 in its texts. Throws for malformed bytes. */
export function withRepairedTexts(type: DescMessage, bytes: Uint8Array): Uint8Array {
  return filtered(type, bytes, { text: (text) => utf8.encode(lossy.decode(text)) });
}

/** Returns a message whose varints have at most 64 bits: none of the excess ones. Throws for malformed bytes. */
export function withoutExcessBits(type: DescMessage, bytes: Uint8Array): Uint8Array {
  return filtered(type, bytes, { varints: without65thBits });
}

/** Sets the bits of varints above the 64th to zero: those of the tenth byte but its lowest. */
function without65thBits(varints: Uint8Array): Uint8Array {
  const bytes = varints.slice();
  let high = 0;
  for (const [i, byte] of bytes.entries()) {
    if (byte > 0x7f) high++;
    else {
      if (high === 9) bytes[i] = byte & 1;
      high = 0;
    }
  }
  return bytes;
}

function filtered(type: DescMessage, bytes: Uint8Array, filter: Filter): Uint8Array {
  const writer = new BinaryWriter();
  copy(messageType(type), new BinaryReader(bytes), writer, filter);
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
  // Texts have this wire type already.
  return { ...value, wireTypes: [...value.wireTypes, WireType.LengthDelimited] };
}

function valueOf(field: DescField): Field {
  const { message } = field;
  if (!message) return scalarField(scalarOf(field)!);
  return {
    wireTypes: [isDelimited(field) ? WireType.StartGroup : WireType.LengthDelimited],
    inside: () => messageType(message),
  };
}

function scalarField(scalar: ScalarType): Field {
  return { wireTypes: [wireTypeOf(scalar)], isText: scalar === ScalarType.STRING };
}

function entryType(field: DescField & { fieldKind: "map" }): Type {
  return {
    fields: new Map([[1, scalarField(field.mapKey)], [2, valueOf(field)]]),
    isEntry: true,
  };
}

/** Copies the fields that stay, up to the end of the input or of the group. */
function copy(type: Type, reader: BinaryReader, writer: BinaryWriter, filter: Filter): void {
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType === WireType.EndGroup) return;
    if (filter.keeps?.(type, number, wireType) === false) {
      reader.skip(wireType, number);
      continue;
    }
    writer.tag(number, wireType);
    const field = type.fields.get(number);
    if (wireType === WireType.Varint) {
      const varint = reader.skip(wireType, number);
      writer.raw(filter.varints?.(varint) ?? varint);
    } else if (!field?.wireTypes.includes(wireType)) writer.raw(reader.skip(wireType, number));
    else if (filter.varints && field.wireTypes[0] === WireType.Varint) {
      writer.bytes(filter.varints(reader.bytes()));
    } else if (field.isText && filter.text) writer.bytes(filter.text(reader.bytes()));
    else if (field.inside === undefined) writer.raw(reader.skip(wireType, number));
    else if (wireType === WireType.StartGroup) {
      copy(field.inside(), reader, writer, filter);
      writer.tag(number, WireType.EndGroup);
    } else {
      writer.fork();
      copy(field.inside(), new BinaryReader(reader.bytes()), writer, filter);
      writer.join();
    }
  }
}
