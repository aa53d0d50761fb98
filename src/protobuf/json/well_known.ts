/**
 * Readers of well-known types with a special JSON form, such as Timestamp, which is a string (ProtoJSON, "JSON Mapping").
 *
 * @module
 */

import type { DescMessage } from "@bufbuild/protobuf";
import { messageFactory } from "../message_slots.ts";
import { zeroOf } from "../message_source.ts";
import { cursor } from "../reader.ts";
import { type Fields, isWrapper, nameOf } from "../shape.ts";
import { anyReader } from "./any.ts";
import { listValueMessage, structMessage, valueMessage } from "./containers.ts";
import { Char, nullEnd, type Read, take, wrong } from "./input.ts";
import { scalarReader } from "./scalars.ts";
import { string } from "./strings.ts";
import { parseDuration, parseFieldMask, parseTimestamp, type SecondsAndNanos } from "./time.ts";

/** Returns the reader of a message type. */
export type MessageReaders = (descriptor: DescMessage) => Read;

const OWN_JSON = /^google\.protobuf\.(?:Any|Timestamp|Duration|FieldMask|Struct|Value|ListValue)$/;

/** Whether a message type has a special JSON form, instead of an object of its fields. */
export function hasOwnJson(descriptor: DescMessage): boolean {
  return OWN_JSON.test(descriptor.typeName) || isWrapper(descriptor);
}

/** Returns the reader of a well-known type; undefined for other types. */
export function wellKnownReader(
  descriptor: DescMessage,
  readers: MessageReaders,
): Read | undefined {
  const { typeName } = descriptor;
  switch (hasOwnJson(descriptor) ? typeName : "") {
    case "":
      return undefined;
    case "google.protobuf.Any":
      return anyReader(descriptor, readers, hasOwnJson);
    case "google.protobuf.Timestamp":
      return timeReader(descriptor, parseTimestamp, "a time of RFC 3339, from the year 1 to 9999");
    case "google.protobuf.Duration":
      return timeReader(descriptor, parseDuration, 'a duration such as "1.5s", up to 10,000 years');
    case "google.protobuf.FieldMask":
      return textReader(descriptor, (text, message) => {
        const paths = parseFieldMask(text);
        if (paths !== undefined) message.paths = paths;
        return paths !== undefined;
      }, "paths in lowerCamelCase");
    case "google.protobuf.Struct":
      return structMessage;
    case "google.protobuf.Value":
      return valueMessage;
    case "google.protobuf.ListValue":
      return listValueMessage;
    default:
      return wrapperReader(descriptor);
  }
}

function textReader(
  descriptor: DescMessage,
  fill: (text: string, message: Fields) => boolean,
  expected: string,
): Read {
  const { typeName } = descriptor;
  const create = messageFactory(descriptor);
  return (b, p, o) => {
    if (b[p] !== Char.QUOTE) throw wrong(b, p, typeName, expected);
    const text = string(b, p, typeName);
    // A long text is a FieldMask of many paths.
    take(o, 1 + (text.length >> 4));
    const message = create();
    if (!fill(text, message)) throw wrong(b, p, typeName, expected);
    return message;
  };
}

function timeReader(
  descriptor: DescMessage,
  parse: (text: string) => SecondsAndNanos | undefined,
  expected: string,
): Read {
  return textReader(descriptor, (text, message) => {
    const time = parse(text);
    if (time === undefined) return false;
    message.seconds = BigInt(time.seconds);
    message.nanos = time.nanos;
    return true;
  }, expected);
}

/** Reads a wrapper in a list, map or oneof, or alone: the JSON of its value. `null` stands for the zero value. */
function wrapperReader(descriptor: DescMessage): Read {
  const [field] = descriptor.fields;
  const { localName } = field;
  const scalar = field.scalar!;
  const longAsString = "longAsString" in field && field.longAsString;
  const read = scalarReader(scalar, nameOf(field), longAsString);
  const create = messageFactory(descriptor);
  return (b, p, o, d) => {
    let value: unknown;
    if (b[p] === Char.N) {
      cursor.at = nullEnd(b, p);
      value = zeroOf(scalar, longAsString);
    } else value = read(b, p, o, d);
    take(o, 1);
    const message = create();
    message[localName] = value;
    return message;
  };
}
