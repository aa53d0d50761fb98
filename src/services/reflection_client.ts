/**
 * Reads the services and types of a server (grpc.reflection.v1, else v1alpha). The server is not trusted: its
 * replies are bounded in bytes, files, elements, depth and time. If a type is missing or invalid, only the methods that
 * use it are reported as unusable.
 *
 * @module
 */

import { create, type FileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { FileDescriptorProto } from "@bufbuild/protobuf/wkt";
import {
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from "../../proto/gen/grpc/reflection/v1/reflection_pb.ts";
import { Status } from "../call/status.ts";
import { RpcError, textOf } from "../errors.ts";
import { checkRange, measured } from "../limits/ranges.ts";
import type { Channel } from "../rpc/channel/channel.ts";
import type { Session } from "../rpc/client/session.ts";
import type { CallOptions } from "../rpc/core/types.ts";
import { Comments } from "../schema/comments.ts";
import { countElements, decodeFile } from "../schema/decode.ts";
import { DescriptorBudget, type DescriptorLimits } from "../schema/limits.ts";
import { typesOf } from "../schema/types.ts";
import { isWellKnownFile } from "../schema/well_known_types.ts";

// Both versions have the same messages under different names.
const PATHS = [
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
  "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/** Limit on the length of a peer's text in an error, and of a service's name, in characters. */
const MAX_TEXT_CHARS = 512;

type Question = ServerReflectionRequest["messageRequest"];

/** Options of {@link reflectServices}, with bounds on what the server may send. */
export interface ReflectOptions extends DescriptorLimits {
  /** Time until everything is read, in ms, 1 to 86,400,000. Default 10,000. */
  timeoutMs?: number;
  /** Metadata of the reflection call, for example `authorization`. Default: none. */
  metadata?: CallOptions["metadata"];
}

/** Services and types that a server lists. */
export interface Reflected {
  /** Full names of the server's services. */
  readonly services: readonly string[];
  /** Types of the services, and the well-known types. */
  readonly registry: FileRegistry;
  /** Methods (`/package.Service/Method`) and services that the server does not describe fully, each with the reason. */
  readonly faults: ReadonlyMap<string, string>;
  /** Comments by full name, as far as the server sends them: most remove comments from their descriptors. */
  readonly comments: { get(name: string): string | undefined };
}

/**
 * Reads the services of a server. Rejects with RpcError: UNIMPLEMENTED when it has no reflection, UNAVAILABLE when it
 * can't be reached, RESOURCE_EXHAUSTED when it sends more than the limits allow, DEADLINE_EXCEEDED when it takes too
 * long, INTERNAL when its replies are invalid; with RangeError for options out of range.
 */
export function reflectServices(
  channel: Channel,
  options: ReflectOptions = {},
): Promise<Reflected> {
  return withReader(channel, options, (reader) => reader.readServices());
}

/**
 * Reads the file that defines a message, service or other symbol, with all imports. Resolves to undefined when the
 * server does not know the symbol. Rejects as {@link reflectServices}.
 */
export function reflectSymbol(
  channel: Channel,
  symbol: string,
  options: ReflectOptions = {},
): Promise<FileRegistry | undefined> {
  return withReader(channel, options, (reader) => reader.readSymbol(symbol));
}

async function withReader<T>(
  channel: Channel,
  options: ReflectOptions,
  body: (reader: ReflectionReader) => Promise<T>,
): Promise<T> {
  const { timeoutMs = 10_000, metadata } = options;
  checkRange("timeoutMs", timeoutMs, measured(1, 86_400_000));
  const budget = new DescriptorBudget(options);
  const startMs = performance.now();
  let unimplemented: unknown;
  for (const path of PATHS) {
    const leftMs = Math.max(0, timeoutMs - (performance.now() - startMs));
    try {
      await using session = channel.session(path, { timeoutMs: leftMs, metadata });
      return await body(new ReflectionReader(session, budget));
    } catch (error) {
      if (!(error instanceof RpcError) || error.code !== Status.UNIMPLEMENTED) throw error;
      unimplemented = error;
    }
  }
  throw unimplemented;
}

/** Reads files from the reflection service of one server. */
class ReflectionReader {
  readonly #session: Session;
  readonly #budget: DescriptorBudget;
  readonly #files = new Map<string, FileDescriptorProto>();
  readonly #described = new Set<string>();
  readonly #faults = new Map<string, string>();
  readonly #comments = new Comments();
  /** Files in the order they came, each with its distance from a service. */
  readonly #received: { file: FileDescriptorProto; depth: number }[] = [];

  constructor(session: Session, budget: DescriptorBudget) {
    this.#session = session;
    this.#budget = budget;
  }

  async readSymbol(symbol: string): Promise<FileRegistry | undefined> {
    await this.#take({ case: "fileContainingSymbol", value: symbol }, 0);
    if (this.#files.size === 0) return undefined;
    await this.#readImports();
    await this.#session.closeSend();
    return typesOf(this.#files.values()).registry;
  }

  async readServices(): Promise<Reflected> {
    const services = await this.#services();
    for (const name of services) {
      if (this.#described.has(name)) continue;
      const fault = await this.#take({ case: "fileContainingSymbol", value: name }, 0);
      if (this.#described.has(name)) continue;
      this.#faults.set(name, `the server's reflection does not describe ${name}${fault}`);
    }
    await this.#readImports();
    await this.#session.closeSend();
    const { registry, faults } = typesOf(this.#files.values());
    const all = new Map([...this.#faults, ...faults]);
    return { services, registry, faults: all, comments: this.#comments };
  }

  async #services(): Promise<string[]> {
    const { messageResponse } = await this.#ask({ case: "listServices", value: "" });
    if (messageResponse.case !== "listServicesResponse") {
      throw new RpcError(
        Status.INTERNAL,
        `The server's reflection does not list its services${reasonOf(messageResponse)}`,
      );
    }
    const { service } = messageResponse.value;
    this.#budget.checkFiles(service.length, "services");
    return [...new Set(service.map((one) => one.name.slice(0, MAX_TEXT_CHARS)))];
  }

  /** Requests each import once, whether or not the server sends it; types of missing files stay undefined. */
  async #readImports(): Promise<void> {
    const asked = new Set<string>();
    // The list grows while it is gone through.
    for (const { file, depth: above } of this.#received) {
      const depth = above + 1;
      for (const name of file.dependency) {
        if (this.#files.has(name) || asked.has(name) || isWellKnownFile(name)) continue;
        if (depth > this.#budget.maxDepth) {
          throw new RpcError(
            Status.RESOURCE_EXHAUSTED,
            `The files of the server's reflection import each other over more than ${this.#budget.maxDepth} steps ` +
              "(maxDepth)",
          );
        }
        asked.add(name);
        this.#budget.checkFiles(asked.size, "files");
        await this.#take({ case: "fileByFilename", value: name }, depth);
      }
    }
  }

  /**
   * Sends a question and keeps the files of the reply. Returns an empty text, or `: ` and the reason why there are
   * none.
   */
  async #take(question: Question, depth: number): Promise<string> {
    const { messageResponse } = await this.#ask(question);
    if (messageResponse.case !== "fileDescriptorResponse") return reasonOf(messageResponse);
    let fault = "";
    for (const bytes of messageResponse.value.fileDescriptorProto) {
      try {
        const file = decodeFile(bytes, this.#budget);
        if (this.#add(file, depth)) this.#comments.addFile(file, bytes);
      } catch (error) {
        if (error instanceof RpcError) throw error;
        fault = `: its file cannot be decoded: ${textOf(error).slice(0, MAX_TEXT_CHARS)}`;
      }
    }
    return fault;
  }

  /** Keeps a file. Returns false when there is one of its name already. */
  #add(file: FileDescriptorProto, depth: number): boolean {
    if (this.#files.has(file.name)) return false;
    // Files without a name get a number as key, so that they do not replace each other.
    const key = file.name === "" ? `\0${this.#files.size}` : file.name;
    this.#files.set(key, file);
    this.#budget.checkFiles(this.#files.size, "files");
    this.#received.push({ file, depth });
    for (const { name } of file.service) {
      this.#described.add(file.package === "" ? name : `${file.package}.${name}`);
    }
    return true;
  }

  async #ask(messageRequest: Question): Promise<ServerReflectionResponse> {
    const request = create(ServerReflectionRequestSchema, { messageRequest });
    await this.#session.send(toBinary(ServerReflectionRequestSchema, request));
    const reply = await this.#session.receive();
    if (reply === null) {
      throw new RpcError(Status.INTERNAL, "The server's reflection ended without a reply");
    }
    try {
      const budget = this.#budget;
      budget.takeBytes(reply.length);
      budget.takeElements(
        countElements(ServerReflectionResponseSchema, reply, budget.elementsLeft),
      );
      return fromBinary(ServerReflectionResponseSchema, reply);
    } catch (cause) {
      if (cause instanceof RpcError) throw cause;
      throw new RpcError(
        Status.INTERNAL,
        `The server's reflection sent an invalid reply: ${textOf(cause)}`,
        { cause },
      );
    }
  }
}

function reasonOf(response: ServerReflectionResponse["messageResponse"]): string {
  return response.case === "errorResponse"
    ? `: ${response.value.errorMessage.slice(0, MAX_TEXT_CHARS)}`
    : "";
}
