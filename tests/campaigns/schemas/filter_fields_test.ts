import assert from "node:assert/strict";
import { AnySchema, SourceCodeInfoSchema, StructSchema } from "@bufbuild/protobuf/wkt";
import {
  withoutExcessBits,
  withoutOtherWireTypes,
  withoutUnknownsOfEntries,
  withRepairedTexts,
} from "./filter_fields.ts";

/** Struct.fields: { "a": null }, with more fields in the entry. */
function struct(more: string): Uint8Array {
  const entry = `0a0161${more}12020800`;
  return Uint8Array.fromHex(`0a${(entry.length / 2).toString(16).padStart(2, "0")}${entry}`);
}

Deno.test("unknown fields of map entries are left out, at each depth", () => {
  assert.deepEqual(withoutUnknownsOfEntries(StructSchema, struct("1801")), struct(""));
  // Numbers of the key and the value, with other wire types.
  assert.deepEqual(withoutUnknownsOfEntries(StructSchema, struct("08011001")), struct(""));
  const outer = (inner: Uint8Array) => {
    const value = `2a${inner.length.toString(16).padStart(2, "0")}${inner.toHex()}`;
    const entry = `0a016212${(value.length / 2).toString(16).padStart(2, "0")}${value}`;
    return Uint8Array.fromHex(`0a${(entry.length / 2).toString(16).padStart(2, "0")}${entry}`);
  };
  assert.deepEqual(
    withoutUnknownsOfEntries(StructSchema, outer(struct("1801"))),
    outer(struct("")),
  );
});

Deno.test("other unknown fields stay", () => {
  const bytes = Uint8Array.fromHex("180123082a24120101");
  assert.deepEqual(withoutUnknownsOfEntries(StructSchema, bytes), bytes);
  assert.deepEqual(withoutUnknownsOfEntries(AnySchema, bytes), bytes);
});

Deno.test("fields with another wire type than theirs are left out, in messages and in entries", () => {
  // type_url as a varint; value as a group.
  const other = Uint8Array.fromHex("08011314");
  assert.deepEqual(withoutOtherWireTypes(AnySchema, other), new Uint8Array());
  // The same numbers with their own wire type, and an unknown field.
  const bytes = Uint8Array.fromHex("0a01611201621801");
  assert.deepEqual(withoutOtherWireTypes(AnySchema, bytes), bytes);
  assert.deepEqual(withoutOtherWireTypes(StructSchema, struct("08011801")), struct("1801"));
  // Lists of numbers have two encodings (Encoding, "Packed Repeated Fields").
  const path = Uint8Array.fromHex("0a0201020803");
  const { message } = SourceCodeInfoSchema.field.location;
  assert.deepEqual(withoutOtherWireTypes(message!, path), path);
});

Deno.test("texts that are not UTF-8 are repaired; bytes are none", () => {
  const any = Uint8Array.fromHex("0a0261ff120161");
  assert.deepEqual(withRepairedTexts(AnySchema, any), Uint8Array.fromHex("0a0461efbfbd120161"));
  const bytes = Uint8Array.fromHex("0a01611201ff");
  assert.deepEqual(withRepairedTexts(AnySchema, bytes), bytes);
});

Deno.test("the bits of varints above the 64th are cleared, those of other numbers stay", () => {
  const all = "ffffffffffffffffff";
  const of = (hex: string) => Uint8Array.fromHex(hex);
  const { message } = SourceCodeInfoSchema.field.location;
  // One element, a packed list of two, and an unknown field.
  assert.deepEqual(
    withoutExcessBits(message!, of(`08${all}7f0a0b05${all}7e38${all}03`)),
    of(`08${all}010a0b05${all}0038${all}01`),
  );
  // An unknown fixed64 whose bytes continue into the next tag as those of a varint would.
  const fixed = of("c104ffffffffffffffffc104ffffffffffffffff");
  assert.deepEqual(withoutExcessBits(AnySchema, fixed), fixed);
});
