import { ByteWriter } from "../../src/bytes/writer.ts";
import { type HeaderLimits, HpackDecoder } from "../../src/hpack/decoder.ts";
import type { HpackEncoder } from "../../src/hpack/encoder.ts";
import { HeaderList } from "../../src/hpack/header_list.ts";
import type { FieldMode } from "../../src/hpack/prepared_field.ts";

/** A header field. */
export type Pair = [name: string, value: string];

/** Limits that no test reaches by accident. */
export const GENEROUS: HeaderLimits = { maxListBytes: 1 << 24, maxFields: 1 << 16 };

/** Octets from hexadecimal digits; spaces are ignored. */
export function hex(digits: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(digits.replaceAll(" ", ""));
}

/** The fields of a list. */
export function fields(list: HeaderList): Pair[] {
  return Array.from({ length: list.count }, (_, i) => [list.names[i], list.values[i]]);
}

/** One block with these fields, as octets of its own. */
export function encode(
  encoder: HpackEncoder,
  list: readonly Pair[],
  mode?: FieldMode,
): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter();
  encoder.begin(writer);
  for (const [name, value] of list) encoder.field(writer, name, value, mode);
  return writer.view().slice();
}

/** The fields of one block; the block is overwritten before they are read. */
export function decode(decoder: HpackDecoder, block: Uint8Array, limits = GENEROUS): Pair[] {
  const list = new HeaderList();
  const copy = block.slice();
  decoder.decode(copy, 0, copy.length, list, limits);
  copy.fill(0x55);
  return fields(list);
}

/** What a fresh decoder makes of one block given in hexadecimal digits. */
export function decodeHex(digits: string, limits = GENEROUS): HeaderList {
  const list = new HeaderList();
  const bytes = hex(digits);
  new HpackDecoder().decode(bytes, 0, bytes.length, list, limits);
  return list;
}
