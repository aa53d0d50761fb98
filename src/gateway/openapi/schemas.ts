/**
 * Messages and enums as JSON Schema in `components/schemas`.
 *
 * @module
 */

import type { DescEnum, DescField, DescMessage, DescOneof } from "@bufbuild/protobuf";
import type { CommentSource } from "./comment_source.ts";
import { fieldBehavior } from "./field_behavior.ts";
import {
  isWrapper,
  keySchema,
  scalarSchema,
  type Schema,
  wellKnownSchema,
  wrappedSchema,
} from "./value_schema.ts";

/** Schemas by full name of message or enum, and those that they refer to. */
export class Schemas {
  readonly #comments: CommentSource;
  readonly #all = new Map<string, DescMessage | DescEnum>();
  readonly #open: (DescMessage | DescEnum)[] = [];

  /** Takes descriptions from `comments`. */
  constructor(comments: CommentSource) {
    this.#comments = comments;
  }

  /** Returns the schema of a message, in place or as a reference. */
  ofMessage(type: DescMessage): Schema {
    return wellKnownSchema(type) ?? this.#reference(type);
  }

  /** Returns the schema of a field's value; of its items, when `item` is set. */
  ofField(field: DescField, item: boolean = false): Schema {
    if (field.fieldKind === "list") {
      const items = this.#single(field);
      return item ? items : { type: "array", items };
    }
    if (field.fieldKind !== "map") return this.#single(field);
    const propertyNames = keySchema(field.mapKey);
    return {
      type: "object",
      additionalProperties: this.#single(field),
      ...(propertyNames && { propertyNames }),
    };
  }

  /** Returns the schema of a field's value as text of a query or path: wrappers are what they wrap. */
  ofText(field: DescField): Schema {
    const { message } = field;
    if (message === undefined || !isWrapper(message)) return this.ofField(field);
    const schema = wrappedSchema(message);
    return field.fieldKind === "list" ? { type: "array", items: schema } : schema;
  }

  #single({ message, enum: type, scalar }: DescField): Schema {
    if (message !== undefined) return this.ofMessage(message);
    if (type === undefined) return scalarSchema(scalar!);
    return type.typeName === "google.protobuf.NullValue" ? { type: "null" } : this.#reference(type);
  }

  #reference(type: DescMessage | DescEnum): Schema {
    const { typeName } = type;
    if (!this.#all.has(typeName)) {
      this.#all.set(typeName, type);
      this.#open.push(type);
    }
    return { $ref: `#/components/schemas/${typeName}` };
  }

  /** Whether a name is taken by a message or enum. */
  has(name: string): boolean {
    return this.#all.has(name);
  }

  /** Builds the schemas of all types that were referred to, ordered by name. Not recursive: types may nest deep. */
  build(): Record<string, Schema> {
    const built = new Map<string, Schema>();
    for (let type = this.#open.pop(); type !== undefined; type = this.#open.pop()) {
      built.set(type.typeName, type.kind === "enum" ? this.#enum(type) : this.#message(type));
    }
    return Object.fromEntries([...built].sort(([a], [b]) => a < b ? -1 : 1));
  }

  #message(type: DescMessage): Schema {
    const required: string[] = [];
    const properties: [string, Schema][] = [];
    for (const field of type.fields) {
      properties.push([field.jsonName, this.#property(field)]);
      if (field.presence === LEGACY_REQUIRED) required.push(field.jsonName);
    }
    const choices = type.oneofs.filter(({ fields }) => fields.length > 1);
    return {
      type: "object",
      ...this.#described(type.typeName, type.deprecated),
      properties: Object.fromEntries(properties),
      ...(required.length > 0 && { required }),
      ...(choices.length > 0 && { allOf: choices.map((oneof) => this.#oneof(oneof, type)) }),
    };
  }

  #property(field: DescField): Schema {
    const { readOnly, writeOnly, required } = fieldBehavior(field);
    const name = `${field.parent.typeName}.${field.name}`;
    return {
      ...this.ofField(field),
      ...this.#described(name, field.deprecated, required ? "Required." : ""),
      ...(readOnly && { readOnly }),
      ...(writeOnly && { writeOnly }),
    };
  }

  /** At most one field of a oneof is set: none, or exactly one. */
  #oneof({ fields, name }: DescOneof, type: DescMessage): Schema {
    const each = fields.map(({ jsonName }) => ({ required: [jsonName] }));
    return {
      ...this.#described(`${type.typeName}.${name}`, false),
      oneOf: [...each, { not: { anyOf: each } }],
    };
  }

  #enum(type: DescEnum): Schema {
    const values = type.values.flatMap(({ name }) => {
      const comment = this.#comments.get(`${type.typeName}.${name}`);
      return comment === undefined ? [] : [`- \`${name}\`: ${comment.replaceAll("\n", " ")}`];
    }).join("\n");
    return {
      type: "string",
      ...this.#described(type.typeName, type.deprecated, values),
      enum: [...new Set(type.values.map(({ name }) => name))],
    };
  }

  #described(name: string, deprecated: boolean, more: string = ""): Schema {
    const comment = this.#comments.get(name) ?? "";
    const description = comment === "" || more === "" ? comment + more : `${comment}\n\n${more}`;
    return { ...(description !== "" && { description }), ...(deprecated && { deprecated }) };
  }
}

/** Number of google.protobuf.FeatureSet.FieldPresence: `required` of proto2. */
const LEGACY_REQUIRED = 3;
