/**
 * An OpenAPI document of methods: their direct paths, and those of their annotations.
 *
 * @module
 */

import type { DescService } from "@bufbuild/protobuf";
import { Status, statusName } from "../../call/status.ts";
import type { GatewayMethod } from "../gateway_method.ts";
import type { HttpBinding } from "../transcoding/binding.ts";
import type { CommentSource } from "./comment_source.ts";
import { OperationWriter } from "./operation.ts";
import { pathName, pathText } from "./path_name.ts";
import { Schemas } from "./schemas.ts";
import type { Schema } from "./value_schema.ts";

/** What a document describes. */
export interface OpenApiSource {
  /** Methods that can be called. */
  readonly methods: readonly GatewayMethod[];
  /** Bindings of these methods. */
  readonly bindings: readonly HttpBinding[];
  readonly comments: CommentSource;
  /** Title. */
  readonly title: string;
}

/** OpenAPI document (version 3.1.1), an object of JSON. */
export type OpenApiDocument = Readonly<Record<string, unknown>>;

/** Limit on the parameters of all queries. */
const MAX_PARAMETERS = 50_000;
/** HTTP methods that a path of OpenAPI 3.1 has operations for. */
const OPERATIONS = /^(?:get|put|post|delete|options|head|patch|trace)$/;

/** Builds a document. Methods with annotations have an operation for each rule beside that of their name. */
export function openApiDocument(source: OpenApiSource): OpenApiDocument {
  const { comments, title, methods } = source;
  const schemas = new Schemas(comments);
  const paths = new Paths(new OperationWriter(schemas, comments, MAX_PARAMETERS));
  for (const binding of source.bindings) paths.addBound(binding);
  for (const method of methods) paths.addDirect(method);
  const services = new Set(methods.map(({ desc }) => desc.parent));
  const all = schemas.build();
  const errorName = "Error" in all ? "_Error" : "Error";
  return {
    openapi: "3.1.1",
    info: { title, version: "1" },
    security: [{}, { bearer: [] }],
    tags: [...services].map((service) => tagOf(service, comments)),
    paths: paths.build(),
    components: {
      schemas: { ...all, [errorName]: ERROR },
      responses: {
        Error: {
          description: "The call failed",
          content: {
            "application/json": { schema: { $ref: `#/components/schemas/${errorName}` } },
          },
        },
      },
      securitySchemes: { bearer: { type: "http", scheme: "bearer" } },
    },
  };
}

function tagOf({ typeName }: DescService, comments: CommentSource): Schema {
  const description = comments.get(typeName);
  return { name: typeName, ...(description !== undefined && { description }) };
}

const ERROR: Schema = {
  type: "object",
  properties: {
    code: {
      type: "string",
      enum: Object.values(Status).filter((code) => code !== Status.OK).map(statusName),
    },
    message: { type: "string" },
    details: {
      type: "array",
      items: {
        type: "object",
        properties: {
          type: { type: "string", description: "Name of a message type." },
          value: { type: "string", contentEncoding: "base64" },
        },
        required: ["type", "value"],
      },
    },
    violations: {
      type: "array",
      description: "What is wrong with fields of the request.",
      items: {
        type: "object",
        properties: {
          field: { type: "string", description: "Path of the field, as in the .proto file." },
          description: { type: "string" },
          rule: { type: "string", description: "Id of the rule." },
        },
        required: ["field", "description"],
      },
    },
  },
  required: ["code", "message", "details"],
};

interface PathItem {
  readonly names: readonly string[];
  readonly operations: Map<string, Schema>;
}

class Paths {
  readonly #writer: OperationWriter;
  readonly #items = new Map<string, PathItem>();
  readonly #counts = new Map<string, number>();
  readonly #ids = new Set<string>();

  constructor(writer: OperationWriter) {
    this.#writer = writer;
  }

  addDirect({ path, desc }: GatewayMethod): void {
    const item = this.#item(path, []);
    const id = this.#id(`${desc.parent.name}_${desc.name}`);
    // The gateway takes the name of a method before any annotation.
    item.operations.set("post", this.#writer.direct(desc, id));
  }

  addBound(binding: HttpBinding): void {
    const { httpMethod } = binding.rule;
    // A rule for any method is shown as one of them.
    const operation = httpMethod === "*" ? "post" : httpMethod.toLowerCase();
    if (!OPERATIONS.test(operation)) return;
    const { key, parameters } = pathName(binding);
    const item = this.#item(key, parameters.map(({ name }) => name));
    if (item.operations.has(operation)) return;
    const { desc } = binding.method;
    const id = this.#id(`${desc.parent.name}_${desc.name}`);
    item.operations.set(operation, this.#writer.bound(binding, parameters, item.names, id));
  }

  #item(key: string, names: readonly string[]): PathItem {
    let item = this.#items.get(key);
    if (item === undefined) this.#items.set(key, item = { names, operations: new Map() });
    return item;
  }

  #id(name: string): string {
    let count = this.#counts.get(name) ?? 0;
    let id: string;
    do id = ++count === 1 ? name : `${name}_${count}`; while (this.#ids.has(id));
    this.#counts.set(name, count);
    this.#ids.add(id);
    return id;
  }

  build(): Schema {
    const items = [...this.#items].map(([key, { names, operations }]) =>
      [pathText(key, names), Object.fromEntries(operations)] as const
    );
    return Object.fromEntries(items.sort(([a], [b]) => a < b ? -1 : 1));
  }
}
