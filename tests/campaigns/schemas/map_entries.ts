// Map entries with fields other than the key and the value: upb keeps such an entry among the unknown fields of its
// message, every other implementation here drops those fields.

import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { isDelimited, scalarOf, wireTypeOf } from "../../../src/protobuf/shape.ts";

/** Fields that are part of a message or entry: the wire type that belongs to each, and the message inside. */
type Known = ReadonlyMap<number, Part>;

interface Part {
  readonly wireType: WireType;
  /** Reads the fields of what is inside; undefined where there are none to read. */
  readonly inside?: () => Inside;
}

interface Inside {
  readonly known: Known;
  /** Whether fields that are not known are left out. */
  readonly isEntry: boolean;
}

/** Returns the bytes of a message without the unknown fields of its map entries; throws for malformed bytes. */
export function withoutUnknownsOfEntries(type: DescMessage, bytes: Uint8Array): Uint8Array {
  const writer = new BinaryWriter();
  copy(insideOf(type), new BinaryReader(bytes), writer);
  return writer.finish();
}

function insideOf(type: DescMessage): Inside {
  return {
    known: new Map(type.fields.map((field) => [field.number, partOf(field)])),
    isEntry: false,
  };
}

function partOf(field: DescField): Part {
  if (field.fieldKind === "map") {
    return { wireType: WireType.LengthDelimited, inside: () => entryOf(field) };
  }
  const { message } = field;
  const wireType = isDelimited(field) ? WireType.StartGroup : WireType.LengthDelimited;
  // Other fields are copied whatever their wire type is.
  return { wireType, inside: message && (() => insideOf(message)) };
}

function entryOf(field: DescField & { fieldKind: "map" }): Inside {
  const { message } = field;
  const value = message
    ? { wireType: WireType.LengthDelimited, inside: () => insideOf(message) }
    : { wireType: wireTypeOf(scalarOf(field)!) };
  return {
    known: new Map([[1, { wireType: wireTypeOf(field.mapKey) }], [2, value]]),
    isEntry: true,
  };
}

/** Copies the fields up to the end of the input, or of the group. */
function copy({ known, isEntry }: Inside, reader: BinaryReader, writer: BinaryWriter): void {
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType === WireType.EndGroup) return;
    const part = known.get(number);
    if (isEntry && part?.wireType !== wireType) {
      reader.skip(wireType, number);
      continue;
    }
    writer.tag(number, wireType);
    if (part?.inside === undefined || part.wireType !== wireType) {
      writer.raw(reader.skip(wireType, number));
    } else if (wireType === WireType.StartGroup) {
      copy(part.inside(), reader, writer);
      writer.tag(number, WireType.EndGroup);
    } else {
      writer.fork();
      copy(part.inside(), new BinaryReader(reader.bytes()), writer);
      writer.join();
    }
  }
}
