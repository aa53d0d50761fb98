/** Random message types and messages for fast-check: every kind of field, proto2, proto3 and editions. */

import {
  create,
  createFileRegistry,
  type DescField,
  type DescMessage,
  ScalarType,
} from "@bufbuild/protobuf";
import {
  Edition,
  FeatureSet_EnumType,
  FeatureSet_FieldPresence,
  FeatureSet_MessageEncoding,
  FeatureSet_RepeatedFieldEncoding,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  type FieldDescriptorProtoSchema,
  file_google_protobuf_struct,
  file_google_protobuf_wrappers,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import type { MessageInitShape } from "@bufbuild/protobuf";
import fc from "fast-check";

type FieldInit = MessageInitShape<typeof FieldDescriptorProtoSchema>;

/** What one field of a random type is like. */
interface FieldPlan {
  readonly number: number;
  readonly type: number;
  readonly shape:
    | "single"
    | "optional"
    | "list"
    | "packed"
    | "unpacked"
    | "map"
    | "oneof"
    | "required";
  readonly target: number;
  readonly key: number;
}

const SCALARS = [
  ...[Type.DOUBLE, Type.FLOAT, Type.INT64, Type.UINT64, Type.INT32, Type.FIXED64, Type.FIXED32],
  ...[Type.BOOL, Type.STRING, Type.BYTES, Type.UINT32, Type.SFIXED32, Type.SFIXED64],
  ...[Type.SINT32, Type.SINT64],
];
const KEYS = [
  ...[Type.INT64, Type.UINT64, Type.INT32, Type.FIXED64, Type.FIXED32, Type.BOOL, Type.STRING],
  ...[Type.UINT32, Type.SFIXED32, Type.SFIXED64, Type.SINT32, Type.SINT64],
];
const WELL_KNOWN = [
  "Struct",
  "Value",
  "ListValue",
  "StringValue",
  "BytesValue",
  "Int64Value",
  "BoolValue",
  "DoubleValue",
];

const fieldPlan: fc.Arbitrary<FieldPlan> = fc.record({
  number: fc.oneof(
    fc.integer({ min: 1, max: 20 }),
    fc.integer({ min: 1, max: 3000 }),
    fc.constant(70_000),
  ),
  type: fc.oneof(
    fc.constantFrom(...SCALARS),
    fc.constantFrom(Type.ENUM, Type.MESSAGE, Type.GROUP, Type.MESSAGE),
  ),
  shape: fc.constantFrom(
    "single",
    "optional",
    "list",
    "packed",
    "unpacked",
    "map",
    "oneof",
    "required",
  ),
  target: fc.nat(20),
  key: fc.nat(KEYS.length - 1),
});

const schemaPlan = fc.record({
  syntax: fc.constantFrom("proto2", "proto3", "editions"),
  messages: fc.array(
    fc.uniqueArray(fieldPlan, { minLength: 1, maxLength: 12, selector: ({ number }) => number }),
    { minLength: 1, maxLength: 4 },
  ),
});

/** A random message type; others that it refers to come with it. */
export const descriptors: fc.Arbitrary<DescMessage> = schemaPlan.map(({ syntax, messages }) => {
  const file = create(FileDescriptorProtoSchema, {
    name: "random.proto",
    package: "random",
    syntax,
    edition: syntax === "editions" ? Edition.EDITION_2023 : undefined,
    dependency: ["google/protobuf/struct.proto", "google/protobuf/wrappers.proto"],
    enumType: [{
      name: "Kind",
      value: [
        // Closed enums may begin with another number than 0.
        { name: "KIND_ZERO", number: syntax === "proto2" ? 3 : 0 },
        { name: "KIND_ONE", number: 1 },
        { name: "KIND_BELOW", number: -5 },
      ],
    }, {
      name: "Closed",
      value: [{ name: "CLOSED_ZERO", number: 0 }, { name: "CLOSED_TWO", number: 2 }],
      options: syntax === "editions"
        ? { features: { enumType: FeatureSet_EnumType.CLOSED } }
        : undefined,
    }],
    messageType: messages.map((plans, i) => messageOf(i, plans, syntax, messages.length)),
  });
  const dependencies = [file_google_protobuf_struct, file_google_protobuf_wrappers];
  const registry = createFileRegistry(
    file,
    (name) => dependencies.find((one) => one.proto.name === name)?.proto,
  );
  return registry.getMessage("random.M0")!;
});

function messageOf(index: number, plans: readonly FieldPlan[], syntax: string, count: number) {
  const nestedType: { name: string; field: FieldInit[]; options: { mapEntry: boolean } }[] = [];
  const oneofDecl: { name: string }[] = [{ name: "choice" }];
  const field = plans.map((plan, i) => {
    const name = `f_${i}`;
    let { type, shape } = plan;
    if (type === Type.GROUP && (syntax !== "proto2" || shape === "map")) type = Type.MESSAGE;
    const made: FieldInit = {
      name,
      number: plan.number,
      type,
      label: Label.OPTIONAL,
      jsonName: name,
    };
    const typeName = typeNameOf(type, plan.target, count);
    if (typeName !== "") made.typeName = typeName;
    if (
      shape === "required" && (syntax !== "proto2" || type === Type.MESSAGE || type === Type.GROUP)
    ) {
      shape = "single";
    }
    if (shape === "list" || shape === "packed" || shape === "unpacked") {
      made.label = Label.REPEATED;
      const packable = type !== Type.STRING && type !== Type.BYTES && type !== Type.MESSAGE &&
        type !== Type.GROUP;
      if (packable && shape !== "list") {
        if (syntax !== "editions") made.options = { packed: shape === "packed" };
        else if (shape === "unpacked") {
          made.options = {
            features: { repeatedFieldEncoding: FeatureSet_RepeatedFieldEncoding.EXPANDED },
          };
        }
      }
    } else if (shape === "map") {
      // The values of a map have the first value of their enum as default, which must be 0.
      if (made.typeName === ".random.Kind" && syntax === "proto2") made.typeName = ".random.Closed";
      const entry = `F${i}Entry`;
      nestedType.push({
        name: entry,
        options: { mapEntry: true },
        field: [
          { name: "key", number: 1, type: KEYS[plan.key], label: Label.OPTIONAL },
          { name: "value", number: 2, type, label: Label.OPTIONAL, typeName: made.typeName },
        ],
      });
      made.label = Label.REPEATED;
      made.type = Type.MESSAGE;
      made.typeName = `.random.M${index}.${entry}`;
    } else if (shape === "oneof") {
      made.oneofIndex = 0;
    } else if (shape === "required") {
      made.label = Label.REQUIRED;
    } else if (shape === "optional" && syntax === "proto3") {
      made.proto3Optional = true;
      made.oneofIndex = oneofDecl.push({ name: `_${name}` }) - 1;
    } else if (syntax === "editions") {
      // A field of a closed enum has presence.
      const isClosed = made.typeName === ".random.Closed";
      made.options = { features: featuresOf(type, isClosed ? "optional" : shape) };
    }
    return made;
  });
  if (!field.some(({ oneofIndex }) => oneofIndex === 0)) {
    // A oneof needs a field.
    field.push({
      name: "f_one",
      number: 4000,
      type: Type.STRING,
      label: Label.OPTIONAL,
      oneofIndex: 0,
    });
  }
  return { name: `M${index}`, field, nestedType, oneofDecl };
}

function typeNameOf(type: number, target: number, count: number): string {
  if (type === Type.ENUM) return target % 2 === 0 ? ".random.Kind" : ".random.Closed";
  if (type !== Type.MESSAGE && type !== Type.GROUP) return "";
  return target < count || type === Type.GROUP
    ? `.random.M${target % count}`
    : `.google.protobuf.${WELL_KNOWN[target % WELL_KNOWN.length]}`;
}

function featuresOf(type: number, shape: string) {
  if (type === Type.MESSAGE) {
    return shape === "optional" ? { messageEncoding: FeatureSet_MessageEncoding.DELIMITED } : {};
  }
  return shape === "single" ? { fieldPresence: FeatureSet_FieldPresence.IMPLICIT } : {};
}

/** A random init shape of a message type; null rarely, as it counts as absent. */
export function initOf(descriptor: DescMessage, depth = 3): fc.Arbitrary<Record<string, unknown>> {
  if (descriptor.typeName === "google.protobuf.Value") {
    return fc.constantFrom(
      { kind: { case: "numberValue", value: 1.5 } },
      { kind: { case: "nullValue", value: 0 } },
      { kind: { case: "stringValue", value: "ä" } },
    );
  }
  const record: Record<string, fc.Arbitrary<unknown>> = {};
  const required: string[] = [];
  for (const member of descriptor.members) {
    if (member.kind === "oneof") {
      const fields = member.fields.filter((field) => !field.message || depth > 0);
      const cases = fields.map((field) =>
        single(field, depth).map((value) => ({ case: field.localName, value }))
      );
      record[member.localName] = fc.oneof(fc.constant({ case: undefined }), ...cases);
      continue;
    }
    if (member.message && depth === 0) continue;
    if (member.presence === FeatureSet_FieldPresence.LEGACY_REQUIRED) {
      required.push(member.localName);
    }
    record[member.localName] = valueOf(member, depth);
  }
  return fc.record(record, { requiredKeys: required });
}

function valueOf(field: DescField, depth: number): fc.Arbitrary<unknown> {
  switch (field.fieldKind) {
    case "list":
      return fc.array(single(field, depth), { maxLength: 5 });
    case "map":
      return fc.dictionary(
        scalar(field.mapKey, false).map((key) => String(key)),
        single(field, depth),
        { maxKeys: 4 },
      );
    default:
      return single(field, depth);
  }
}

function single(field: DescField, depth: number): fc.Arbitrary<unknown> {
  if (field.enum) {
    const numbers = field.enum.values.map(({ number }) => number);
    return fc.constantFrom(...numbers, ...(field.enum.open ? [77] : []));
  }
  if (!field.message) {
    return scalar(field.scalar!, "longAsString" in field && field.longAsString === true);
  }
  const { typeName, fields } = field.message;
  if (typeName === "google.protobuf.Struct" && field.parent.typeName !== "google.protobuf.Value") {
    return fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 });
  }
  const wrapper = /^google\.protobuf\.\w+Value$/.test(typeName) && fields.length === 1 &&
    fields[0].fieldKind === "scalar";
  if (wrapper && field.fieldKind === "message" && !field.oneof) {
    return scalar((fields[0] as { scalar: ScalarType }).scalar, false);
  }
  // What is nested deepest has its required fields only.
  return initOf(field.message, Math.max(0, depth - 1));
}

const texts = fc.oneof(
  fc.string(),
  fc.string({ unit: "grapheme" }),
  fc.constantFrom(
    "__proto__",
    "a".repeat(29),
    "b".repeat(60),
    "ü".repeat(40),
    "c".repeat(200),
    "\ufeffx",
    "\ufffd",
  ),
);

function scalar(type: ScalarType, asText: boolean): fc.Arbitrary<unknown> {
  const big = (min: bigint, max: bigint) =>
    fc.oneof(fc.bigInt({ min, max }), fc.constantFrom(min, max, 0n, 1n)).map((value) =>
      asText ? String(value) : value
    );
  switch (type) {
    case ScalarType.STRING:
      return texts;
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 40 });
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.DOUBLE:
      return fc.double();
    case ScalarType.FLOAT:
      return fc.float();
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return fc.oneof(fc.nat(0xffffffff), fc.constantFrom(0, 127, 128, 0xffffffff));
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return big(0n, 2n ** 64n - 1n);
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return big(-(2n ** 63n), 2n ** 63n - 1n);
    default:
      return fc.oneof(fc.integer(), fc.constantFrom(0, -1, 127, 128, -(2 ** 31), 2 ** 31 - 1));
  }
}
