import assert from "node:assert/strict";
import { AnySchema, SourceCodeInfoSchema, StructSchema } from "@bufbuild/protobuf/wkt";
import {
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
