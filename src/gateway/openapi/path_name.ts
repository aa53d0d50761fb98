/**
 * Path templates in the form of OpenAPI: each wildcard is a parameter (OpenAPI 3.1, "Path Templating").
 *
 * @module
 */

import type { HttpBinding } from "../transcoding/binding.ts";
import type { FieldPath } from "../transcoding/field_path.ts";
import { ANY, REST } from "../transcoding/path_template.ts";

/** Wildcard of a template. */
export interface PathParameter {
  readonly name: string;
  /** Field that the wildcard alone sets; undefined when it is a part of a value, or of none. */
  readonly field: FieldPath | undefined;
  /** Whether it takes any number of segments. */
  readonly rest: boolean;
}

/** Path of an operation. */
export interface PathName {
  /** The same for all templates that OpenAPI takes for one path, whatever their parameters are called. */
  readonly key: string;
  readonly parameters: readonly PathParameter[];
}

/** Returns the parameters of a binding's path. */
export function pathName({ template, variables }: HttpBinding): PathName {
  const { segments, verb } = template;
  const parameters: PathParameter[] = [];
  const taken = new Set<string>();
  const key = segments.map((segment, i) => {
    const rest = segment === REST;
    if (segment !== ANY && !rest) return encoded(segment.slice(1));
    const at = template.variables.findIndex(({ start, count }) => i >= start && i < start + count);
    const whole = at >= 0 && template.variables[at].count === 1;
    const before = i > 0 && segments[i - 1].startsWith("/") ? segments[i - 1].slice(1) : "";
    const name = whole
      ? template.variables[at].fieldPath.join(".")
      : before === ""
      ? `segment${i + 1}`
      : `${before.replace(/[^\w.-]/g, "_")}Id`;
    parameters.push({ name: unused(name, taken), field: whole ? variables[at] : undefined, rest });
    return "{}";
  }).join("/");
  return { key: `/${key}${verb === "" ? "" : `:${encoded(verb)}`}`, parameters };
}

/** Returns the path with the names of its parameters. */
export function pathText(key: string, names: readonly string[]): string {
  let i = 0;
  return key.replaceAll("{}", () => `{${names[i++]}}`);
}

function unused(name: string, taken: Set<string>): string {
  let free = name;
  for (let i = 2; taken.has(free); i++) free = `${name}${i}`;
  taken.add(free);
  return free;
}

function encoded(literal: string): string {
  return encodeURIComponent(literal).replace(/%(?:3A|40|24|26|2B|2C|3B|3D)/g, decodeURIComponent);
}
