/**
 * Definitions of services, as proto-loader and the generators for grpc-js make them.
 *
 * @module
 */

import type { Buffer } from "node:buffer";

/** Encodes a message. */
export type Serialize<T> = (value: T) => Buffer;

/** Decodes a message. */
export type Deserialize<T> = (bytes: Buffer) => T;

/** Method, for a client. */
export interface ClientMethodDefinition<RequestType, ResponseType> {
  /** Path, for example `/package.Service/Method`. */
  path: string;
  /** Whether requests are a stream. */
  requestStream: boolean;
  /** Whether replies are a stream. */
  responseStream: boolean;
  /** Encodes requests. */
  requestSerialize: Serialize<RequestType>;
  /** Decodes replies. */
  responseDeserialize: Deserialize<ResponseType>;
  /** Second name of the method, in lower camel case. */
  originalName?: string;
}

/** Method, for a server. */
export interface ServerMethodDefinition<RequestType, ResponseType> {
  /** Path, for example `/package.Service/Method`. */
  path: string;
  /** Whether requests are a stream. */
  requestStream: boolean;
  /** Whether replies are a stream. */
  responseStream: boolean;
  /** Encodes replies. */
  responseSerialize: Serialize<ResponseType>;
  /** Decodes requests. */
  requestDeserialize: Deserialize<RequestType>;
  /** Second name of the method, in lower camel case. */
  originalName?: string;
}

/** Method, for both sides. */
export interface MethodDefinition<RequestType, ResponseType>
  extends
    ClientMethodDefinition<RequestType, ResponseType>,
    ServerMethodDefinition<RequestType, ResponseType> {}

/** Method with messages of any type. */
// deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
export type AnyMethodDefinition = MethodDefinition<any, any>;

/** Methods of a service, by name. */
// deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
export type ServiceDefinition<ImplementationType = Record<string, any>> = {
  readonly [index in keyof ImplementationType]: AnyMethodDefinition;
};

/** Message or enum of a package definition. */
export interface ProtobufTypeDefinition {
  /** Format of `type`. */
  format: string;
  /** Descriptor. */
  type: object;
  /** Encoded FileDescriptorProtos that it needs. */
  fileDescriptorProtos: Buffer[];
}

/** Services and types by their full names, as proto-loader returns them. */
export interface PackageDefinition {
  /** Service or type with this full name. */
  [index: string]: ServiceDefinition | ProtobufTypeDefinition;
}
