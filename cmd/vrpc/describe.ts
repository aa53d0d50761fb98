/**
 * Descriptions of services, methods and types as `.proto` text or JSON, and templates of requests.
 *
 * @module
 */

import type { DescMessage, FileRegistry } from "@bufbuild/protobuf";
import { toJson } from "@bufbuild/protobuf";
import {
  DescriptorProtoSchema,
  EnumDescriptorProtoSchema,
  FieldDescriptorProtoSchema,
  MethodDescriptorProtoSchema,
  ServiceDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import { RpcError, Status } from "../../mod.ts";
import { printableJson, printableLines } from "../../src/call/printable.ts";
import { ExampleWriter } from "../../src/gateway/example.ts";
import { didYouMean } from "../../src/rpc/dispatch/name_suggestion.ts";
import { type Reflected, reflectSymbol } from "../../src/services/mod.ts";
import { UsageError } from "../shared/program.ts";
import type { Format } from "./error_text.ts";
import type { Lookup } from "./lookup.ts";
import { allTypes } from "./lookup.ts";
import { describable, endsOf, fullName } from "./names.ts";
import { type CommentSource, type Described, ProtoText } from "./proto_text.ts";

/** What to describe. */
export interface DescribeJob {
  /** Full names; none for all services. */
  readonly symbols: readonly string[];
  readonly format: Format;
  /** Whether to print a request to fill in, instead of the declaration. */
  readonly template: boolean;
}

/** Most fields in a template. */
const MAX_TEMPLATE_FIELDS = 10_000;

/** Returns descriptions as text to print. Rejects with RpcError (NOT_FOUND) for a name that is not known. */
export async function describe(lookup: Lookup, job: DescribeJob): Promise<string> {
  const types = await allTypes(lookup);
  const found: Found[] = [];
  for (const name of job.symbols.length > 0 ? job.symbols : types.services) {
    found.push(await find(lookup, types, name.replace(/^[./]/, "")));
  }
  if (found.length === 0) throw new RpcError(Status.NOT_FOUND, "The server lists no services");
  const texts = found.map((one) => {
    if (job.template) return printableLines(templateOf(one.desc));
    return job.format === "json" ? printableJson(jsonOf(one.desc)) : protoOf(one);
  });
  return texts.join(job.template || job.format === "json" ? "\n" : "\n\n");
}

interface Found {
  readonly desc: Described;
  readonly registry: FileRegistry;
  readonly comments: CommentSource;
}

async function find(lookup: Lookup, types: Reflected, given: string): Promise<Found> {
  const { registry, comments, faults } = types;
  const names = describable(registry);
  const name = fullName(given, names) ?? given;
  const desc = described(registry, name);
  if (desc !== undefined) return { desc, registry, comments };
  const fault = faults.get(name) ?? faults.get(`/${name}`);
  if (fault !== undefined) {
    throw new RpcError(Status.NOT_FOUND, `Cannot describe ${name}: ${fault}`);
  }
  // A type that no service uses, such as that of an error detail.
  const other = lookup.given === undefined
    ? await reflectSymbol(lookup.channel, name, lookup.options)
    : undefined;
  const late = other && described(other, name);
  if (other !== undefined && late !== undefined) {
    return { desc: late, registry: other, comments: new Map() };
  }
  const hint = didYouMean(name, endsOf(names));
  throw new RpcError(Status.NOT_FOUND, `There is no ${name}${hint}`);
}

/** Finds `package.Name`, and a method as `package.Service/Method` or `package.Service.Method`. */
function described(registry: FileRegistry, name: string): Described | undefined {
  const dotted = name.replace("/", ".");
  const desc = registry.get(dotted);
  if (desc !== undefined) return desc;
  const at = dotted.lastIndexOf(".");
  if (at < 0) return undefined;
  return registry.getService(dotted.slice(0, at))?.methods.find((one) =>
    one.name === dotted.slice(at + 1)
  );
}

function nameOf(desc: Described): string {
  return desc.kind === "rpc" ? `${desc.parent.typeName}.${desc.name}` : desc.typeName;
}

function fileOf(desc: Described): string {
  const { file } = desc.kind === "rpc" ? desc.parent : desc;
  return `${file.name}.proto`;
}

function protoOf({ desc, registry, comments }: Found): string {
  const head = `// ${nameOf(desc)}, of ${fileOf(desc)}`;
  return printableLines(`${head}\n${new ProtoText(registry, comments).write(desc)}`).trimEnd();
}

/** Returns the descriptor in JSON, as `google/protobuf/descriptor.proto` has it. */
function jsonOf(desc: Described): unknown {
  const json = () => {
    switch (desc.kind) {
      case "message":
        return toJson(DescriptorProtoSchema, desc.proto);
      case "enum":
        return toJson(EnumDescriptorProtoSchema, desc.proto);
      case "service":
        return toJson(ServiceDescriptorProtoSchema, desc.proto);
      case "rpc":
        return toJson(MethodDescriptorProtoSchema, desc.proto);
      case "extension":
        return toJson(FieldDescriptorProtoSchema, desc.proto);
    }
  };
  return { name: nameOf(desc), kind: desc.kind, file: fileOf(desc), descriptor: json() };
}

function templateOf(desc: Described): string {
  const write = (type: DescMessage) =>
    JSON.stringify(new ExampleWriter(MAX_TEMPLATE_FIELDS).filled(type), null, 2);
  if (desc.kind === "message") return write(desc);
  if (desc.kind === "rpc") return write(desc.input);
  throw new UsageError(
    `Cannot make a template of ${
      nameOf(desc)
    }, which is of kind ${desc.kind}: name a method or a message`,
  );
}
