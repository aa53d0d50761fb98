/**
 * Reflection services that answer what a test wants.
 *
 * @module
 */

import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { Router } from "../../mod.ts";
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponseSchema,
} from "../../proto/gen/grpc/reflection/v1/reflection_pb.ts";

type Question = ServerReflectionRequest["messageRequest"];
type Answer = MessageInitShape<typeof ServerReflectionResponseSchema>["messageResponse"];

/** Adds a reflection service that answers each question by `answer`; it ends when that gives undefined. */
export function addReflectionOf(
  router: Router,
  answer: (question: Question) => Answer | undefined | Promise<Answer | undefined>,
): void {
  router.service(ServerReflection, {
    async *serverReflectionInfo(requests) {
      for await (const { messageRequest } of requests) {
        const messageResponse = await answer(messageRequest);
        if (messageResponse === undefined) return;
        yield { messageResponse };
      }
    },
  });
}

/** The answer that lists services. */
export function services(...names: string[]): Answer {
  return listOf(names);
}

/** The answer that lists any number of services. */
export function listOf(names: readonly string[]): Answer {
  return {
    case: "listServicesResponse",
    value: { service: names.map((name) => ({ name })) },
  };
}

/** The answer with files, given whole or as bytes. */
export function files(...all: (FileDescriptorProto | Uint8Array)[]): Answer {
  return {
    case: "fileDescriptorResponse",
    value: {
      fileDescriptorProto: all.map((one) =>
        one instanceof Uint8Array ? one : toBinary(FileDescriptorProtoSchema, one)
      ),
    },
  };
}

/** The answer that nothing is known by a name. */
export function unknown(errorMessage: string): Answer {
  return { case: "errorResponse", value: { errorCode: 5, errorMessage } };
}

/**
 * Reflection whose files never end: each has `bytes` bytes and imports the next. Calls `asked` with the number of files
 * so far.
 */
export function endlessFiles(bytes: number, asked: (count: number) => void = () => {}) {
  const filler = "x".repeat(bytes);
  let count = 0;
  return (question: Question): Answer => {
    if (question.case === "listServices") return services("t.S");
    asked(++count);
    return files(create(FileDescriptorProtoSchema, {
      name: question.case === "fileByFilename" ? question.value : "0.proto",
      package: "t",
      dependency: [`${count}.proto`],
      options: { javaPackage: filler },
      service: count === 1 ? [{ name: "S" }] : [],
    }));
  };
}
