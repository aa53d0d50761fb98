/**
 * Constructors of clients, made from definitions of services.
 *
 * @module
 */

import { Client } from "./client.ts";
import type { ChannelCredentials } from "./channel_credentials.ts";
import { kindOf } from "../rpc/core/definitions.ts";
import type {
  PackageDefinition,
  ProtobufTypeDefinition,
  ServiceDefinition,
} from "./definitions.ts";
import type { ClientOptions } from "./client.ts";

/** Client with a function for each method. */
export interface ServiceClient extends Client {
  /** Calls the method with this name. */
  // deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
  [methodName: string]: any;
}

/** Constructor of the clients of a service. */
export interface ServiceClientConstructor {
  /** Makes a client. */
  new (
    address: string,
    credentials: ChannelCredentials,
    options?: ClientOptions,
  ): ServiceClient;
  /** Definition of the service. */
  service: ServiceDefinition;
  /** Name of the service. */
  serviceName: string;
}

/** Packages, constructors of clients, and types, by name. */
export interface GrpcObject {
  /** What has this name. */
  [index: string]: GrpcObject | ServiceClientConstructor | ProtobufTypeDefinition;
}

const MAKERS = {
  unary: Client.prototype.makeUnaryRequest,
  server_streaming: Client.prototype.makeServerStreamRequest,
  client_streaming: Client.prototype.makeClientStreamRequest,
  bidi_streaming: Client.prototype.makeBidiStreamRequest,
};

/** Whether a name would change the prototype of an object. */
function pollutes(name: string): boolean {
  return name === "__proto__" || name === "prototype" || name === "constructor";
}

/** Makes the constructor of the clients of a service. */
export function makeClientConstructor(
  methods: ServiceDefinition,
  serviceName: string,
  _classOptions?: object,
): ServiceClientConstructor {
  class ServiceClientImpl extends Client {
    static service = methods;
    static serviceName = serviceName;
  }
  const prototype = ServiceClientImpl.prototype as unknown as Record<string, unknown>;
  for (const [name, method] of Object.entries(methods)) {
    if (pollutes(name)) continue;
    if (name.startsWith("$")) throw new Error("Method names cannot start with $");
    const make = MAKERS[kindOf(method)] as (...given: unknown[]) => unknown;
    const { path, requestSerialize, responseDeserialize, originalName } = method;
    const call = function (this: Client, ...given: unknown[]) {
      return make.call(this, path, requestSerialize, responseDeserialize, ...given);
    };
    prototype[name] = Object.assign(call, method);
    if (originalName && !pollutes(originalName)) prototype[originalName] = call;
  }
  return ServiceClientImpl as unknown as ServiceClientConstructor;
}

/** Makes constructors of clients for all services of a package definition, nested by package. */
export function loadPackageDefinition(packageDef: PackageDefinition): GrpcObject {
  const result: GrpcObject = {};
  for (const [fullName, one] of Object.entries(packageDef)) {
    const names = fullName.split(".");
    if (names.some(pollutes)) continue;
    const name = names.pop()!;
    let current = result;
    for (const part of names) current = (current[part] ??= {}) as GrpcObject;
    current[name] = "format" in one
      ? one as ProtobufTypeDefinition
      : makeClientConstructor(one as ServiceDefinition, name);
  }
  return result;
}
