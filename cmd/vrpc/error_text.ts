/**
 * Text form of failed calls: status and error details, as lines or as JSON.
 *
 * @module
 */

import { create, createRegistry, type Registry, toJson } from "@bufbuild/protobuf";
import {
  AnySchema,
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
} from "@bufbuild/protobuf/wkt";
import type { ErrorDetail, RpcError } from "../../mod.ts";
import { file_google_rpc_error_details } from "../../src/services/descriptors/errdetails.ts";
import { printable, printableJson } from "../../src/call/printable.ts";
import { type FieldViolation, fieldViolations } from "../../src/validation/field_violations.ts";
import { isViolationDetail } from "../../src/validation/field_violations.ts";
import { oneLine } from "../shared/program.ts";
import { reflectSymbol } from "../../src/services/mod.ts";
import type { Lookup } from "./lookup.ts";

/** Format of errors and lists; with `raw` as `text`, while messages are encoded bytes. */
export type Format = "text" | "json" | "raw";

/** Types that every server may send without listing them. */
const STANDARD = createRegistry(
  file_google_rpc_error_details,
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
);

/** Longest wait for the reflection of an unknown type. */
const TYPE_TIMEOUT_MS = 5_000;

/** Detail of an error. */
interface Detail {
  readonly typeUrl: string;
  /** Fields of the message; undefined for an unknown type. */
  readonly fields?: { readonly [name: string]: unknown };
  /** Encoded message in base64. */
  readonly base64: string;
}

/**
 * Formats a failed call, violations by field. Types of other details come from `known`, google.rpc and the server's
 * reflection; those of unknown types stay encoded.
 */
export async function errorText(
  error: RpcError,
  { format, known, lookup }: { format: Format; known?: Registry; lookup: Lookup },
): Promise<string> {
  const violations = fieldViolations(error);
  // As JSON all details are kept, for programs that know their types.
  const others = violations.length === 0 || format === "json"
    ? error.details
    : error.details.filter((detail) => !isViolationDetail(detail));
  const registry = await registryFor(others, known, lookup);
  const details = others.map((detail) => decoded(detail, registry));
  if (format === "json") {
    const { codeName: code, message } = error;
    const fields = violations.length === 0 ? {} : { violations };
    return printableJson({ code, message, details: details.map(jsonOf), ...fields });
  }
  const head = `${error.codeName}: ${oneLine(error.message)}`;
  return [head, ...violations.map(violationLine), ...details.map(lineOf)].map(printable).join("\n");
}

function violationLine({ field, description, rule }: FieldViolation): string {
  const text = oneLine(description);
  return `  ${field === "" ? "" : `${oneLine(field)}: `}${text}${
    rule === undefined ? "" : ` (${rule})`
  }`;
}

function lineOf({ typeUrl, fields, base64 }: Detail): string {
  return fields === undefined
    ? `  ${typeUrl}: ${base64}`
    : `  ${nameOf(typeUrl)}: ${JSON.stringify(fields)}`;
}

function jsonOf({ typeUrl, fields, base64 }: Detail): Record<string, unknown> {
  return { "@type": typeUrl, ...(fields ?? { value: base64 }) };
}

function nameOf(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
}

function decoded({ typeUrl, value }: ErrorDetail, registry: Registry): Detail {
  const base64 = value.toBase64();
  try {
    const json = toJson(AnySchema, create(AnySchema, { typeUrl, value }), { registry });
    const { "@type": _, ...fields } = json as Record<string, unknown>;
    return { typeUrl, fields, base64 };
  } catch {
    // An unknown type, one that contains an unknown type, or bytes that are no such message.
    return { typeUrl, base64 };
  }
}

async function registryFor(
  details: readonly ErrorDetail[],
  known: Registry | undefined,
  lookup: Lookup,
): Promise<Registry> {
  let registry = known === undefined ? STANDARD : createRegistry(known, STANDARD);
  for (const { typeUrl } of details) {
    const name = nameOf(typeUrl);
    if (name === "" || registry.getMessage(name) !== undefined) continue;
    const found = await reflected(name, lookup);
    if (found !== undefined) registry = createRegistry(found, registry);
  }
  return registry;
}

async function reflected(
  name: string,
  { channel, options }: Lookup,
): Promise<Registry | undefined> {
  try {
    return await reflectSymbol(channel, name, { ...options, timeoutMs: TYPE_TIMEOUT_MS });
  } catch {
    // Without reflection the detail stays encoded.
    return undefined;
  }
}
