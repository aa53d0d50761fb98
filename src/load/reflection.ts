/**
 * Asks a server for the types behind one of its services (grpc.reflection.v1, else v1alpha).
 *
 * @module
 */

import { create, type FileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import {
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from "../../proto/gen/grpc/reflection/v1/reflection_pb.ts";
import { Status } from "../call/status.ts";
import { RpcError } from "../errors.ts";
import type { RawChannel, RawSession } from "./channel_target.ts";
import { registryOfFiles, unknownService } from "./method_source.ts";

// Both versions have the same messages under different names.
const PATHS = [
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
  "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

type Question = ServerReflectionRequest["messageRequest"];

/**
 * The types of `service`, with all files that they need. Throws TypeError when the server does not know the
 * service (naming the nearest one) or has no reflection; RpcError when it can't be reached.
 */
export async function reflect(
  channel: RawChannel,
  service: string,
  timeoutMs: number,
): Promise<FileRegistry> {
  for (const path of PATHS) {
    try {
      await using session = channel.session(path, { timeoutMs });
      return await askAll(session, service);
    } catch (error) {
      if (error instanceof RpcError && error.code === Status.UNIMPLEMENTED) continue;
      throw error;
    }
  }
  throw new TypeError("The server has no reflection: name its types with --proto");
}

async function askAll(session: RawSession, service: string): Promise<FileRegistry> {
  const listing = await ask(session, { case: "listServices", value: "" });
  const known = listing.messageResponse.case === "listServicesResponse"
    ? listing.messageResponse.value.service.map((one) => one.name)
    : [];
  if (!known.includes(service)) throw new TypeError(unknownService(service, known));
  const files = new Map<string, Uint8Array>();
  const add = (reply: ServerReflectionResponse) => {
    const response = reply.messageResponse;
    if (response.case === "errorResponse") {
      throw new TypeError(`The server's reflection failed: ${response.value.errorMessage}`);
    }
    if (response.case !== "fileDescriptorResponse") return;
    for (const bytes of response.value.fileDescriptorProto) {
      files.set(fromBinary(FileDescriptorProtoSchema, bytes).name, bytes);
    }
  };
  add(await ask(session, { case: "fileContainingSymbol", value: service }));
  for (let missing = missingFile(files); missing !== undefined; missing = missingFile(files)) {
    const before = files.size;
    add(await ask(session, { case: "fileByFilename", value: missing }));
    if (files.size === before) {
      throw new TypeError(`The server's reflection does not hand out ${missing}`);
    }
  }
  await session.closeSend();
  return registryOfFiles(files.values());
}

function missingFile(files: ReadonlyMap<string, Uint8Array>): string | undefined {
  for (const bytes of files.values()) {
    for (const name of fromBinary(FileDescriptorProtoSchema, bytes).dependency) {
      if (!files.has(name)) return name;
    }
  }
  return undefined;
}

async function ask(
  session: RawSession,
  messageRequest: Question,
): Promise<ServerReflectionResponse> {
  const request = create(ServerReflectionRequestSchema, { messageRequest });
  await session.send(toBinary(ServerReflectionRequestSchema, request));
  const reply = await session.receive();
  if (reply === null) throw new TypeError("The server's reflection ended without an answer");
  return fromBinary(ServerReflectionResponseSchema, reply);
}
