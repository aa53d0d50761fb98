// deno task fuzz:prost [--types N] [--from SEED]
//
// Compares the binary codec with prost on random message types, by seed. prost generates code for its types, so that
// they are chosen first, and Rust's cargo builds a program with all of them. Prints the differences that have no
// explanation; the exit code is then 1.

import {
  create,
  createFileRegistry,
  type DescMessage,
  fromJsonString,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import {
  Edition,
  file_google_protobuf_struct,
  file_google_protobuf_wrappers,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { readArguments, whole } from "../../../scripts/arguments.ts";
import { descriptors, initOf } from "../../protobuf/random_schema.ts";
import { attempt } from "./comparing.ts";
import { damagedBytes, randomOf } from "./damage.ts";
import { ProstComparison, type ProstFindings } from "./prost_comparison.ts";
import { Prost } from "./prost_peer.ts";

/** Messages of each type, and damaged inputs of each message. */
const MESSAGES = 30;
const DAMAGED = 10;
const MAX_PRINTED = 20;

const USAGE = `
deno task fuzz:prost [--types N] [--from SEED]

  --types N    number of types; default 100
  --from SEED  seed of the first type; default another one each time
`;

const { values } = readArguments(USAGE, {
  types: whole(100, 1, 2_000),
  from: whole(undefined, 0, 2 ** 31),
});

const DEPENDENCIES = [file_google_protobuf_struct, file_google_protobuf_wrappers];

/** A random type with its seed. */
interface SeededType {
  readonly seed: number;
  readonly type: DescMessage;
}

/** Whether singular fields lead from a type to another, or to itself. */
function leadsTo(from: DescMessage, to: DescMessage, seen = new Set<DescMessage>()): boolean {
  if (from === to) return true;
  if (seen.has(from)) return false;
  seen.add(from);
  return from.fields.some(({ fieldKind, message }) =>
    fieldKind === "message" && leadsTo(message!, to, seen)
  );
}

/** Whether a type is part of itself through a group: prost's code for it does not compile. */
function isRecursiveByGroup(type: DescMessage): boolean {
  return type.file.messages.some((parent) =>
    parent.fields.some((field) =>
      field.fieldKind === "message" && field.delimitedEncoding && leadsTo(field.message, parent)
    )
  );
}

/** Random types from a seed on, each in a package of its own; prost has no editions. */
function typesFrom(seed: number, count: number): SeededType[] {
  const types: SeededType[] = [];
  for (; types.length < count; seed++) {
    const [type] = fc.sample(descriptors, { seed, numRuns: 1 });
    const { edition } = type.file;
    if (edition !== Edition.EDITION_PROTO2 && edition !== Edition.EDITION_PROTO3) continue;
    if (isRecursiveByGroup(type)) continue;
    types.push({ seed, type: renamed(type, types.length) });
  }
  return types;
}

/** The same type in the package `random.t0`, `random.t1` …. */
function renamed({ file, typeName }: DescMessage, number: number): DescMessage {
  const json = toJsonString(FileDescriptorProtoSchema, file.proto);
  const proto = fromJsonString(
    FileDescriptorProtoSchema,
    json.replaceAll('".random.', `".random.t${number}.`),
  );
  proto.name = `t${number}.proto`;
  proto.package = `random.t${number}`;
  const registry = createFileRegistry(
    proto,
    (name) => DEPENDENCIES.find((one) => one.proto.name === name)?.proto,
  );
  return registry.getMessage(typeName.replace("random.", `random.t${number}.`))!;
}

const first = values.from ?? Math.floor(Math.random() * 2 ** 30);
console.log(`from seed ${first}`);
const types = typesFrom(first, values.types);
const file = [...DEPENDENCIES, ...types.map(({ type }) => type.file)].map(({ proto }) => proto);
const set = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file }));
await using prost = await Prost.build(set);
const findings: ProstFindings = { inputs: 0, explained: new Map(), differences: [] };
for (const [number, { seed, type }] of types.entries()) {
  const comparison = new ProstComparison(type, seed, findings, (data) => prost.again(number, data));
  const random = randomOf(seed);
  for (const init of fc.sample(initOf(type), { seed, numRuns: MESSAGES })) {
    const bytes = attempt(() => toBinary(type, create(type, init)));
    if (bytes instanceof Error) continue;
    await comparison.compare(bytes);
    for (let i = 0; i < DAMAGED; i++) await comparison.compare(damagedBytes(bytes, random));
  }
  if (findings.differences.length >= MAX_PRINTED) break;
}
for (const difference of findings.differences) console.log(difference);
for (const [reason, count] of findings.explained) console.log(`${count} × ${reason}`);
console.log(
  `${types.length} types, ${findings.inputs} inputs; ` +
    `${findings.differences.length} differences without explanation`,
);
if (findings.differences.length > 0) Deno.exitCode = 1;
