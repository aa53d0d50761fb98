/**
 * Runs the commands of the features.
 *
 * @module
 */

import { join } from "node:path";
import { toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { file_grpc_testing_testing } from "../../../proto/gen/grpc/testing/testing_pb.ts";
import { createAuthority } from "../../../src/transport/certs.ts";
import type { Feature } from "./features.ts";
import type { Addresses } from "./server.ts";

const ROOT = join(import.meta.dirname!, "../../..");

/** Writes the files that commands and servers read. */
export async function writeFiles(folder: string): Promise<void> {
  const authority = await createAuthority();
  const server = await authority.issueServer();
  const client = await authority.issueClient({ names: ["client.test"] });
  const file = [file_grpc_testing_testing.proto];
  const types = { $typeName: FileDescriptorSetSchema.typeName, file };
  const files = {
    ca: authority.cert,
    cert: server.cert,
    key: server.key,
    "client.cert": client.cert,
    "client.key": client.key,
    "request.json": '{"payload": {"body": "aGk="}}',
    "stream.jsonl": '{"response_parameters": [{"size": 3}, {"size": 1}]}\n' +
      '{"response_parameters": [{"size": 2}]}\n',
    headers: "# who calls\nwho: file\n",
  };
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(join(folder, name), text);
  }
  // A SimpleRequest whose payload (field 3) has the body (field 2) "hi".
  await Deno.writeFile(join(folder, "request.bin"), new TextEncoder().encode("\x1a\x04\x12\x02hi"));
  await Deno.writeFile(join(folder, "types.binpb"), toBinary(FileDescriptorSetSchema, types));
}

/** Returns the arguments of a feature's command. */
function argumentsOf({ command }: Feature, addresses: Addresses, folder: string): string[] {
  const values: Record<string, string> = {
    HOST: addresses.plain,
    TLS: addresses.tls,
    MTLS: addresses.mtls,
    SOCKET: addresses.unix,
    CA: join(folder, "ca"),
    CERT: join(folder, "client.cert"),
    KEY: join(folder, "client.key"),
    ENCODED: join(folder, "request.bin"),
    REQUEST: join(folder, "request.json"),
    STREAM: join(folder, "stream.jsonl"),
    HEADERS: join(folder, "headers"),
    TYPES: join(folder, "types.binpb"),
    PROTOS: join(ROOT, "tests/cmd/vrpc/protos"),
  };
  return Array.from(command.matchAll(/'([^']*)'|\S+/g), ([word, quoted]) => {
    if (quoted !== undefined) return quoted;
    return word.replace(
      /^(@?)([A-Z]+)(?=$|\/)/,
      (all, at, name) => Object.hasOwn(values, name) ? at + values[name] : all,
    );
  });
}

/** Runs the command of a feature. Returns what is wrong, or undefined. */
export async function faultOf(
  feature: Feature,
  addresses: Addresses,
  folder: string,
): Promise<string | undefined> {
  const args = argumentsOf(feature, addresses, folder);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", join(ROOT, "cmd/vrpc.ts"), ...args],
    env: { NO_COLOR: "1", VRPC_WHO: "somebody" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  // A program that does not read may end before the write.
  const written = writer.write(new TextEncoder().encode(feature.stdin ?? ""))
    .then(() => writer.close()).catch(() => {});
  const { code, stdout, stderr } = await child.output();
  await written;
  const [out, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (code === (feature.code ?? 0) && (feature.shows.test(out) || feature.shows.test(errors))) {
    return undefined;
  }
  return `${feature.name}: vrpc ${args.join(" ")}: exit code ${code}\n${out}${errors}`;
}
