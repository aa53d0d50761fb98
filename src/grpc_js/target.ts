/**
 * Targets of channels and addresses of servers in the forms of grpc-js, as addresses of this project's grammar.
 *
 * @module
 */

const DEFAULT_PORT = 443;
const SCHEME = /^(dns|ipv4|ipv6|unix|unix-abstract|vsock|hvsock|memory):/;

const OTHER_SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;

/** Whether a target has a scheme that is unknown. grpc-js takes it for a name, whose resolution fails. */
export function hasUnknownScheme(target: string): boolean {
  return OTHER_SCHEME.test(target) && !SCHEME.test(target);
}

/** Returns a target in the address grammar. Names may lack their port, which is 443 then. */
export function addressOf(target: string): string {
  const scheme = SCHEME.exec(target)?.[1];
  if (scheme === undefined) return withPort(target);
  if (scheme !== "dns" && scheme !== "ipv4" && scheme !== "ipv6") return target;
  const rest = target.slice(scheme.length + 1);
  const [, authority = "", name] = /^(\/\/[^/]*\/)?(.*)$/s.exec(rest)!;
  if (scheme === "dns") return `dns:${authority}${withPort(name)}`;
  return `${scheme}:${name.split(",").map(withPort).join(",")}`;
}

function withPort(name: string): string {
  if (/^\[[^\]]*\]$/.test(name)) return `${name}:${DEFAULT_PORT}`;
  const colons = name.split(":").length - 1;
  if (colons === 0) return `${name}:${DEFAULT_PORT}`;
  // A bare IPv6 address has no port.
  return colons > 1 && !name.startsWith("[") ? `[${name}]:${DEFAULT_PORT}` : name;
}

/** Returns the target as `getTarget` of grpc-js shows it: with its scheme. */
export function targetText(target: string): string {
  return SCHEME.test(target) ? target : `dns:${target}`;
}

/** Returns the URL of a service that call credentials are asked for. */
export function serviceUrl(authority: string, path: string): string {
  const host = /^\[([^\]]*)\](?::\d+)?$/.exec(authority)?.[1] ?? authority.replace(/:\d+$/, "");
  return `https://${host}/${path.split("/")[1] ?? ""}`;
}
