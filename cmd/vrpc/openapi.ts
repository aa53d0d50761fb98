/**
 * An OpenAPI document of a server's methods, as a gateway in front of it answers them.
 *
 * @module
 */

import { type OpenApiDocument, openApiOfServices } from "../../src/gateway/openapi/services.ts";
import { reflectServices } from "../../src/services/mod.ts";
import type { Lookup } from "./lookup.ts";

/** Describes the methods that the server's reflection lists. Rejects as `reflectServices`. */
export async function describeMethods(lookup: Lookup, address: string): Promise<OpenApiDocument> {
  const reflected = await reflectServices(lookup.channel, lookup.options);
  return openApiOfServices(reflected, `Methods of ${address}`);
}
