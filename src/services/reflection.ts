/**
 * The standard reflection service, `grpc.reflection.v1` and `v1alpha`, with which grpcurl and similar tools
 * list services and methods.
 *
 * @module
 */

import type { DescFile } from "@bufbuild/protobuf";
import { ServerReflection } from "../../proto/gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../../proto/gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { Status } from "../call/status.ts";
import { RpcError } from "../errors.ts";
import type { Router } from "../rpc/dispatch/router.ts";
import { FileIndex } from "./file_index.ts";

/** Options of {@link addReflection}. */
export interface ReflectionOptions {
  /** Files to list beside those of the registered services, for example with messages packed into Any. */
  files?: readonly DescFile[];
}

type Question =
  | { case: "fileByFilename" | "fileContainingSymbol" | "allExtensionNumbersOfType"; value: string }
  | {
    case: "fileContainingExtension";
    value: { containingType: string; extensionNumber: number };
  }
  | { case: "listServices"; value: string }
  | { case: undefined; value?: undefined };

type Answer =
  | { case: "fileDescriptorResponse"; value: { fileDescriptorProto: Uint8Array[] } }
  | {
    case: "allExtensionNumbersResponse";
    value: { baseTypeName: string; extensionNumber: number[] };
  }
  | { case: "listServicesResponse"; value: { service: { name: string }[] } }
  | { case: "errorResponse"; value: { errorCode: number; errorMessage: string } };

/**
 * Adds server reflection, both versions, to a router. It lists the services that are registered at its
 * first request, the files they depend on, their extensions, and all well-known types.
 */
export function addReflection(router: Router, options: ReflectionOptions = {}): void {
  let index: FileIndex | undefined;
  let count = -1;
  const current = (): FileIndex => {
    const { services } = router;
    if (!index || services.length !== count) {
      count = services.length;
      index = new FileIndex([...services.map((s) => s.file), ...options.files ?? []]);
    }
    return index;
  };
  // One function answers both versions of the service: their messages have the same fields, and a reply given as a plain
  // object does not name its type.
  const answers = async function* <R extends { messageRequest: Question; host: string }>(
    requests: AsyncIterable<R>,
  ) {
    const sent = new Set<string>();
    for await (const request of requests) {
      yield {
        validHost: request.host,
        originalRequest: request,
        messageResponse: answer(request.messageRequest, current(), router, sent),
      };
    }
  };
  router.service(ServerReflection, { serverReflectionInfo: (requests) => answers(requests) });
  router.service(ServerReflectionAlpha, { serverReflectionInfo: (requests) => answers(requests) });
}

function answer(question: Question, index: FileIndex, router: Router, sent: Set<string>): Answer {
  switch (question.case) {
    case "fileByFilename":
      return files(index, index.byName(question.value), sent, `file ${question.value}`);
    case "fileContainingSymbol":
      return files(index, index.bySymbol(question.value), sent, `symbol ${question.value}`);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = question.value;
      return files(
        index,
        index.byExtension(containingType, extensionNumber),
        sent,
        `extension ${extensionNumber} of ${containingType}`,
      );
    }
    case "allExtensionNumbersOfType": {
      const extensionNumber = index.extensionNumbers(question.value);
      if (!extensionNumber) return notFound(`type ${question.value}`);
      return {
        case: "allExtensionNumbersResponse",
        value: { baseTypeName: question.value, extensionNumber },
      };
    }
    case "listServices":
      return {
        case: "listServicesResponse",
        value: { service: router.services.map((s) => ({ name: s.typeName })) },
      };
    default:
      throw new RpcError(
        Status.INVALID_ARGUMENT,
        "The reflection request is empty: set one of its fields",
      );
  }
}

/** Encodes a file and its dependencies, except those already sent on this stream. */
function files(
  index: FileIndex,
  file: DescFile | undefined,
  sent: Set<string>,
  what: string,
): Answer {
  if (!file) return notFound(what);
  return {
    case: "fileDescriptorResponse",
    value: { fileDescriptorProto: index.withDependencies(file, sent) },
  };
}

function notFound(what: string): Answer {
  return {
    case: "errorResponse",
    value: { errorCode: Status.NOT_FOUND, errorMessage: `Unknown ${what.slice(0, 300)}` },
  };
}
