/**
 * Repairs the messages, enums and extensions of a file: fills in optional parts, resolves type names, and empties
 * invalid definitions.
 *
 * @module
 */

import { isFieldSet } from "@bufbuild/protobuf";
import { protoCamelCase } from "@bufbuild/protobuf/reflect";
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FieldDescriptorProtoSchema,
  type FileDescriptorProto,
} from "@bufbuild/protobuf/wkt";
import type { Faults } from "./faults.ts";
import { inScope, isIdentifier, type Symbols, type TypeSymbol, ZERO } from "./symbols.ts";

const { type: TYPE, oneofIndex: ONEOF_INDEX } = FieldDescriptorProtoSchema.field;
/** Largest field number (language specification, "Assigning Field Numbers"). */
const MAX_FIELD_NUMBER = 2 ** 29 - 1;
/** Types that a map key can't have (language specification, "Maps"). */
const NO_KEYS: ReadonlySet<Type> = new Set([
  ...[Type.DOUBLE, Type.FLOAT, Type.BYTES],
  ...[Type.MESSAGE, Type.GROUP, Type.ENUM],
]);

/** Repairs the definitions of one file. */
export class MessageRepair {
  /** `hint` is appended to faults of missing types, for example to name missing imports. */
  constructor(
    readonly file: FileDescriptorProto,
    readonly symbols: Symbols,
    readonly faults: Faults,
    readonly hint: string,
  ) {}

  /** Gives a single zero value to an enum that has no value, or a value with an invalid name. */
  repairEnum(proto: EnumDescriptorProto, name: string): void {
    const wrong = proto.value.length === 0
      ? "has no value"
      : proto.value.some((value) => !isIdentifier(value.name))
      ? "has a value without a valid name"
      : undefined;
    if (wrong === undefined) return;
    proto.value = [ZERO];
    this.faults.addType(name, `the enum ${name} ${wrong}`);
  }

  /** Completes the fields of a message; removes all fields if one is invalid. */
  repairMessage(proto: DescriptorProto, name: string): void {
    try {
      for (const oneof of proto.oneofDecl) {
        if (!isIdentifier(oneof.name)) throw new Error("has a oneof without a valid name");
      }
      for (const field of proto.field) this.#completeField(field, name, proto.oneofDecl.length);
      nameUniquely(proto);
      if (proto.options?.mapEntry) checkMapEntry(proto);
    } catch (error) {
      proto.field = [];
      proto.oneofDecl = [];
      if (proto.options) proto.options.mapEntry = false;
      this.faults.addType(name, `the message ${name} ${(error as Error).message}`);
    }
  }

  /** Completes extensions; returns those that are valid and extend a known message. */
  repairExtensions(extensions: FieldDescriptorProto[], scope: string): FieldDescriptorProto[] {
    return extensions.filter((field) => {
      const extended = this.symbols.find(scope, field.extendee);
      if (extended?.kind !== "message") return false;
      field.extendee = `.${extended.name}`;
      try {
        this.#completeField(field, scope, undefined);
        return true;
      } catch {
        return false;
      }
    });
  }

  /**
   * Returns the full name of a message, or of a placeholder if the message is missing; `owner` names the method that
   * refers to it.
   */
  messageType(reference: string, scope: string, owner: string): string {
    const found = this.symbols.find(scope, reference);
    if (found?.kind === "message") return `.${found.name}`;
    return `.${this.#missing(reference, "message", owner)}`;
  }

  // Without `oneofs` the field is an extension.
  #completeField(field: FieldDescriptorProto, scope: string, oneofs: number | undefined): void {
    const { name } = field;
    if (!isIdentifier(name)) throw new Error("has a field without a valid name");
    if (!(field.number >= 1 && field.number <= MAX_FIELD_NUMBER)) {
      throw new Error(`has the field ${name} with the number ${field.number}`);
    }
    if (!(field.label in Label)) throw new Error(`has the field ${name} with an unknown label`);
    if (isInOneof(field) && oneofs !== undefined && !inRange(field, oneofs)) {
      throw new Error(`has the field ${name} in a oneof that is missing`);
    }
    if (field.jsonName === "") field.jsonName = protoCamelCase(name);
    this.#resolveType(field, scope, oneofs === undefined);
  }

  #resolveType(field: FieldDescriptorProto, scope: string, extension: boolean): void {
    const { typeName } = field;
    const typed = isFieldSet(field, TYPE);
    if (typed && !(field.type in Type)) {
      throw new Error(`has the field ${field.name} with an unknown type`);
    }
    if (typed && !isReference(field.type)) return;
    if (!typed && typeName === "") throw new Error(`has the field ${field.name} without a type`);
    const found = this.symbols.find(scope, typeName);
    if (found !== undefined && this.#fits(found, field, typed, extension)) {
      // "If type_name is set, this need not be set" (descriptor.proto, `type`).
      if (!typed) field.type = found.kind === "enum" ? Type.ENUM : Type.MESSAGE;
      field.typeName = `.${found.name}`;
      return;
    }
    if (!typed) field.type = Type.MESSAGE;
    const kind = field.type === Type.ENUM ? "enum" : "message";
    const owner = `${inScope(scope, field.name)}`;
    field.typeName = `.${this.#missing(typeName, kind, owner)}`;
  }

  #fits(found: TypeSymbol, field: FieldDescriptorProto, typed: boolean, extension: boolean) {
    if (found.kind === "map") {
      return found.file === this.file && !extension && field.label === Label.REPEATED &&
        (!typed || field.type === Type.MESSAGE);
    }
    return !typed || (found.kind === "enum") === (field.type === Type.ENUM);
  }

  #missing(reference: string, kind: "message" | "enum", owner: string): string {
    const name = this.symbols.placeholder(reference, kind);
    const shown = reference.replace(/^\./, "").slice(0, 200);
    const what = shown === "" ? `a type without a name` : `the type ${shown}`;
    this.faults.addType(name, `${what} of ${owner} is missing${this.hint}`);
    return name;
  }
}

function isReference(type: Type): boolean {
  return type === Type.MESSAGE || type === Type.GROUP || type === Type.ENUM;
}

// An optional field of proto3 is the only field of a synthetic oneof, which is ignored.
function isInOneof(field: FieldDescriptorProto): boolean {
  return isFieldSet(field, ONEOF_INDEX) && !field.proto3Optional;
}

function inRange(field: FieldDescriptorProto, oneofs: number): boolean {
  return field.oneofIndex >= 0 && field.oneofIndex < oneofs;
}

/** Throws if two fields have the same number or name. A field whose JSON name is taken uses its own name instead. */
function nameUniquely({ field: fields, oneofDecl }: DescriptorProto): void {
  const numbers = new Set<number>();
  const properties = new Set<string>();
  const json = new Set<string>();
  for (const field of fields) {
    const property = protoCamelCase(field.name);
    if (numbers.has(field.number)) throw new Error(`has the field number ${field.number} twice`);
    if (properties.has(property)) throw new Error(`has the field ${field.name} twice`);
    numbers.add(field.number);
    properties.add(property);
    if (json.has(field.jsonName)) field.jsonName = field.name;
    if (json.has(field.jsonName)) throw new Error(`has the JSON name ${field.name} twice`);
    json.add(field.jsonName);
  }
  const used = new Set(fields.filter(isInOneof).map((field) => field.oneofIndex));
  for (const [i, { name }] of oneofDecl.entries()) {
    const property = protoCamelCase(name);
    if (!used.has(i)) continue;
    if (properties.has(property)) throw new Error(`has the name ${name} twice`);
    properties.add(property);
  }
}

/** Checks that a map entry has a key and a value (descriptor.proto, `map_entry`). */
function checkMapEntry({ field }: DescriptorProto): void {
  const key = field.find((one) => one.number === 1);
  const value = field.find((one) => one.number === 2);
  if (key === undefined || key.label === Label.REPEATED || NO_KEYS.has(key.type)) {
    throw new Error("is the entry of a map without a valid key");
  }
  if (value === undefined || value.label === Label.REPEATED) {
    throw new Error("is the entry of a map without a valid value");
  }
}
