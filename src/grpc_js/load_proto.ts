/**
 * Services of `.proto` files, loaded at run time by `@grpc/proto-loader`, a package that you install beside this one.
 *
 * ```ts ignore
 * import { addService, clientOf } from "@vrpc/vrpc/grpc-js/native";
 * import { loadProto } from "@vrpc/vrpc/proto-loader";
 *
 * const { "greet.v1.Greeter": Greeter } = await loadProto("greet.proto", { longs: String });
 * ```
 *
 * @module
 */

import type { ServiceDefinition } from "./definitions.ts";

/** How messages become objects, and where imported files are. */
export interface LoadProtoOptions {
  /** Whether fields keep their names, instead of lower camel case. Default false. */
  keepCase?: boolean;
  /** What 64-bit integers become: `String` or `Number`. Default objects of long.js. */
  longs?: StringConstructor | NumberConstructor;
  /** `String`: enums become the names of their values. Default numbers. */
  enums?: StringConstructor;
  /** What bytes become: `Array` or `String` (base64). Default Buffers. */
  bytes?: ArrayConstructor | StringConstructor;
  /** Whether absent fields get their default values. Default false. */
  defaults?: boolean;
  /** Whether absent lists become empty arrays. Default false. */
  arrays?: boolean;
  /** Whether absent maps become empty objects. Default false. */
  objects?: boolean;
  /** Whether a property with the name of a oneof has the name of its field. Default false. */
  oneofs?: boolean;
  /** Folders that imports are searched in. Default none. */
  includeDirs?: string[];
}

/**
 * Loads `.proto` files; resolves to the definitions of their services by full name. Rejects with an Error for a file that
 * is missing or not valid, and if `@grpc/proto-loader` is not installed.
 */
export async function loadProto(
  paths: string | string[],
  options: LoadProtoOptions = {},
): Promise<Readonly<Record<string, ServiceDefinition>>> {
  const { load } = await import("@grpc/proto-loader");
  const loaded = await load(paths, options);
  const services = Object.entries(loaded).filter(([, one]) => !("format" in one));
  return Object.fromEntries(services) as Readonly<Record<string, ServiceDefinition>>;
}
