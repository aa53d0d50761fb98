/**
 * An OpenAPI document of a server's methods, as a gateway in front of it answers them.
 *
 * @module
 */

import { type OpenApiDocument, openApiOfServices } from "../../src/gateway/openapi/services.ts";
import { allTypes, type Lookup } from "./lookup.ts";

/** Describes the methods of the given types, or those that the server's reflection lists. Rejects as `reflectServices`. */
export async function describeMethods(lookup: Lookup, address: string): Promise<OpenApiDocument> {
  const reflected = await allTypes(lookup);
  return openApiOfServices(reflected, `Methods of ${address}`);
}
