/**
 * Methods that flows call: by their name, with JSON, or by their descriptor, with messages.
 *
 * @module
 */

import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { protobufJsonCodec } from "../../codec/proto_json.ts";
import { clientStreams, type MethodKind, serverStreams } from "../../call/method.ts";
import { findMethod, KINDS, requestEncoder, splitMethod, type Types } from "./method_source.ts";

/** Method of a flow. */
export interface FlowMethod {
  /** Path. */
  readonly path: string;
  /** Kind. */
  readonly kind: MethodKind;
  /** Encodes a request, or the list of a stream. Throws TypeError for what its type does not allow. */
  encode(request: unknown): Uint8Array[];
  /** Decodes a reply: a value, or a list for a stream. */
  decode(messages: readonly Uint8Array[]): unknown;
}

/** Finds methods, and remembers them. */
export class FlowMethods {
  readonly #typesOf: (service: string) => Promise<Types>;
  readonly #known = new Map<string | DescMethod, FlowMethod>();
  readonly #reading = new Map<string, Promise<Types>>();

  /** `typesOf` reads the types of a service. */
  constructor(typesOf: (service: string) => Promise<Types>) {
    this.#typesOf = typesOf;
  }

  /** Names of the methods that were called by name. */
  get names(): string[] {
    return [...this.#known.keys()].filter((key) => typeof key === "string");
  }

  /** Returns a method that was found before. */
  known(method: string | DescMethod): FlowMethod | undefined {
    return this.#known.get(method);
  }

  /** Finds a method. Rejects with TypeError when there is none. */
  async find(method: string | DescMethod): Promise<FlowMethod> {
    const found = typeof method === "string" ? await this.#byName(method) : byDescriptor(method);
    this.#known.set(method, found);
    return found;
  }

  async #byName(name: string): Promise<FlowMethod> {
    const { service } = splitMethod(name);
    const reading = this.#reading.get(service) ?? this.#typesOf(service);
    this.#reading.set(service, reading);
    const found = findMethod(await reading, name);
    const encode = requestEncoder(found);
    const codec = protobufJsonCodec(found.output, {
      registry: found.registry,
      alwaysEmitImplicit: true,
    });
    const decoder = new TextDecoder();
    const valueOf = (message: Uint8Array) =>
      JSON.parse(decoder.decode(codec.encode(fromBinary(found.output, message))));
    return {
      path: found.path,
      kind: found.kind,
      encode(request = clientStreams(found.kind) ? [] : {}) {
        return encode(typeof request === "string" ? request : JSON.stringify(request));
      },
      decode: decoderOf(found.kind, valueOf),
    };
  }
}

function byDescriptor(method: DescMethod): FlowMethod {
  const { input, output } = method;
  const kind = KINDS[method.methodKind];
  const encodeOne = (request: unknown) =>
    toBinary(input, create(input, request as MessageInitShape<DescMessage>));
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    kind,
    encode: (request) =>
      clientStreams(kind) ? (request as unknown[]).map(encodeOne) : [encodeOne(request)],
    decode: decoderOf(kind, (message) => fromBinary(output, message)),
  };
}

function decoderOf(kind: MethodKind, valueOf: (message: Uint8Array) => unknown) {
  return (messages: readonly Uint8Array[]) =>
    serverStreams(kind) ? messages.map(valueOf) : valueOf(messages[0]);
}
