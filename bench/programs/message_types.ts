/**
 * Start-up time and memory of a server with many message types, before and after each of them was used:
 *
 *     deno task bench:message-types [TYPES]
 *
 * A type has twelve fields: numbers, text, bytes, an enum, lists, a map, a oneof, and another type. Each has a service
 * with one method.
 */

import { create, createFileRegistry, toBinary } from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import { connect, serve } from "../../mod.ts";
import { codecOf, jsonCodecOf } from "../../src/protobuf/mod.ts";

const RUNS = 5;
const MIB = 1024 * 1024;
const [count = "500", mode] = Deno.args;
const types = Number(count);

function registry() {
  const field = (name: string, number: number, type: Type, more = {}) => ({
    name,
    jsonName: name,
    number,
    type,
    label: Label.OPTIONAL,
    ...more,
  });
  const repeated = { label: Label.REPEATED };
  const file = create(FileDescriptorProtoSchema, {
    name: "types.proto",
    package: "types",
    syntax: "proto3",
    enumType: [{ name: "Kind", value: [{ name: "NONE", number: 0 }, { name: "ONE", number: 1 }] }],
    messageType: Array.from({ length: types }, (_, i) => ({
      name: `M${i}`,
      nestedType: [{
        name: "LabelsEntry",
        options: { mapEntry: true },
        field: [field("key", 1, Type.STRING), field("value", 2, Type.STRING)],
      }],
      oneofDecl: [{ name: "choice" }],
      field: [
        field("id", 1, Type.STRING),
        field("count", 2, Type.INT32),
        field("total", 3, Type.INT64),
        field("ratio", 4, Type.DOUBLE),
        field("flag", 5, Type.BOOL),
        field("data", 6, Type.BYTES),
        field("kind", 7, Type.ENUM, { typeName: ".types.Kind" }),
        field("tags", 8, Type.STRING, repeated),
        field("labels", 9, Type.MESSAGE, { typeName: `.types.M${i}.LabelsEntry`, ...repeated }),
        field("left", 10, Type.STRING, { oneofIndex: 0 }),
        field("right", 11, Type.UINT32, { oneofIndex: 0 }),
        field("next", 12, Type.MESSAGE, { typeName: `.types.M${(i + 1) % types}` }),
      ],
    })),
    service: Array.from({ length: types }, (_, i) => ({
      name: `S${i}`,
      method: [{ name: "Echo", inputType: `.types.M${i}`, outputType: `.types.M${i}` }],
    })),
  });
  return createFileRegistry(file, () => undefined);
}

/** Serves all types, uses each, and reports the memory in between. */
async function child(): Promise<void> {
  const all = registry();
  await using server = await serve("127.0.0.1:0", (router) => {
    for (let i = 0; i < types; i++) {
      router.service(
        all.getService(`types.S${i}`)!,
        { echo: (request: unknown) => request } as never,
      );
    }
  });
  console.log("ready");
  const rss = () => Deno.memoryUsage().rss;
  const before = rss();
  await using channel = connect(server.addresses[0]);
  const message = {
    id: "a",
    count: 1,
    total: 5n,
    tags: ["x"],
    labels: { a: "b" },
    choice: { case: "left", value: "l" },
    next: { id: "b" },
  };
  const startMs = performance.now();
  for (let i = 0; i < types; i++) {
    const type = all.getMessage(`types.M${i}`)!;
    await channel.call(`/types.S${i}/Echo`, toBinary(type, create(type, message)));
    codecOf(type);
  }
  const usedMs = performance.now() - startMs;
  const used = rss();
  for (let i = 0; i < types; i++) {
    const codec = jsonCodecOf(all.getMessage(`types.M${i}`)!);
    codec.decode(codec.encode(message as never));
  }
  console.log(JSON.stringify({ before, used, usedMs, json: rss() }));
}

async function run(): Promise<Record<string, number>> {
  const startMs = performance.now();
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", import.meta.filename!, count, "child"],
    stdout: "piped",
  }).spawn();
  const lines = process.stdout.pipeThrough(new TextDecoderStream());
  let readyMs = 0;
  let text = "";
  for await (const part of lines) {
    if (readyMs === 0 && part.includes("ready")) readyMs = performance.now() - startMs;
    text += part;
  }
  return { readyMs, ...JSON.parse(text.slice(text.indexOf("{"))) };
}

if (mode === "child") await child();
else {
  const runs: Record<string, number>[] = [];
  for (let i = 0; i < RUNS; i++) runs.push(await run());
  const median = (key: string) => runs.map((one) => one[key]).sort((a, b) => a - b)[RUNS >> 1];
  const mib = (bytes: number) => `${(bytes / MIB).toFixed(0)} MiB`;
  console.log(`${types} types, medians of ${RUNS} runs`);
  console.log(`start until the server listens: ${median("readyMs").toFixed(0)} ms`);
  console.log(`memory then: ${mib(median("before"))}`);
  console.log(`a first call of each type: ${median("usedMs").toFixed(0)} ms`);
  console.log(
    `memory after it: ${mib(median("used"))}; after JSON of each: ${mib(median("json"))}`,
  );
}
