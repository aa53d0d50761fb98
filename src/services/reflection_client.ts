/**
 * Reads the services and types of a server (grpc.reflection.v1, else v1alpha).
 *
 * @module
 */

import {
  create,
  createFileRegistry,
  type FileRegistry,
  fromBinary,
  toBinary,
} from "@bufbuild/protobuf";
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import {
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from "../../proto/gen/grpc/reflection/v1/reflection_pb.ts";
import { Status } from "../call/status.ts";
import { RpcError } from "../errors.ts";
import type { Channel } from "../rpc/channel/channel.ts";
import type { Session } from "../rpc/client/session.ts";
import type { CallOptions } from "../rpc/core/types.ts";

// Both versions have the same messages under different names.
const PATHS = [
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
  "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

type Question = ServerReflectionRequest["messageRequest"];

/** Services and types that a server lists. */
export interface Reflected {
  /** Full names of its services. */
  readonly services: readonly string[];
  /** Their files with all imports. */
  readonly registry: FileRegistry;
}

/**
 * Reads the services of a server. Rejects with RpcError: UNIMPLEMENTED when it has no reflection,
 * UNAVAILABLE when it can't be reached, INTERNAL when its replies are incomplete or invalid.
 */
export function reflectServices(channel: Channel, options: CallOptions): Promise<Reflected> {
  return withSession(channel, options, askServices);
}

/**
 * Reads the file that defines a message, service or other symbol, with all imports. Resolves to undefined when the
 * server does not know the symbol. Rejects as {@link reflectServices}.
 */
export function reflectSymbol(
  channel: Channel,
  symbol: string,
  options: CallOptions,
): Promise<FileRegistry | undefined> {
  return withSession(channel, options, async (session) => {
    const reply = await ask(session, { case: "fileContainingSymbol", value: symbol });
    if (reply.messageResponse.case === "errorResponse") return undefined;
    const files: Files = new Map();
    addFiles(files, reply, symbol);
    return await completed(session, files);
  });
}

async function withSession<T>(
  channel: Channel,
  options: CallOptions,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  let unimplemented: unknown;
  for (const path of PATHS) {
    try {
      await using session = channel.session(path, options);
      return await use(session);
    } catch (error) {
      if (!(error instanceof RpcError) || error.code !== Status.UNIMPLEMENTED) throw error;
      unimplemented = error;
    }
  }
  throw unimplemented;
}

async function askServices(session: Session): Promise<Reflected> {
  const listing = await ask(session, { case: "listServices", value: "" });
  const services = listing.messageResponse.case === "listServicesResponse"
    ? listing.messageResponse.value.service.map((one) => one.name)
    : [];
  const files: Files = new Map();
  for (const service of services) {
    addFiles(files, await ask(session, { case: "fileContainingSymbol", value: service }), service);
  }
  return { services, registry: await completed(session, files) };
}

/** Files by name. */
type Files = Map<string, FileDescriptorProto>;

function addFiles(files: Files, { messageResponse }: ServerReflectionResponse, what: string): void {
  if (messageResponse.case !== "fileDescriptorResponse") {
    const why = messageResponse.case === "errorResponse"
      ? `: ${messageResponse.value.errorMessage}`
      : "";
    throw new RpcError(Status.INTERNAL, `The server's reflection does not describe ${what}${why}`);
  }
  for (const bytes of messageResponse.value.fileDescriptorProto) {
    const file = fromBinary(FileDescriptorProtoSchema, bytes);
    files.set(file.name, file);
  }
}

/** Reads the missing imports of `files` and returns the registry of all. */
async function completed(session: Session, files: Files): Promise<FileRegistry> {
  for (let name = missingFile(files); name !== undefined; name = missingFile(files)) {
    addFiles(files, await ask(session, { case: "fileByFilename", value: name }), name);
    if (!files.has(name)) {
      throw new RpcError(
        Status.INTERNAL,
        `The server's reflection does not return the file ${name}`,
      );
    }
  }
  await session.closeSend();
  return registryOf(files);
}

function missingFile(files: ReadonlyMap<string, FileDescriptorProto>): string | undefined {
  for (const file of files.values()) {
    for (const name of file.dependency) if (!files.has(name)) return name;
  }
  return undefined;
}

// In a FileDescriptorSet every file follows its imports.
function registryOf(files: ReadonlyMap<string, FileDescriptorProto>): FileRegistry {
  const ordered: FileDescriptorProto[] = [];
  const seen = new Set<string>();
  const visit = (file: FileDescriptorProto) => {
    if (seen.has(file.name)) return;
    seen.add(file.name);
    for (const name of file.dependency) visit(files.get(name)!);
    ordered.push(file);
  };
  for (const file of files.values()) visit(file);
  return createFileRegistry(create(FileDescriptorSetSchema, { file: ordered }));
}

async function ask(session: Session, messageRequest: Question): Promise<ServerReflectionResponse> {
  const request = create(ServerReflectionRequestSchema, { messageRequest });
  await session.send(toBinary(ServerReflectionRequestSchema, request));
  const reply = await session.receive();
  if (reply === null) {
    throw new RpcError(Status.INTERNAL, "The server's reflection ended without a reply");
  }
  return fromBinary(ServerReflectionResponseSchema, reply);
}
