/**
 * Names of methods, services and types: in full, or the end of them that is unique.
 *
 * @module
 */

import type { FileRegistry } from "@bufbuild/protobuf";
import { RpcError, Status } from "../../mod.ts";
import { didYouMean } from "../../src/rpc/dispatch/name_suggestion.ts";
import { UsageError } from "../shared/program.ts";
import type { Completions } from "./repl/json_completion.ts";

/** Returns the names and their ends that begin behind a slash or a dot. */
export function endsOf(names: readonly string[]): string[] {
  return names.flatMap(endsOfOne);
}

/** Returns the ends of a name, the longest first, with the name itself. */
function endsOfOne(name: string): string[] {
  const ends = [name];
  for (let at = 0; at < name.length; at++) {
    if (name[at] === "/" || name[at] === ".") ends.push(name.slice(at + 1));
  }
  return ends.filter((end) => end !== "");
}

/**
 * Returns the full name that `given` is the end of; a dot between service and method may be in place of the slash.
 * Undefined if there is none. Throws {@link UsageError} when there are several.
 */
export function fullName(given: string, names: readonly string[]): string | undefined {
  const same = (a: string) => a.replaceAll("/", ".").replace(/^\./, "");
  const wanted = same(given);
  const exact = names.find((name) => same(name) === wanted);
  if (exact !== undefined) return exact;
  const found = names.filter((name) => same(name).endsWith(`.${wanted}`));
  if (found.length > 1) {
    throw new UsageError(`${given} may be ${found.slice(0, 5).join(" or ")}: use more of the name`);
  }
  return found[0];
}

/** Returns the error for a name of `kind` that there is not. */
export function noSuchName(given: string, kind: string, names: readonly string[]): RpcError {
  const hint = didYouMean(given, endsOf(names));
  return new RpcError(Status.UNIMPLEMENTED, `There is no ${kind} ${given}${hint}`);
}

/** Completes a name: full ones that begin with `typed`, else the ends of names that do. */
export function completeName(typed: string, names: readonly string[]): Completions {
  const full = names.filter((name) => name.startsWith(typed));
  if (full.length > 0) return { words: full.map((name) => `${name} `), typed };
  const slashed = names.filter((name) => name.startsWith(`/${typed}`));
  if (slashed.length > 0) return { words: slashed.map((name) => `${name.slice(1)} `), typed };
  const ends = names.map((name) => endsOfOne(name).find((end) => end.startsWith(typed)));
  const words = ends.filter((end) => end !== undefined);
  return { words: [...new Set(words)].map((word) => `${word} `), typed };
}

/** Returns all names that can be described: services, methods and types. */
export function describable(registry: FileRegistry): string[] {
  return Array.from(registry, (desc) => desc).flatMap((desc) =>
    desc.kind === "service"
      ? [desc.typeName, ...desc.methods.map(({ name }) => `${desc.typeName}/${name}`)]
      : [desc.typeName]
  );
}
