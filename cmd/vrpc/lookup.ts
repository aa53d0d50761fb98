/**
 * Finds the methods of a server: in its capabilities (lean) or by reflection (all other wires).
 *
 * @module
 */

import type { DescMessage, DescMethod, FileRegistry } from "@bufbuild/protobuf";
import {
  type CallOptions,
  type CapabilityInfo,
  type Channel,
  type MethodKind,
  RpcError,
  Status,
} from "../../mod.ts";
import { didYouMean } from "../../src/rpc/dispatch/name_suggestion.ts";
import { UsageError } from "../shared/program.ts";
import type { Wire } from "../shared/wire.ts";
import { endsOf, fullName } from "./names.ts";
import { type Reflected, reflectServices } from "../../src/services/mod.ts";

/** Method in a list. */
export interface ListedMethod {
  readonly name: string;
  readonly kind: string;
  readonly requestType: string;
  readonly responseType: string;
  readonly description: string;
}

/** Method to call. */
export interface FoundMethod {
  readonly path: string;
  readonly kind: MethodKind;
  /** What the name may have meant, for a server that does not know it. */
  readonly suggestion?: string;
  /** Message types, if reflection lists them; otherwise messages are bytes. */
  readonly types?: { input: DescMessage; output: DescMessage; registry: FileRegistry };
}

/** Channel to look methods up on. */
export interface Lookup {
  readonly channel: Channel;
  readonly wire: Wire;
  /** Options of the calls: a time limit, and the metadata that the server may require. */
  readonly options: CallOptions;
  /** Types from files, in place of the server's lists. */
  readonly given?: Reflected;
  /** Reads the server's reflection. Default: anew each time. */
  reflect?(): Promise<Reflected>;
}

/** Lists all methods, in the order of the server. */
export async function listMethods(lookup: Lookup): Promise<ListedMethod[]> {
  if (lookup.wire === "lean" && lookup.given === undefined) {
    return await lookup.channel.capabilities(lookup.options);
  }
  const { services, registry, faults } = await allTypes(lookup);
  return services.flatMap((name) => {
    const methods = registry.getService(name)?.methods;
    if (methods === undefined) return [undescribed(name, faults.get(name))];
    return methods.map((method) => ({
      name: pathOf(method),
      kind: method.methodKind,
      requestType: method.input.typeName,
      responseType: method.output.typeName,
      description: noteOf(faults.get(pathOf(method))),
    }));
  });
}

function undescribed(service: string, fault: string | undefined): ListedMethod {
  const name = `/${service}`;
  return { name, kind: "?", requestType: "?", responseType: "?", description: noteOf(fault) };
}

function noteOf(fault: string | undefined): string {
  return fault === undefined ? "" : `cannot be called with JSON: ${fault}`;
}

/**
 * Resolves `name`: a route, `package.Service/Method` with or without a leading slash, or the unique end of one. `kind` applies to
 * methods that the server does not describe (default unary).
 */
export async function findMethod(
  lookup: Lookup,
  name: string,
  kind?: MethodKind,
): Promise<FoundMethod> {
  const typed = /^\/?[\w.]+\/\w+$/.test(name);
  if (lookup.wire !== "lean" || (typed && lookup.given !== undefined)) {
    const reflected = typed ? await reflection(lookup) : await optionalReflection(lookup, name);
    const full = reflected === undefined ? name : shortened(reflected, name, typed);
    const found = typedMethod(reflected, full);
    if (found !== undefined) return found;
    if (name.startsWith("/")) return { path: name, kind: kind ?? "unary" };
    if (typed && reflected !== undefined) throw unknownService(reflected, name.split("/")[0]);
    const methods = reflected === undefined ? [] : pathsOf(reflected);
    const suggestion = didYouMean(name, endsOf(methods));
    return { path: `/${name}`, kind: kind ?? "unary", suggestion };
  }
  const all = await capabilities(lookup);
  // A server without a list may still have the method.
  if (all === undefined) return { path: name, kind: kind ?? "unary" };
  const names = all.map((each) => each.name);
  const full = names.find((each) => each === name || each === `/${name}`) ?? fullName(name, names);
  const one = all.find((each) => each.name === full);
  if (one === undefined) {
    const hint = didYouMean(name, names);
    throw new RpcError(Status.UNIMPLEMENTED, `The server has no method ${name}${hint}`);
  }
  const reflected = /^\/[\w.]+\/\w+$/.test(one.name) ? await reflection(lookup) : undefined;
  return typedMethod(reflected, one.name) ??
    { path: one.name, kind: one.kind as MethodKind };
}

function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

function typedMethod(reflected: Reflected | undefined, name: string): FoundMethod | undefined {
  if (reflected === undefined) return undefined;
  const [service, method] = name.replace(/^\//, "").split("/");
  const fault = reflected.faults.get(`/${service}/${method}`) ?? reflected.faults.get(service);
  if (fault !== undefined) {
    throw new RpcError(
      Status.UNIMPLEMENTED,
      `Cannot call ${service}/${method} with JSON: ${fault}`,
    );
  }
  const descriptor = reflected.registry.getService(service);
  const found = descriptor?.methods.find((each) => each.name === method);
  if (descriptor !== undefined && found === undefined) {
    const hint = didYouMean(method, descriptor.methods.map((each) => each.name));
    throw new RpcError(Status.UNIMPLEMENTED, `Service ${service} has no method ${method}${hint}`);
  }
  return found && {
    path: pathOf(found),
    kind: found.methodKind,
    types: { input: found.input, output: found.output, registry: reflected.registry },
  };
}

/**
 * Returns the method that `name` is the end of, or of which it has a dot in place of the slash; else `name`, which may be a
 * route. Throws for a service.
 */
function shortened(reflected: Reflected, name: string, typed: boolean): string {
  const { registry, services } = reflected;
  const full = fullName(name, pathsOf(reflected));
  if (full !== undefined) return full;
  // A service and a method: what is wrong with them is found out later.
  if (typed) return name;
  const service = fullName(name, services);
  if (service !== undefined) {
    const listed = registry.getService(service)?.methods.map((one) => one.name).join(", ");
    throw new UsageError(`${service} is a service; add a method: ${service}/… (${listed})`);
  }
  return name;
}

function pathsOf({ registry, services }: Reflected): string[] {
  return services.flatMap((service) => registry.getService(service)?.methods ?? []).map(pathOf);
}

/** Returns the types of a name without a slash; undefined if there are none, and for routes. */
async function optionalReflection(lookup: Lookup, name: string): Promise<Reflected | undefined> {
  return name.includes("/") ? undefined : await allTypes(lookup).catch(() => undefined);
}

function unknownService({ services }: Reflected, name: string): RpcError {
  const hint = didYouMean(name, services) ||
    "; start the name with a slash to call a method that reflection does not list";
  return new RpcError(Status.UNIMPLEMENTED, `The server has no service ${name}${hint}`);
}

/** Returns the given types, or those of the server's reflection. Rejects as `reflectServices`. */
export async function allTypes(lookup: Lookup): Promise<Reflected> {
  const { given, channel, options } = lookup;
  return given ?? await (lookup.reflect?.() ?? reflectServices(channel, options));
}

async function reflection(lookup: Lookup): Promise<Reflected | undefined> {
  try {
    return await allTypes(lookup);
  } catch (error) {
    if (error instanceof RpcError && error.code === Status.UNIMPLEMENTED) return undefined;
    throw error;
  }
}

async function capabilities(lookup: Lookup): Promise<CapabilityInfo[] | undefined> {
  try {
    return await lookup.channel.capabilities(lookup.options);
  } catch (error) {
    // Statuses of other version-1 servers, which have no list.
    const none: readonly Status[] = [Status.UNIMPLEMENTED, Status.INTERNAL, Status.UNKNOWN];
    if (error instanceof RpcError && none.includes(error.code)) return undefined;
    throw error;
  }
}
