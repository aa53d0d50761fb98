/**
 * Names of resources, and names of listeners from templates (gRPC A47).
 *
 * @module
 */

import type { Bootstrap } from "./bootstrap.ts";

const XDSTP = /^xdstp:\/\/([^/]*)\/([^?#]*)(?:\?([^#]*))?(?:#.*)?$/;

/** Returns the authority of an `xdstp:` name; undefined for an older name. */
export function authorityOf(name: string): string | undefined {
  return XDSTP.exec(name)?.[1];
}

/** Returns a name with its context parameters in order, so that equal names are the same text. */
export function canonicalName(name: string): string {
  const match = XDSTP.exec(name);
  if (match === null) return name;
  const [, authority, path, query] = match;
  const parameters = query === undefined || query === "" ? [] : query.split("&").sort();
  const suffix = parameters.length === 0 ? "" : `?${parameters.join("&")}`;
  return `xdstp://${authority}/${path}${suffix}`;
}

/** Returns the name of the listener of an `xds:` target. Throws TypeError for an authority that the bootstrap lacks. */
export function clientListenerName(
  bootstrap: Bootstrap,
  target: { readonly authority: string; readonly path: string },
): string {
  let template = bootstrap.clientListenerTemplate;
  if (target.authority !== "") {
    const authority = bootstrap.authorities.get(target.authority);
    if (authority === undefined) {
      throw new TypeError(
        `The xDS bootstrap has no authority ${JSON.stringify(target.authority)}`,
      );
    }
    template = authority.clientListenerTemplate;
  }
  return fillTemplate(template, target.path);
}

/** Puts a name in place of `%s`, percent-encoded in templates of `xdstp:` names. */
export function fillTemplate(template: string, name: string): string {
  const text = template.startsWith("xdstp:")
    ? name.split("/").map((part) => encodeURIComponent(part)).join("/")
    : name;
  return template.replaceAll("%s", () => text);
}
