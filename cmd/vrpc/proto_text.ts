/**
 * Text of descriptors in the language of `.proto` files, with comments and options.
 *
 * @module
 */

import {
  type AnyDesc,
  type DescEnum,
  type DescEnumValue,
  type DescExtension,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescMethod,
  type DescOneof,
  type DescService,
  type FileRegistry,
  ScalarType,
} from "@bufbuild/protobuf";
import {
  Edition,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import { optionsOf, type OptionText, quoted } from "./option_text.ts";

/** Comments by full name; values of enums under the name of their enum. */
export interface CommentSource {
  get(name: string): string | undefined;
}

/** Declaration that can be described alone. */
export type Described = DescMessage | DescEnum | DescService | DescMethod | DescExtension;

/** Writes declarations of one set of types. */
export class ProtoText {
  readonly #registry: FileRegistry;
  readonly #comments: CommentSource;
  readonly #lines: string[] = [];
  #indent = 0;

  /** `registry`: types of custom options. */
  constructor(registry: FileRegistry, comments: CommentSource) {
    this.#registry = registry;
    this.#comments = comments;
  }

  /** Returns a declaration with all that is inside it, ended by a line break. */
  write(desc: Described): string {
    this.#lines.length = 0;
    switch (desc.kind) {
      case "message":
        this.#message(desc);
        break;
      case "enum":
        this.#enum(desc);
        break;
      case "service":
        this.#service(desc);
        break;
      case "rpc":
        this.#method(desc);
        break;
      case "extension":
        this.#extensions([desc]);
    }
    return this.#lines.join("\n") + "\n";
  }

  #line(text: string): void {
    this.#lines.push(text === "" ? "" : "  ".repeat(this.#indent) + text);
  }

  #comment(name: string): void {
    const text = this.#comments.get(name);
    if (text === undefined) return;
    for (const line of text.split("\n")) this.#line(line === "" ? "//" : `// ${line}`);
  }

  /** Writes a block; one that contains nothing takes one line. */
  #block(head: string, body: () => void): void {
    const at = this.#lines.length;
    this.#line(`${head} {`);
    this.#indent++;
    body();
    this.#indent--;
    if (this.#lines.length === at + 1) this.#lines[at] += "}";
    else this.#line("}");
  }

  #optionLines(desc: AnyDesc): void {
    for (const { name, value } of this.#optionsOf(desc)) this.#line(`option ${name} = ${value};`);
  }

  #optionsOf(desc: AnyDesc): OptionText[] {
    return optionsOf(desc, this.#registry);
  }

  #service(service: DescService): void {
    this.#comment(service.typeName);
    this.#block(`service ${service.name}`, () => {
      this.#optionLines(service);
      for (const method of service.methods) this.#method(method);
    });
  }

  #method(method: DescMethod): void {
    this.#comment(`${method.parent.typeName}.${method.name}`);
    const { clientStreaming, serverStreaming } = method.proto;
    const side = (streams: boolean, type: DescMessage) =>
      `(${streams ? "stream " : ""}.${type.typeName})`;
    const head = `rpc ${method.name}${side(clientStreaming, method.input)} returns ` +
      side(serverStreaming, method.output);
    if (this.#optionsOf(method).length === 0) this.#line(`${head};`);
    else this.#block(head, () => this.#optionLines(method));
  }

  #enum(desc: DescEnum): void {
    this.#comment(desc.typeName);
    this.#block(`enum ${desc.name}`, () => {
      this.#optionLines(desc);
      this.#reserved(desc.proto.reservedRange, desc.proto.reservedName, desc.file, 0, INT32_MAX);
      for (const value of desc.values) this.#enumValue(value);
    });
  }

  #enumValue(value: DescEnumValue): void {
    this.#comment(`${value.parent.typeName}.${value.name}`);
    this.#line(`${value.name} = ${value.number}${inBrackets(this.#optionsOf(value))};`);
  }

  #message(message: DescMessage, head = `message ${message.name}`): void {
    this.#comment(message.typeName);
    this.#block(head, () => this.#messageBody(message));
  }

  #messageBody(message: DescMessage): void {
    const { proto, file } = message;
    this.#optionLines(message);
    this.#reserved(proto.reservedRange, proto.reservedName, file, 1, MAX_FIELD);
    for (const { start, end } of proto.extensionRange) {
      this.#line(`extensions ${range(start, end - 1, MAX_FIELD)};`);
    }
    const written = new Set<DescOneof>();
    const groups = new Set<DescMessage>();
    for (const field of message.fields) {
      if (isGroup(field)) groups.add(field.message);
      const { oneof } = field;
      if (oneof === undefined) this.#field(field);
      else if (!written.has(oneof)) {
        written.add(oneof);
        this.#oneof(oneof);
      }
    }
    for (const nested of message.nestedMessages) {
      if (nested.proto.options?.mapEntry || groups.has(nested)) continue;
      this.#message(nested);
    }
    for (const nested of message.nestedEnums) this.#enum(nested);
    this.#extensions(message.nestedExtensions);
  }

  #oneof(oneof: DescOneof): void {
    this.#comment(`${oneof.parent.typeName}.${oneof.name}`);
    this.#block(`oneof ${oneof.name}`, () => {
      this.#optionLines(oneof);
      for (const field of oneof.fields) this.#field(field);
    });
  }

  #extensions(extensions: readonly DescExtension[]): void {
    for (const extension of extensions) {
      this.#block(`extend .${extension.extendee.typeName}`, () => this.#field(extension));
    }
  }

  #field(field: DescField | DescExtension): void {
    this.#comment(
      field.kind === "field" ? `${field.parent.typeName}.${field.name}` : field.typeName,
    );
    const label = labelOf(field);
    const options = inBrackets([...ownOptions(field), ...this.#optionsOf(field)]);
    if (isGroup(field)) {
      const head = `${label}group ${field.message.name} = ${field.number}${options}`;
      this.#block(head, () => this.#messageBody(field.message));
      return;
    }
    this.#line(`${label}${typeOf(field)} ${field.name} = ${field.number}${options};`);
  }

  #reserved(
    ranges: readonly { start: number; end: number }[],
    names: readonly string[],
    file: DescFile,
    openEnd: 0 | 1,
    max: number,
  ): void {
    // The end of a message's range is exclusive, that of an enum's is not.
    const numbers = ranges.map(({ start, end }) => range(start, end - openEnd, max));
    if (numbers.length > 0) this.#line(`reserved ${numbers.join(", ")};`);
    const words = file.edition >= Edition.EDITION_2023 ? names : names.map(quoted);
    if (words.length > 0) this.#line(`reserved ${words.join(", ")};`);
  }
}

const MAX_FIELD = 536_870_911;
const INT32_MAX = 2_147_483_647;

function range(first: number, last: number, max: number): string {
  if (first === last) return String(first);
  return `${first} to ${last >= max ? "max" : last}`;
}

function isGroup(
  field: DescField | DescExtension,
): field is (DescField | DescExtension) & { message: DescMessage } {
  return field.proto.type === Type.GROUP && field.message !== undefined &&
    field.message.file.edition < Edition.EDITION_2023;
}

function labelOf(field: DescField | DescExtension): string {
  if (field.fieldKind === "map") return "";
  const { label, proto3Optional } = field.proto;
  if (label === Label.REPEATED) return "repeated ";
  const file = field.kind === "field" ? field.parent.file : field.file;
  if (field.kind === "field" && field.oneof !== undefined) return "";
  if (proto3Optional) return "optional ";
  if (file.edition !== Edition.EDITION_PROTO2) return "";
  return label === Label.REQUIRED ? "required " : "optional ";
}

function typeOf(field: DescField | DescExtension): string {
  if (field.fieldKind === "map") {
    return `map<${scalarName(field.mapKey)}, ${valueType(field)}>`;
  }
  return valueType(field);
}

function valueType(field: DescField | DescExtension): string {
  if (field.message !== undefined) return `.${field.message.typeName}`;
  if (field.enum !== undefined) return `.${field.enum.typeName}`;
  return scalarName(field.scalar!);
}

function scalarName(scalar: ScalarType): string {
  return ScalarType[scalar].toLowerCase();
}

/** Options that a descriptor holds outside its options message. */
function ownOptions(field: DescField | DescExtension): OptionText[] {
  const { proto } = field;
  const own: OptionText[] = [];
  if (proto.defaultValue !== "") {
    const isText = proto.type === Type.STRING || proto.type === Type.BYTES;
    // The default of bytes is escaped already.
    const value = proto.type === Type.BYTES
      ? `"${proto.defaultValue}"`
      : isText
      ? quoted(proto.defaultValue)
      : proto.defaultValue;
    own.push({ name: "default", value });
  }
  if (field.kind === "field" && proto.jsonName !== "" && proto.jsonName !== jsonName(proto.name)) {
    own.push({ name: "json_name", value: quoted(proto.jsonName) });
  }
  return own;
}

/** Returns the JSON name that protoc derives from the name of a field. */
function jsonName(name: string): string {
  return name.replace(/_+([^_])?/g, (_, next: string | undefined) => (next ?? "").toUpperCase());
}

function inBrackets(options: readonly OptionText[]): string {
  if (options.length === 0) return "";
  return ` [${options.map(({ name, value }) => `${name} = ${value}`).join(", ")}]`;
}
