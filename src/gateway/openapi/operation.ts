/**
 * Operations: parameters, bodies and responses.
 *
 * @module
 */

import type { DescField, DescMessage, DescMethod } from "@bufbuild/protobuf";
import type { HttpBinding } from "../transcoding/binding.ts";
import { type FieldPath, overlaps } from "../transcoding/field_path.ts";
import { hasText } from "../transcoding/field_text.ts";
import { type CommentSource, summaryOf } from "./comment_source.ts";
import { fieldBehavior } from "./field_behavior.ts";
import type { PathParameter } from "./path_name.ts";
import type { Schemas } from "./schemas.ts";
import type { Schema } from "./value_schema.ts";

/** Limit on the names in a parameter: nested messages have many fields, and may contain themselves. */
const MAX_DEPTH = 4;
/** Limit on the parameters of one operation. */
const MAX_PARAMETERS = 200;

/** Writes operations; the parameters of all queries together are bounded. */
export class OperationWriter {
  readonly #schemas: Schemas;
  readonly #comments: CommentSource;
  #parametersLeft: number;

  /** `maxParameters`: limit on the parameters of all queries; those beyond it are left out. */
  constructor(schemas: Schemas, comments: CommentSource, maxParameters: number) {
    this.#schemas = schemas;
    this.#comments = comments;
    this.#parametersLeft = maxParameters;
  }

  /** Returns the operation `POST /package.Service/Method`. */
  direct(method: DescMethod, operationId: string): Schema {
    return {
      ...this.#head(method, operationId),
      requestBody: requestBody(method, this.#schemas.ofMessage(method.input), true),
      responses: this.#responses(method, this.#schemas.ofMessage(method.output), false),
    };
  }

  /** Returns the operation of a binding; `names` are those of its path's parameters. */
  bound(
    binding: HttpBinding,
    parameters: readonly PathParameter[],
    names: readonly string[],
    operationId: string,
  ): Schema {
    const { method: { desc }, body, rawBody, responseField, rawResponse } = binding;
    const all = [
      ...parameters.map((parameter, i) => this.#pathParameter(parameter, names[i])),
      ...this.#queryParameters(binding),
    ];
    const schema = responseField === undefined
      ? this.#schemas.ofMessage(desc.output)
      : this.#schemas.ofField(responseField);
    const content = body === undefined
      ? undefined
      : rawBody !== undefined
      ? { content: { "*/*": {} } }
      : requestBody(
        desc,
        body === "*" ? this.#schemas.ofMessage(desc.input) : this.#schemas.ofField(body),
      );
    return {
      ...this.#head(desc, operationId),
      ...(all.length > 0 && { parameters: all }),
      ...(content && { requestBody: content }),
      responses: this.#responses(desc, schema, rawResponse !== undefined),
    };
  }

  #head(method: DescMethod, operationId: string): Schema {
    const comment = this.#comments.get(`${method.parent.typeName}.${method.name}`);
    return {
      operationId,
      tags: [method.parent.typeName],
      ...(comment !== undefined && { summary: summaryOf(comment), description: comment }),
      ...(method.deprecated && { deprecated: true }),
    };
  }

  #responses(method: DescMethod, schema: Schema, raw: boolean): Schema {
    const isStream = method.methodKind === "server_streaming" ||
      method.methodKind === "bidi_streaming";
    const content = raw
      ? { "*/*": {} }
      : isStream
      ? { "application/x-ndjson": { schema }, "text/event-stream": { schema: { type: "string" } } }
      : json(schema);
    const description = isStream && !raw ? "A reply in each line, or in each event" : "The reply";
    return {
      "200": { description, content },
      default: { $ref: "#/components/responses/Error" },
    };
  }

  #pathParameter({ field, rest }: PathParameter, name: string): Schema {
    const schema = field === undefined
      ? { type: "string" }
      : this.#schemas.ofText(field[field.length - 1]);
    const comment = field && this.#commentOf(field);
    const description = [comment, rest ? "May contain slashes." : undefined]
      .filter((text) => text !== undefined).join("\n\n");
    return {
      name,
      in: "path",
      required: true,
      ...(description !== "" && { description }),
      schema,
    };
  }

  #commentOf(path: FieldPath): string | undefined {
    const { parent, name } = path[path.length - 1];
    return this.#comments.get(`${parent.typeName}.${name}`);
  }

  #queryParameters(binding: HttpBinding): Schema[] {
    const { method: { desc }, variables, body } = binding;
    if (body === "*") return [];
    const parameters: Schema[] = [];
    const isFree = (path: FieldPath) =>
      path[0] !== body &&
      !variables.some((other) => other.length <= path.length && overlaps(other, path));
    this.#addParameters(desc.input, [], isFree, parameters);
    return parameters;
  }

  #addParameters(
    type: DescMessage,
    before: readonly DescField[],
    isFree: (path: FieldPath) => boolean,
    into: Schema[],
  ): void {
    for (const field of type.fields) {
      const path = [...before, field];
      if (!isFree(path)) continue;
      if (hasText(field)) {
        if (into.length >= MAX_PARAMETERS || this.#parametersLeft === 0) return;
        this.#parametersLeft--;
        into.push(this.#queryParameter(path));
      } else if (field.fieldKind === "message" && isOpen(field.message, path)) {
        this.#addParameters(field.message, path, isFree, into);
      }
    }
  }

  #queryParameter(path: FieldPath): Schema {
    const field = path[path.length - 1];
    const comment = this.#commentOf(path);
    const required = path.length === 1 && fieldBehavior(field).required;
    return {
      name: path.map(({ jsonName }) => jsonName).join("."),
      in: "query",
      ...(required && { required }),
      ...(comment !== undefined && { description: comment }),
      ...(field.deprecated && { deprecated: true }),
      schema: this.#schemas.ofText(field),
    };
  }
}

/** Whether the fields of a nested message become parameters: not for one that contains itself, or is deep. */
function isOpen(type: DescMessage, path: FieldPath): boolean {
  if (path.length >= MAX_DEPTH || /^google\.protobuf\./.test(type.typeName)) return false;
  return path.every(({ parent }) => parent !== type);
}

/** Body of a request in JSON; that of a stream of requests is a list, or has one in each line. */
function requestBody({ methodKind }: DescMethod, schema: Schema, required?: boolean): Schema {
  if (methodKind === "unary" || methodKind === "server_streaming") {
    return { ...(required && { required }), content: json(schema) };
  }
  return {
    description: "A list of requests, or a request in each line",
    content: {
      "application/json": { schema: { type: "array", items: schema } },
      "application/x-ndjson": { schema },
    },
  };
}

function json(schema: Schema): Schema {
  return { "application/json": { schema } };
}
