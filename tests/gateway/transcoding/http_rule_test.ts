import assert from "node:assert/strict";
import { create, type DescMethod, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { FileDescriptorProtoSchema, MethodOptionsSchema } from "@bufbuild/protobuf/wkt";
import { httpRules } from "../../../src/gateway/transcoding/http_rule.ts";
import { typesOf } from "../../../src/schema/types.ts";
import {
  apiFile,
  encodeRule,
  HTTP_BODY,
  httpOptions,
  method,
  read,
  type Rule,
} from "./annotated.ts";

/** Returns a method with options, after a way over the wire as reflection sends it. */
function methodWith(options: ReturnType<typeof httpOptions>): DescMethod {
  const file = apiFile([{ ...method("Get", ".t.All", ".t.All"), options }]);
  const sent = fromBinary(FileDescriptorProtoSchema, toBinary(FileDescriptorProtoSchema, file));
  return typesOf([HTTP_BODY, sent]).registry.getService("t.Api")!.methods[0];
}

const rulesOf = (...rules: Rule[]) => httpRules(methodWith(httpOptions(...rules)));

Deno.test("httpRules() reads every pattern of google.api.HttpRule", () => {
  assert.deepEqual(httpRules(methodWith(create(MethodOptionsSchema))), []);
  for (const pattern of ["get", "put", "post", "delete", "patch"] as const) {
    assert.deepEqual(rulesOf({ [pattern]: "/v1/a" }), [
      read({ httpMethod: pattern.toUpperCase(), path: "/v1/a" }),
    ]);
  }
  assert.deepEqual(rulesOf({ custom: { kind: "HEAD", path: "/v1/b" } }), [
    read({ httpMethod: "HEAD", path: "/v1/b" }),
  ]);
  assert.deepEqual(rulesOf({ post: "/v1/a", body: "*", response_body: "book" }), [
    read({ httpMethod: "POST", path: "/v1/a", body: "*", responseBody: "book" }),
  ]);
});

Deno.test("httpRules() lists additional bindings after the rule, and refuses nested ones", () => {
  const additional = [{ get: "/v1/b" }, { put: "/v1/c", body: "book" }];
  assert.deepEqual(rulesOf({ get: "/v1/a", additional_bindings: additional }), [
    read({ httpMethod: "GET", path: "/v1/a" }),
    read({ httpMethod: "GET", path: "/v1/b" }),
    read({ httpMethod: "PUT", path: "/v1/c", body: "book" }),
  ]);
  const nested = { get: "/v1/b", additional_bindings: [{ get: "/v1/c" }] };
  assert.throws(() => rulesOf({ get: "/v1/a", additional_bindings: [nested] }), /additional/);
  const many = Array.from({ length: 1_001 }, () => ({ get: "/v1/b" }));
  assert.throws(() => rulesOf({ get: "/v1/a", additional_bindings: many }), /limit is 1000/);
  assert.equal(rulesOf({ get: "/v1/a", additional_bindings: many.slice(1) }).length, 1_001);
});

Deno.test("httpRules() merges occurrences of the option, as decoders of protobuf do", () => {
  assert.deepEqual(rulesOf({ get: "/v1/a", body: "*" }, { post: "/v1/b" }), [
    read({ httpMethod: "POST", path: "/v1/b", body: "*" }),
  ]);
});

Deno.test("httpRules() skips other options and unknown fields, and throws for damaged ones", () => {
  const options = httpOptions({ get: "/v1/a" });
  options.deprecated = true;
  const more = new BinaryWriter().raw(encodeRule({ get: "/v1/b" }))
    .tag(1, WireType.LengthDelimited).string("selector").tag(99, WireType.Varint).uint32(7)
    .finish();
  const data = new BinaryWriter().bytes(more).finish();
  options.$unknown!.push({ no: 72_295_728, wireType: WireType.LengthDelimited, data });
  options.$unknown!.push({ no: 72_295_729, wireType: WireType.Varint, data: new Uint8Array([1]) });
  assert.deepEqual(httpRules(methodWith(options)), [read({ httpMethod: "GET", path: "/v1/b" })]);
  const damaged = httpOptions({ get: "/v1/a" });
  damaged.$unknown![0] = { ...damaged.$unknown![0], data: new Uint8Array([3, 0x12, 9, 0x2f]) };
  assert.throws(() => httpRules(methodWith(damaged)));
});
