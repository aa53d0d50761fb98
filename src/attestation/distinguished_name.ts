/**
 * Distinguished names of certificates as text, for people (RFC 4514, in the order of the certificate).
 *
 * @module
 */

import { printable } from "../call/printable.ts";
import { DerReader, Tag } from "./der.ts";
import { toHex } from "./hex.ts";

const TYPES: Readonly<Record<string, string>> = {
  "550403": "CN",
  "550406": "C",
  "550407": "L",
  "550408": "ST",
  "55040a": "O",
  "55040b": "OU",
};

/** Returns a name as text, with printable characters alone; attributes without a short name by the hex of their type. */
export function nameText(name: Uint8Array<ArrayBuffer>): string {
  const parts: string[] = [];
  const sets = new DerReader(name).enter(Tag.SEQUENCE);
  while (!sets.atEnd) {
    const set = sets.enter(Tag.SET);
    while (!set.atEnd) {
      const attribute = set.enter(Tag.SEQUENCE);
      const id = toHex(attribute.take(Tag.OID));
      parts.push(`${TYPES[id] ?? id}=${printable(attributeText(attribute))}`);
    }
  }
  return parts.join(", ");
}

function attributeText(attribute: DerReader): string {
  const tags = [Tag.UTF8_STRING, Tag.PRINTABLE_STRING, Tag.IA5_STRING];
  const tag = tags.find((one) => attribute.isNext(one));
  return tag === undefined ? "?" : new TextDecoder().decode(attribute.take(tag));
}
