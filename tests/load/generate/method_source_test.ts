import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import assert from "node:assert/strict";
import {
  EchoRequestSchema,
  EchoService,
  file_vrpc_echo_v1_echo,
} from "../../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import {
  file_grpc_testing_testing,
  SimpleRequestSchema,
} from "../../../proto/gen/grpc/testing/testing_pb.ts";
import {
  encodeRequests,
  findMethod,
  requestWithPayload,
  splitMethod,
  typesOfFile,
} from "../../../src/load/generate/method_source.ts";
import { file, message, service, typed } from "../../schema/descriptors.ts";

const set = (...files: FileDescriptorProto[]) =>
  toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: files }));
const types = typesOfFile(set(file_vrpc_echo_v1_echo.proto));

Deno.test("findMethod() accepts both forms of method names", () => {
  for (const name of ["vrpc.echo.v1.EchoService/Echo", "/vrpc.echo.v1.EchoService/Echo"]) {
    assert.equal(findMethod(types, name).path, "/vrpc.echo.v1.EchoService/Echo");
  }
  const stream = findMethod(types, "vrpc.echo.v1.EchoService.EchoStream");
  assert.equal(stream.kind, "bidi_streaming");
  assert.equal(stream.input.typeName, EchoService.method.echoStream.input.typeName);
});

Deno.test("findMethod() names the nearest service or method", () => {
  assert.throws(
    () => findMethod(types, "vrpc.echo.v1.EchoServise/Echo"),
    /^TypeError: Unknown service "vrpc.echo.v1.EchoServise"; did you mean vrpc.echo.v1.EchoService\?$/,
  );
  assert.throws(
    () => findMethod(types, "vrpc.echo.v1.EchoService/Ecko"),
    /^TypeError: Unknown method "Ecko" of vrpc.echo.v1.EchoService; did you mean Echo\?$/,
  );
  assert.throws(
    () => findMethod(types, "vrpc.echo.v1.EchoService/Frobnicate"),
    /: it has Echo, EchoStream$/,
  );
  assert.throws(() => splitMethod("Echo"), /use the form package.Service\/Method/);
});

Deno.test("encodeRequests() encodes one request, or many for a stream", () => {
  const unary = findMethod(types, "vrpc.echo.v1.EchoService/Echo");
  const [message] = encodeRequests(unary, '{"payload":"aGk="}');
  assert.deepEqual(fromBinary(EchoRequestSchema, message).payload, new TextEncoder().encode("hi"));
  const stream = findMethod(types, "vrpc.echo.v1.EchoService/EchoStream");
  assert.equal(encodeRequests(stream, '[{"payload":"aGk="},{},{}]').length, 3);
  assert.equal(encodeRequests(stream, "{}").length, 1);
});

Deno.test("encodeRequests() names what does not match the type", () => {
  const unary = findMethod(types, "vrpc.echo.v1.EchoService/Echo");
  assert.throws(() => encodeRequests(unary, "{"), /^TypeError: not valid JSON/);
  assert.throws(
    () => encodeRequests(unary, '{"paylod":""}'),
    /^TypeError: not a valid vrpc.echo.v1.EchoRequest message: .*paylod/,
  );
  assert.throws(
    () => encodeRequests(unary, "[{}]"),
    /not a valid vrpc.echo.v1.EchoRequest message/,
  );
});

Deno.test("requestWithPayload() fills the first field that can hold bytes", () => {
  const unary = findMethod(types, "vrpc.echo.v1.EchoService/Echo");
  const payload = new Uint8Array([1, 2, 3]);
  const message = requestWithPayload(unary, payload);
  assert.deepEqual(fromBinary(EchoRequestSchema, message).payload, payload);
  const others = typesOfFile(set(file_grpc_testing_testing.proto));
  const empty = findMethod(others, "grpc.testing.TestService/EmptyCall");
  assert.throws(() => requestWithPayload(empty, payload), /has no field of type bytes or string/);
  const simple = findMethod(others, "grpc.testing.TestService/UnaryCall");
  assert.equal(simple.input.typeName, SimpleRequestSchema.typeName);
});

Deno.test("typesOfFile() rejects bytes that are not a descriptor set", () => {
  assert.throws(() => typesOfFile(new Uint8Array([1, 2, 3])), /^TypeError: not a descriptor set: /);
});

Deno.test("findMethod() says what a method lacks, and finds the others", () => {
  const partial = typesOfFile(set(file("a.proto", {
    messageType: [message("A", [typed("gone", 1, ".t.Gone")]), message("B")],
    service: [service("S", { Bad: [".t.A", ".t.B"], Good: [".t.B", ".t.B"] })],
  })));
  assert.throws(
    () => findMethod(partial, "t.S/Bad"),
    /^TypeError: Cannot call \/t\.S\/Bad: the type t\.Gone of t\.A\.gone is missing$/,
  );
  assert.equal(findMethod(partial, "t.S/Good").path, "/t.S/Good");
});
