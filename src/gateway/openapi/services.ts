/**
 * An OpenAPI document of services that were read by reflection.
 *
 * @module
 */

import { depthFault } from "../../schema/type_depth.ts";
import type { Reflected } from "../../services/reflection_client.ts";
import { methodsOf } from "../method_table.ts";
import { bindMethods } from "../transcoding/bound_methods.ts";
import { type OpenApiDocument, openApiDocument } from "./document.ts";

export type { OpenApiDocument };

/** Limit on rules of HTTP, as a gateway has it by default. */
const MAX_HTTP_RULES = 10_000;

/** Describes the methods that are described in full. */
export function openApiOfServices(reflected: Reflected, title: string): OpenApiDocument {
  const { faults, comments } = reflected;
  const methods = [...methodsOf(reflected).values()]
    .filter(({ path, desc }) => !faults.has(path) && depthFault(desc) === undefined)
    .sort((a, b) => a.path < b.path ? -1 : 1);
  const { bindings } = bindMethods(methods, MAX_HTTP_RULES).table;
  return openApiDocument({ title, methods, bindings, comments });
}
