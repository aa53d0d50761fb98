import assert from "node:assert/strict";
import { clone, create } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  type FieldDescriptorProto,
  FieldOptionsSchema,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import { openApiOfServices } from "../../../src/gateway/openapi/services.ts";
import { Comments } from "../../../src/schema/comments.ts";
import { typesOf } from "../../../src/schema/types.ts";
import { commented } from "../../schema/commented.ts";
import { file, message, scalar } from "../../schema/descriptors.ts";
import { apiFile, HTTP_BODY, httpOptions, method, withApi } from "../transcoding/annotated.ts";

// deno-lint-ignore no-explicit-any -- documents of JSON
type Json = any;

/** Returns the document of `t.Api` with these methods, after the validator has accepted it. */
async function documentOf(
  methods: Parameters<typeof apiFile>[0],
  comments: Parameters<typeof commented>[1] = [],
  change: (field: FieldDescriptorProto) => void = () => {},
): Promise<Json> {
  const file = commented(apiFile(methods), comments);
  const all = new Comments();
  all.addFile(file);
  file.messageType.forEach((message) => message.field.forEach(change));
  const { registry, faults } = typesOf([clone(FileDescriptorProtoSchema, HTTP_BODY), file]);
  const services = ["t.Api"];
  const document = openApiOfServices({ services, registry, faults, comments: all }, "Methods");
  const json = JSON.parse(JSON.stringify(document));
  await accept(json);
  return json;
}

async function accept(document: Json): Promise<void> {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(document));
  assert.ok(valid, JSON.stringify(errors));
  assert.equal(validator.version, "3.1");
}

const RULE = {
  get: "/v1/{text=shelves/*/books/*}/{number}:read",
  additional_bindings: [{ get: "/v1/all/{book.name=**}" }, { get: "/v1/*/{text}" }],
};
const GET = method("Get", ".t.All", ".t.Book", RULE);
const ERROR = { $ref: "#/components/responses/Error" };

Deno.test("each method has an operation by its name, and one for each rule", async () => {
  const document = await documentOf([
    GET,
    method("Patch", ".t.All", ".t.Book", { patch: "/v1/{book.name=**}", body: "book" }),
    method("Post", ".t.All", ".t.Book", { post: "/v1/all", body: "*", response_body: "tags" }),
    method("Watch", ".t.All", ".t.Book", { get: "/v1/watch" }, { serverStreaming: true }),
    method("Upload", ".t.Upload", ".google.api.HttpBody", { put: "/v1/{name}", body: "file" }),
    method("Sums", ".t.All", ".t.Book", { post: "/v1/sums", body: "*" }, { clientStreaming: true }),
    method("Tail", ".t.All", ".t.Book", { post: "/v1/{text=tail/**}/end", body: "book" }, {
      clientStreaming: true,
      serverStreaming: true,
    }),
    method("Custom", ".t.All", ".t.Book", { custom: { kind: "REPORT", path: "/v1/report" } }),
    method("Bad", ".t.All", ".t.Book", { get: "/v1/{nope}" }),
  ]);
  assert.equal(document.openapi, "3.1.1");
  assert.equal(document.info.title, "Methods");
  assert.deepEqual(document.tags, [{ name: "t.Api" }]);
  assert.deepEqual(
    Object.entries<Json>(document.paths).flatMap(([path, item]) =>
      Object.keys(item).map((operation) => `${operation} ${path}`)
    ),
    [
      "post /t.Api/Bad",
      "post /t.Api/Custom",
      "post /t.Api/Get",
      "post /t.Api/Patch",
      "post /t.Api/Post",
      "post /t.Api/Sums",
      "post /t.Api/Tail",
      "post /t.Api/Upload",
      "post /t.Api/Watch",
      "post /v1/all",
      "get /v1/all/{book.name}",
      "get /v1/shelves/{shelvesId}/books/{booksId}/{number}:read",
      "post /v1/sums",
      "post /v1/tail/{tailId}/end",
      "get /v1/watch",
      "patch /v1/{book.name}",
      "put /v1/{book.name}",
      "get /v1/{v1Id}/{text}",
    ],
  );
  const post = document.paths["/v1/all"].post;
  assert.equal(post.parameters, undefined);
  assert.deepEqual(post.requestBody.content["application/json"].schema, {
    $ref: "#/components/schemas/t.All",
  });
  assert.deepEqual(post.responses["200"].content["application/json"].schema, {
    type: "array",
    items: { type: "string" },
  });
  assert.deepEqual(post.responses.default, ERROR);
  const watch = document.paths["/v1/watch"].get.responses["200"].content;
  assert.deepEqual(Object.keys(watch), ["application/x-ndjson", "text/event-stream"]);
  const sums = document.paths["/v1/sums"].post;
  const all = { $ref: "#/components/schemas/t.All" };
  assert.deepEqual(sums.requestBody.content, {
    "application/json": { schema: { type: "array", items: all } },
    "application/x-ndjson": { schema: all },
  });
  assert.deepEqual(Object.keys(sums.responses["200"].content), ["application/json"]);
  const tail = document.paths["/v1/tail/{tailId}/end"].post;
  assert.deepEqual(tail.requestBody.content["application/x-ndjson"].schema, {
    $ref: "#/components/schemas/t.Book",
  });
  assert.deepEqual(Object.keys(tail.responses["200"].content), Object.keys(watch));
  // The second template of one path has the names of the first.
  const upload = document.paths["/v1/{book.name}"].put;
  assert.deepEqual(upload.parameters.map((one: Json) => one.name), ["book.name"]);
  assert.deepEqual(upload.requestBody.content, { "*/*": {} });
  assert.deepEqual(upload.responses["200"].content, { "*/*": {} });
  const ids = Object.values<Json>(document.paths).flatMap((item) =>
    Object.values<Json>(item).map(({ operationId }) => operationId)
  );
  assert.equal(new Set(ids).size, ids.length);
});

Deno.test("parameters are what the path and the body leave", async () => {
  const document = await documentOf([GET]);
  const { parameters } = document.paths["/v1/all/{book.name}"].get;
  const byName = new Map<string, Json>(parameters.map((one: Json) => [one.name, one]));
  assert.deepEqual(byName.get("book.name"), {
    name: "book.name",
    in: "path",
    required: true,
    description: "May contain slashes.",
    schema: { type: "string" },
  });
  for (const name of ["text", "big", "numbers", "book.pageCount", "book.author.born", "time"]) {
    assert.equal(byName.get(name)?.in, "query", name);
  }
  // Messages in lists, maps and messages inside themselves have no parameters.
  for (const name of ["books", "labels", "struct", "self.text", "self", "book"]) {
    assert.equal(byName.get(name), undefined, name);
  }
  assert.deepEqual(byName.get("wrapped").schema.type, "string");
  assert.deepEqual(byName.get("kinds").schema.type, "array");
});

Deno.test("parameters are bounded: those of an operation, and those of all", () => {
  const fields = Array.from({ length: 300 }, (_, i) => scalar(`f${i}`, i + 1, "string"));
  const methods = Array.from(
    { length: 260 },
    (_, i) => method(`M${i}`, ".t.Wide", ".t.Wide", { get: `/v1/m${i}` }),
  );
  const wide = file("wide.proto", {
    messageType: [message("Wide", fields)],
    service: [{ name: "Api", method: methods }],
  });
  const { registry, faults } = typesOf([wide]);
  const described = { services: ["t.Api"], registry, faults, comments: new Comments() };
  const { paths } = openApiOfServices(described, "Methods") as Json;
  const counts = methods.map((_, i) => paths[`/v1/m${i}`].get.parameters?.length ?? 0);
  assert.equal(Math.max(...counts), 200);
  assert.equal(counts.reduce((sum, count) => sum + count, 0), 50_000);
});

Deno.test("schemas have the shapes of ProtoJSON", async () => {
  const { components } = await documentOf([method("Get", ".t.All", ".t.All")]);
  const { properties, allOf } = components.schemas["t.All"];
  const int64 = { type: "string", pattern: "^-?[0-9]{1,19}$", format: "int64" };
  assert.deepEqual(properties.big, int64);
  assert.deepEqual(properties.raw, { type: "string", contentEncoding: "base64" });
  assert.deepEqual(properties.kind, { $ref: "#/components/schemas/t.Kind" });
  assert.deepEqual(properties.wrapped, { ...int64, type: ["string", "null"] });
  assert.deepEqual(properties.wrappedText, { type: ["string", "null"] });
  assert.deepEqual(properties.time, { type: "string", format: "date-time" });
  assert.deepEqual(properties.struct, { type: "object", additionalProperties: true });
  assert.deepEqual(properties.labels, { type: "object", additionalProperties: int64 });
  assert.deepEqual(properties.books, {
    type: "array",
    items: { $ref: "#/components/schemas/t.Book" },
  });
  const sides = [{ required: ["left"] }, { required: ["right"] }];
  assert.deepEqual(allOf, [{ oneOf: [...sides, { not: { anyOf: sides } }] }]);
  assert.deepEqual(components.schemas["t.Kind"], {
    type: "string",
    enum: ["KIND_NONE", "NOVEL"],
  });
});

Deno.test("comments and options become descriptions", async () => {
  const behavior = (value: number) => {
    const options = create(FieldOptionsSchema);
    const data = new BinaryWriter().fork().int32(value).join().finish();
    options.$unknown = [{ no: 1052, wireType: WireType.LengthDelimited, data }];
    return options;
  };
  const options = httpOptions(RULE);
  options.deprecated = true;
  const document = await documentOf(
    [{ ...GET, options }],
    [
      [[4, 0], " A book.\n"],
      [[4, 0, 2, 0], " Its name:\n <b>bold</b>\n"],
      [[4, 1, 2, 0], " Which.\n"],
      [[4, 1, 8, 0], " One side.\n"],
      [[5, 0], " Kinds.\n"],
      [[5, 0, 2, 1], " A novel,\n long.\n"],
      [[6, 0], " Serves.\n"],
      [[6, 0, 2, 0], " Reads it.\n More of it.\n\n And more.\n"],
    ],
    (field) => {
      if (field.name === "name") field.options = behavior(2);
      if (field.name === "page_count") field.options = behavior(3);
      if (field.name === "tags") field.options = behavior(4);
    },
  );
  const { schemas } = document.components;
  assert.equal(schemas["t.Book"].description, "A book.");
  assert.equal(
    schemas["t.Book"].properties.name.description,
    "Its name:\n<b>bold</b>\n\nRequired.",
  );
  assert.equal(schemas["t.Book"].properties.pageCount.readOnly, true);
  assert.equal(schemas["t.Book"].properties.tags.writeOnly, true);
  assert.equal(schemas["t.All"].allOf[0].description, "One side.");
  assert.equal(schemas["t.Kind"].description, "Kinds.\n\n- `NOVEL`: A novel, long.");
  assert.deepEqual(document.tags, [{ name: "t.Api", description: "Serves." }]);
  const operation = document.paths["/v1/{v1Id}/{text}"].get;
  assert.equal(operation.summary, "Reads it. More of it.");
  assert.equal(operation.deprecated, true);
  const named = operation.parameters.find((one: Json) => one.name === "text");
  assert.equal(named.description, "Which.");
});

Deno.test("replies are valid by the schemas, and other JSON is not", async () => {
  const FULL = {
    text: "a",
    number: -1,
    big: "9223372036854775807",
    ratio: "NaN",
    small: 1.5,
    flag: true,
    raw: "AA==",
    kind: "NOVEL",
    numbers: [1],
    kinds: ["NOVEL"],
    time: "2020-01-01T00:00:00Z",
    times: ["2020-01-01T00:00:00Z"],
    span: "-1.500s",
    mask: "a,bC",
    wrapped: "7",
    wrappedText: "",
    book: { name: "x", pageCount: "1", author: {}, tags: ["y"], kind: "NOVEL" },
    books: [{}],
    self: { self: {} },
    struct: { a: [1, null] },
    left: "l",
    labels: { a: "1" },
  };
  const methods = [method("Get", ".t.All", ".t.All", { get: "/v1/all" })];
  for (const reply of [{}, FULL]) {
    await withApi(methods, async ({ fetch, gateway }) => {
      const document: Json = await gateway.openApi();
      await accept(document);
      const ajv = new Ajv2020({ strict: false, validateFormats: false });
      ajv.addSchema({ $id: "api", ...document });
      const validate = ajv.compile({ $ref: "api#/components/schemas/t.All" });
      const json = await (await fetch("/v1/all")).json();
      assert.deepEqual(json, reply);
      assert.ok(validate(json), JSON.stringify(validate.errors));
      for (
        const wrong of [{ big: 1 }, { kind: 1 }, { left: "", right: "" }, { labels: { a: 1 } }]
      ) assert.ok(!validate(wrong), JSON.stringify(wrong));
    }, { Get: [reply] });
  }
});

Deno.test("names of operations are unique", async () => {
  const names = ["A", "Get", "Get_2"];
  const document = await documentOf(
    names.map((name) => method(name, ".t.All", ".t.All", { get: `/v1/${name}` })),
  );
  const ids = Object.values<Json>(document.paths).flatMap((item) =>
    Object.values<Json>(item).map(({ operationId }) => operationId)
  );
  assert.equal(new Set(ids).size, 6, ids.join());
});
