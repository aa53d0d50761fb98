import assert from "node:assert/strict";
import { create, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Echo } from "../../proto/gen/bench/echo_pb.ts";
import {
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from "../../proto/gen/grpc/reflection/v1/reflection_pb.ts";
import { file_google_rpc_error_details } from "../../proto/gen/google/rpc/error_details_pb.ts";
import { Status } from "../../src/call/status.ts";
import { protobufCodec } from "../../src/codec/protobuf.ts";
import { addReflection } from "../../src/services/reflection.ts";
import { FakeCall, FakeHost } from "../fixtures/fake_call.ts";

type Question = ServerReflectionRequest["messageRequest"];

/** Sends requests on one stream with one of the two versions, whose messages are the same on the wire. */
async function ask(version: "v1" | "v1alpha", questions: Question[]) {
  const host = new FakeHost((router) => {
    addReflection(router, { files: [file_google_rpc_error_details] });
    router.service(Echo, { unary: (request) => request });
  });
  const call = host.accept(
    new FakeCall(`/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`),
  );
  for (const messageRequest of questions) {
    const request = create(ServerReflectionRequestSchema, { host: "h", messageRequest });
    call.sink.onMessage(protobufCodec(ServerReflectionRequestSchema).encode(request), false);
  }
  call.sink.onHalfClose();
  await call.ended;
  const answers = call.messages.map((bytes) => {
    const response = protobufCodec(ServerReflectionResponseSchema).decode(bytes);
    assert.equal(response.validHost, "h");
    assert.ok(response.originalRequest);
    return response.messageResponse;
  });
  return { answers, status: call.status };
}

function fileNames(answer: Awaited<ReturnType<typeof ask>>["answers"][0]): string[] {
  assert.equal(answer.case, "fileDescriptorResponse");
  return answer.value.fileDescriptorProto.map((b) => fromBinary(FileDescriptorProtoSchema, b).name);
}

for (const version of ["v1", "v1alpha"] as const) {
  Deno.test(`reflection ${version} lists services and finds files by name and symbol`, async () => {
    const { answers, status } = await ask(version, [
      { case: "listServices", value: "" },
      { case: "fileContainingSymbol", value: "bench.Echo" },
      { case: "fileContainingSymbol", value: "bench.Echo.Unary" },
      { case: "fileContainingSymbol", value: ".bench.Msg.payload" },
      { case: "fileContainingSymbol", value: "google.rpc.RetryInfo" },
      { case: "fileByFilename", value: "google/protobuf/any.proto" },
      { case: "fileContainingSymbol", value: "google.protobuf.Timestamp" },
      { case: "fileContainingSymbol", value: "google.protobuf.NULL_VALUE" },
      { case: "fileContainingSymbol", value: "no.Such" },
      { case: "fileByFilename", value: "no/such.proto" },
    ]);
    assert.equal(status, Status.OK);
    const list = answers[0];
    assert.equal(list.case, "listServicesResponse");
    assert.deepEqual(list.value.service.map((s) => s.name), [
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
      "bench.Echo",
    ]);
    for (const answer of answers.slice(1, 4)) assert.deepEqual(fileNames(answer), ["echo.proto"]);
    // With its dependencies at first, later without.
    assert.deepEqual(fileNames(answers[4]), [
      "google/rpc/error_details.proto",
      "google/protobuf/duration.proto",
    ]);
    assert.deepEqual(fileNames(answers[5]), ["google/protobuf/any.proto"]);
    assert.deepEqual(fileNames(answers[6]), ["google/protobuf/timestamp.proto"]);
    assert.deepEqual(fileNames(answers[7]), ["google/protobuf/struct.proto"]);
    for (const answer of answers.slice(8)) {
      assert.equal(answer.case, "errorResponse");
      assert.equal(answer.value.errorCode, Status.NOT_FOUND);
    }
  });
}

Deno.test("reflection finds extensions, and rejects empty requests", async () => {
  const { answers, status } = await ask("v1", [
    { case: "allExtensionNumbersOfType", value: "bench.Msg" },
    { case: "allExtensionNumbersOfType", value: "no.Such" },
    {
      case: "fileContainingExtension",
      value: {
        $typeName: "grpc.reflection.v1.ExtensionRequest",
        containingType: "bench.Msg",
        extensionNumber: 5,
      },
    },
    { case: undefined },
  ]);
  assert.deepEqual(answers.map((a) => a.case), [
    "allExtensionNumbersResponse",
    "errorResponse",
    "errorResponse",
  ]);
  assert.equal(status, Status.INVALID_ARGUMENT);
});
