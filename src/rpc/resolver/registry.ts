/**
 * Resolvers by the scheme of their targets.
 *
 * @module
 */

import type { NameResolver, ResolverTarget } from "./types.ts";

const resolvers = new Map<string, NameResolver>();

/** Schemes of the address grammar, which need no resolver. */
const RESERVED = new Set([
  ...["dns", "ipv4", "ipv6", "unix", "unix-abstract", "vsock", "hvsock", "memory", "http", "https"],
]);

/**
 * Registers the resolver of targets `scheme:…` for all channels that are made from now on. A resolver with the same scheme
 * is replaced. Throws TypeError for a scheme that is not valid (RFC 3986 §3.1) or belongs to the address grammar.
 */
export function registerResolver(scheme: string, resolver: NameResolver): void {
  if (!/^[a-z][a-z0-9+.-]*$/.test(scheme) || RESERVED.has(scheme)) {
    throw new TypeError(
      `Cannot register a resolver for ${
        JSON.stringify(scheme)
      }: a scheme is lower-case letters, digits, "+", "." and "-", and none of ${
        [...RESERVED].join(", ")
      }`,
    );
  }
  if (typeof resolver?.watch !== "function") {
    throw new TypeError(
      `Cannot register the resolver for ${scheme}: it must have a function watch`,
    );
  }
  resolvers.set(scheme, resolver);
}

/** Returns the resolver of a target and its parts; undefined if no registered scheme is that of the target. */
export function findResolver(
  text: string,
): { resolver: NameResolver; target: ResolverTarget } | undefined {
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(text)?.[1].toLowerCase();
  const resolver = scheme === undefined ? undefined : resolvers.get(scheme);
  return resolver === undefined ? undefined : { resolver, target: parseResolverTarget(text) };
}

/** Parses a target. Throws TypeError if it has no scheme, or its path is not valid percent-encoding. */
export function parseResolverTarget(text: string): ResolverTarget {
  const match = /^([a-zA-Z][a-zA-Z0-9+.-]*):(?:\/\/([^/]*))?\/?(.*)$/s.exec(text);
  if (match === null) throw new TypeError(`Cannot resolve ${JSON.stringify(text)}: no scheme`);
  const [, scheme, authority = "", path] = match;
  try {
    return { text, scheme: scheme.toLowerCase(), authority, path: decodeURIComponent(path) };
  } catch (cause) {
    throw new TypeError(`Cannot resolve ${JSON.stringify(text)}: invalid percent-encoding`, {
      cause,
    });
  }
}
