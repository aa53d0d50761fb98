/**
 * Example requests for the list of methods.
 *
 * @module
 */

import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";

/** JSON of the default values of well-known types; wrappers have the JSON of their field. */
const WELL_KNOWN: ReadonlyMap<string, JsonValue> = new Map<string, JsonValue>([
  ["google.protobuf.Any", {}],
  ["google.protobuf.Duration", "0s"],
  ["google.protobuf.FieldMask", ""],
  ["google.protobuf.ListValue", []],
  ["google.protobuf.Struct", {}],
  ["google.protobuf.Timestamp", "1970-01-01T00:00:00Z"],
  ["google.protobuf.Value", null],
]);
const WRAPPER = /^google\.protobuf\.(Double|Float|U?Int(32|64)|Bool|String|Bytes)Value$/;
/** Required messages within required messages; deeper ones are left empty. */
const MAX_DEPTH = 8;

/** Writes examples with a bounded total number of fields: many methods may share one large type. */
export class ExampleWriter {
  #fieldsLeft: number;

  /** `maxFields`: limit on the fields of all examples together; examples beyond it are empty. */
  constructor(maxFields: number) {
    this.#fieldsLeft = maxFields;
  }

  /**
   * Returns a request with every field at its default, without those that are unset by default; enums have their first
   * value other than `…_UNSPECIFIED`. Never throws, whatever the type.
   */
  of(type: DescMessage): JsonValue {
    return this.#message(type, 0, isShown);
  }

  /**
   * Returns a request to fill in: every field, with one element in each list and map, and the first field of each oneof.
   * A message inside itself is empty. Never throws.
   */
  filled(type: DescMessage): JsonValue {
    return this.#message(type, 0, isFirstOfOneof, new Set());
  }

  /** `above`: the types around this one, of a request to fill in. */
  #message(
    type: DescMessage,
    depth: number,
    shows: (field: DescField) => boolean,
    above?: ReadonlySet<DescMessage>,
  ): JsonValue {
    const fixed = WELL_KNOWN.get(type.typeName);
    if (fixed !== undefined) return fixed;
    if (WRAPPER.test(type.typeName) && type.fields.length > 0) {
      return this.#value(type.fields[0], 0, shows, above);
    }
    if (above?.has(type)) return {};
    const inside = above && new Set(above).add(type);
    const entries: [string, JsonValue][] = [];
    for (const field of type.fields) {
      if (!shows(field)) continue;
      if (this.#fieldsLeft === 0 || depth > MAX_DEPTH) break;
      this.#fieldsLeft--;
      entries.push([field.jsonName, this.#value(field, depth, shows, inside)]);
    }
    return Object.fromEntries(entries);
  }

  #value(
    field: DescField,
    depth: number,
    shows: (field: DescField) => boolean,
    above?: ReadonlySet<DescMessage>,
  ): JsonValue {
    const element = () => {
      if (field.message !== undefined) return this.#message(field.message, depth + 1, shows, above);
      return field.enum === undefined ? scalarDefault(field.scalar!) : enumDefault(field.enum);
    };
    switch (field.fieldKind) {
      case "list":
        return above === undefined ? [] : [element()];
      case "map":
        return above === undefined ? {} : { [keyDefault(field.mapKey)]: element() };
      default:
        return element();
    }
  }
}

/** Numbers of google.protobuf.FeatureSet.FieldPresence. */
const EXPLICIT = 1;

function isShown(field: DescField): boolean {
  return field.fieldKind === "list" || field.fieldKind === "map" || field.presence !== EXPLICIT;
}

function isFirstOfOneof(field: DescField): boolean {
  return field.oneof === undefined || field.oneof.fields[0] === field;
}

/** The first value that says something: services refuse `…_UNSPECIFIED`, or take it for a value that is missing. */
function enumDefault(type: DescEnum): JsonValue {
  if (type.typeName === "google.protobuf.NullValue") return null;
  const said = type.values.find(({ number, name }) =>
    number !== 0 || !/(^|_)UNSPECIFIED$/.test(name)
  );
  return (said ?? type.values[0])?.jsonName ?? 0;
}

function keyDefault(scalar: ScalarType): string {
  return String(scalarDefault(scalar));
}

function scalarDefault(scalar: ScalarType): JsonValue {
  switch (scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return "";
    case ScalarType.BOOL:
      return false;
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return "0";
    default:
      return 0;
  }
}
