/**
 * Converts a generated service descriptor for grpc-js.
 *
 * @module
 */

import { create, type DescService, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";

/** Methods by their local names. */
export function grpcJsService(service: DescService): ServiceDefinition {
  const methods: Record<string, MethodDefinition<Message, Message>> = {};
  for (const method of service.methods) {
    methods[method.localName] = {
      path: `/${service.typeName}/${method.name}`,
      requestStream: method.methodKind === "client_streaming" ||
        method.methodKind === "bidi_streaming",
      responseStream: method.methodKind === "server_streaming" ||
        method.methodKind === "bidi_streaming",
      requestSerialize: (init) => Buffer.from(toBinary(method.input, create(method.input, init))),
      requestDeserialize: (bytes) => fromBinary(method.input, bytes),
      responseSerialize: (init) =>
        Buffer.from(toBinary(method.output, create(method.output, init))),
      responseDeserialize: (bytes) => fromBinary(method.output, bytes),
    };
  }
  return methods;
}
