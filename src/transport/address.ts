/**
 * The address grammar: gRPC's naming forms, plus vsock, hybrid vsock and memory.
 *
 * | form | means |
 * | --- | --- |
 * | `host:port`, `dns:host:port`, `dns:///host:port` | a name to resolve, or an IPv4 address |
 * | `dns://1.1.1.1:53/host:port` | the same, asking that name server |
 * | `[::1]:port` | one IPv6 address |
 * | `ipv4:1.2.3.4:1,5.6.7.8:2`, `ipv6:[::1]:1,[::2]:2` | one or several addresses |
 * | `unix:path`, `unix:///absolute/path` | a Unix socket |
 * | `unix-abstract:name` | a Unix socket in Linux's abstract namespace |
 * | `vsock:cid:port`, `vsock://cid:port` | AF_VSOCK; the cid also `any` or `-1` (listening), `local`, `host`, `parent` |
 * | `hvsock:/path:port` | the Unix-socket door of a VMM (Firecracker, Cloud Hypervisor) to a guest's vsock |
 * | `memory:name` | a listener in this process |
 *
 * @module
 */

/** One IP address and port. */
export interface TcpAddress {
  readonly kind: "tcp";
  /** An IP address without brackets. */
  readonly host: string;
  /** 0 to 65535; 0 lets the system choose when listening. */
  readonly port: number;
}

/** A name that has to be resolved, and a port. */
export interface DnsAddress {
  readonly kind: "dns";
  /** A host name. */
  readonly host: string;
  /** 0 to 65535; 0 lets the system choose when listening. */
  readonly port: number;
  /** The name server to ask, `ip` or `ip:port`; the system's when absent. */
  readonly nameServer?: string;
}

/** Several IP addresses of one family that serve the same. */
export interface ListAddress {
  readonly kind: "list";
  /** IPv4 or IPv6. */
  readonly family: 4 | 6;
  /** Two or more. */
  readonly addresses: readonly TcpAddress[];
}

/** A Unix socket in the file system. */
export interface UnixAddress {
  readonly kind: "unix";
  /** Relative or absolute; at most 107 bytes of UTF-8. */
  readonly path: string;
}

/** A Unix socket in Linux's abstract namespace. */
export interface UnixAbstractAddress {
  readonly kind: "unix-abstract";
  /** Without the leading NUL; at most 107 bytes of UTF-8. */
  readonly name: string;
}

/** An AF_VSOCK address. */
export interface VsockAddress {
  readonly kind: "vsock";
  /** 0 to 4294967295, see {@link VSOCK_CID_ANY}. */
  readonly cid: number;
  /** 0 to 4294967295; 0 lets the system choose when listening. */
  readonly port: number;
}

/** The Unix-socket door of a virtual machine monitor to a guest's vsock (hybrid vsock). */
export interface HvsockAddress {
  readonly kind: "hvsock";
  /** The monitor's Unix socket. */
  readonly path: string;
  /** The guest's vsock port, 1 to 4294967295. */
  readonly port: number;
}

/** A listener in this process. */
export interface MemoryAddress {
  readonly kind: "memory";
  /** Any text that is not empty. */
  readonly name: string;
}

/** A parsed address. */
export type Address =
  | TcpAddress
  | DnsAddress
  | ListAddress
  | UnixAddress
  | UnixAbstractAddress
  | VsockAddress
  | HvsockAddress
  | MemoryAddress;

/** VMADDR_CID_ANY: listen on every context id of this machine (`any`, `-1`). */
export const VSOCK_CID_ANY = 0xffffffff;
/** sizeof(sockaddr_un.sun_path) - 1 on Linux: what a Unix socket's path may hold, in bytes. */
export const MAX_UNIX_PATH_BYTES = 107;

const CID_WORDS = new Map([
  ["any", VSOCK_CID_ANY],
  ["-1", VSOCK_CID_ANY],
  ["hypervisor", 0],
  ["local", 1],
  ["host", 2],
  ["parent", 3],
]);
const SCHEMES = /^(dns|ipv4|ipv6|unix|unix-abstract|vsock|hvsock|memory):/s;
const MAX_U32 = 0xffffffff;
const utf8 = new TextEncoder();

/** Parses an address; throws TypeError (wrong form) or RangeError (number or length out of range). */
export function parseAddress(text: string): Address {
  if (typeof text !== "string") {
    throw new TypeError(`Address must be a string, for example "127.0.0.1:50051", not ${text}`);
  }
  const scheme = SCHEMES.exec(text)?.[1];
  const rest = scheme === undefined ? text : text.slice(scheme.length + 1);
  switch (scheme) {
    case "dns":
      return parseDns(text, rest);
    case "ipv4":
      return parseList(text, rest, 4);
    case "ipv6":
      return parseList(text, rest, 6);
    case "unix":
      return { kind: "unix", path: unixPath(text, stripSlashes(text, rest, "unix"), "unix") };
    case "unix-abstract":
      return { kind: "unix-abstract", name: abstractName(text, rest) };
    case "vsock":
      return parseVsock(text, rest);
    case "hvsock":
      return parseHvsock(text, rest);
    case "memory":
      if (rest === "") throw new TypeError(wrong(text, "has no name", "memory:test"));
      return { kind: "memory", name: rest };
    default:
      return parseHostPort(text, text);
  }
}

/** The canonical text of an address; `parseAddress` of it gives an equal address. */
export function formatAddress(address: Address): string {
  switch (address.kind) {
    case "tcp":
      return formatHostPort(address.host, address.port);
    case "dns": {
      const text = `${address.host}:${address.port}`;
      if (address.nameServer !== undefined) return `dns://${address.nameServer}/${text}`;
      return SCHEMES.test(text) ? `dns:${text}` : text;
    }
    case "list":
      return `ipv${address.family}:` +
        address.addresses.map((a) => formatHostPort(a.host, a.port)).join(",");
    case "unix":
      return address.path.startsWith("//") ? `unix://${address.path}` : `unix:${address.path}`;
    case "unix-abstract":
      return `unix-abstract:${address.name}`;
    case "vsock":
      return `vsock:${address.cid === VSOCK_CID_ANY ? "-1" : address.cid}:${address.port}`;
    case "hvsock":
      return (address.path.startsWith("//") ? "hvsock://" : "hvsock:") +
        `${address.path}:${address.port}`;
    case "memory":
      return `memory:${address.name}`;
  }
}

/** `host:port`, with brackets around an IPv6 address. */
export function formatHostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** 4 or 6 for an IP address (IPv6 without brackets), 0 for anything else. */
export function ipFamily(host: string): 0 | 4 | 6 {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(host)) {
    return host.split(".").every((part) => String(Number(part)) === part && Number(part) < 256)
      ? 4
      : 0;
  }
  return host.includes(":") && /^[0-9a-fA-F:.]+$/.test(host) && URL.canParse(`http://[${host}]/`)
    ? 6
    : 0;
}

/** Checks that a Unix path can be bound or connected to; `text` is the address it came from. */
export function checkUnixPath(text: string, path: string, what = "path"): void {
  const bytes = utf8.encode(path).length;
  if (bytes > MAX_UNIX_PATH_BYTES) {
    throw new RangeError(
      `Address "${text}": its Unix socket ${what} takes ${bytes} bytes, ` +
        `limit is ${MAX_UNIX_PATH_BYTES}; use a shorter one, for example unix:/tmp/vrpc.sock`,
    );
  }
}

function wrong(text: string, what: string, example: string): string {
  return `Address "${text}" ${what}; a right one is, for example, ${example}`;
}

function parseDns(text: string, rest: string): TcpAddress | DnsAddress {
  const example = "dns:///example.com:50051";
  if (!rest.startsWith("//")) return parseHostPort(text, rest);
  const slash = rest.indexOf("/", 2);
  if (slash < 0) {
    throw new TypeError(wrong(text, `has no "/" after its name server part`, example));
  }
  const parsed = parseHostPort(text, rest.slice(slash + 1));
  const nameServer = rest.slice(2, slash);
  if (nameServer === "" || parsed.kind === "tcp") return parsed;
  const withPort = nameServerParts(nameServer);
  if (withPort === undefined) {
    throw new TypeError(
      wrong(text, `names "${nameServer}" as its name server, which is no IP address`, example),
    );
  }
  return { ...parsed, nameServer };
}

/** Splits a name server's `ip`, `ip:port` or `[ipv6]:port`; undefined when it is none of these. */
export function nameServerParts(text: string): { ipAddr: string; port?: number } | undefined {
  const bare = text.replace(/^\[(.*)\]$/, "$1");
  if (ipFamily(bare) !== 0) return { ipAddr: bare };
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const ipAddr = match[1] ?? match[2];
  const port = Number(match[3]);
  return ipFamily(ipAddr) !== 0 && port > 0 && port < 65536 ? { ipAddr, port } : undefined;
}

function parseHostPort(text: string, part: string): TcpAddress | DnsAddress {
  const example = "127.0.0.1:50051";
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(part)?.[1];
  if (scheme !== undefined) {
    throw new TypeError(
      wrong(
        text,
        `has the scheme "${scheme}", which is not known`,
        `${example} or unix:/run/a.sock`,
      ),
    );
  }
  const bracketed = /^\[([^\]]*)\](.*)$/s.exec(part);
  if (bracketed !== null) {
    const host = bracketed[1];
    if (ipFamily(host) !== 6) {
      throw new TypeError(wrong(text, `has "${host}" in brackets, no IPv6 address`, "[::1]:50051"));
    }
    if (!bracketed[2].startsWith(":")) {
      throw new TypeError(wrong(text, "has no port", `[${host}]:50051`));
    }
    return { kind: "tcp", host, port: parsePort(text, bracketed[2].slice(1)) };
  }
  const colon = part.lastIndexOf(":");
  const host = colon < 0 ? part : part.slice(0, colon);
  if (host === "") throw new TypeError(wrong(text, "has no host", example));
  if (colon < 0) throw new TypeError(wrong(text, "has no port", `${host}:50051`));
  if (host.includes(":")) {
    throw new TypeError(
      wrong(text, `has an IPv6 address without brackets, or two ports`, "[::1]:50051"),
    );
  }
  const port = parsePort(text, part.slice(colon + 1));
  if (ipFamily(host) === 4) return { kind: "tcp", host, port };
  checkHostName(text, host);
  return { kind: "dns", host, port };
}

function checkHostName(text: string, host: string): void {
  const example = "example.com:50051";
  if (/^\d+$/.test(host.replace(/\.$/, "").split(".").at(-1)!)) {
    throw new RangeError(
      wrong(text, `has "${host}", neither an IPv4 address nor a host name`, "127.0.0.1:50051"),
    );
  }
  if (host.length > 253) {
    throw new RangeError(
      wrong(text, `has a host name of ${host.length} characters, limit is 253`, example),
    );
  }
  const label = host.replace(/\.$/, "").split(".").find((l) =>
    l.length > 63 || !/^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$/i.test(l)
  );
  if (label !== undefined) {
    throw new TypeError(wrong(text, `has "${label}" in its host, no part of a host name`, example));
  }
}

function parseList(text: string, rest: string, family: 4 | 6): TcpAddress | ListAddress {
  const example = family === 4 ? "ipv4:10.0.0.1:50051,10.0.0.2:50051" : "ipv6:[::1]:50051";
  const addresses = rest.split(",").map((item): TcpAddress => {
    if (item === "") throw new TypeError(wrong(text, "has an empty part", example));
    const parsed = parseHostPort(text, item);
    if (parsed.kind !== "tcp" || ipFamily(parsed.host) !== family) {
      throw new TypeError(wrong(text, `has "${parsed.host}", no IPv${family} address`, example));
    }
    return parsed;
  });
  return addresses.length === 1 ? addresses[0] : { kind: "list", family, addresses };
}

function parseVsock(text: string, rest: string): VsockAddress {
  const example = "vsock:16:50051";
  const [cidText, portText, more] = rest.replace(/^\/\//, "").split(":");
  if (portText === undefined) throw new TypeError(wrong(text, "has no port", example));
  if (more !== undefined) {
    throw new TypeError(wrong(text, "has more than a cid and a port", example));
  }
  let cid = CID_WORDS.get(cidText);
  if (cid === undefined) {
    if (!/^\d+$/.test(cidText)) {
      throw new TypeError(
        wrong(
          text,
          `has the cid "${cidText}", neither a number nor any, local, host or parent`,
          example,
        ),
      );
    }
    cid = number(text, "cid", cidText, MAX_U32, example);
  }
  return { kind: "vsock", cid, port: number(text, "port", portText, MAX_U32, example) };
}

function parseHvsock(text: string, rest: string): HvsockAddress {
  const example = "hvsock:/run/vm.sock:50051";
  const colon = rest.lastIndexOf(":");
  if (colon < 0) throw new TypeError(wrong(text, "has no port", example));
  const path = unixPath(text, stripSlashes(text, rest.slice(0, colon), "hvsock"), "hvsock");
  const port = number(text, "port", rest.slice(colon + 1), MAX_U32, example);
  if (port === 0) throw new RangeError(wrong(text, "has port 0, smallest is 1", example));
  return { kind: "hvsock", path, port };
}

/** `//` introduces an authority, which must be empty here: `unix:///path`. */
function stripSlashes(text: string, rest: string, scheme: string): string {
  if (!rest.startsWith("//")) return rest;
  if (!rest.startsWith("///")) {
    throw new TypeError(
      wrong(text, `has "//" before a path that is not absolute`, `${scheme}:///run/vrpc.sock`),
    );
  }
  return rest.slice(2);
}

function unixPath(text: string, path: string, scheme: string): string {
  const example = `${scheme}:/run/vrpc.sock${scheme === "hvsock" ? ":50051" : ""}`;
  if (path === "") throw new TypeError(wrong(text, "has no path", example));
  if (path.includes("\0")) {
    throw new TypeError(
      wrong(text, "has a NUL in its path", `${example} or unix-abstract:vrpc`),
    );
  }
  checkUnixPath(text, path);
  return path;
}

function abstractName(text: string, name: string): string {
  if (name === "") throw new TypeError(wrong(text, "has no name", "unix-abstract:vrpc"));
  checkUnixPath(text, name, "name");
  return name;
}

function parsePort(text: string, port: string): number {
  return number(text, "port", port, 65535, "127.0.0.1:50051");
}

function number(text: string, what: string, digits: string, max: number, example: string): number {
  if (digits === "") throw new TypeError(wrong(text, `has an empty ${what}`, example));
  if (!/^\d+$/.test(digits)) {
    throw new TypeError(wrong(text, `has the ${what} "${digits}", no number`, example));
  }
  const value = Number(digits);
  if (value > max) {
    throw new RangeError(wrong(text, `has the ${what} ${digits}, limit is ${max}`, example));
  }
  return value;
}
