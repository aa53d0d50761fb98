/**
 * Address grammar: gRPC's naming forms, plus vsock, hybrid vsock and memory.
 *
 * | form | meaning |
 * | --- | --- |
 * | `host:port`, `dns:host:port`, `dns:///host:port` | a name to resolve, or an IPv4 address |
 * | `dns://1.1.1.1:53/host:port` | the same, resolved by that name server |
 * | `[::1]:port` | one IPv6 address |
 * | `ipv4:1.2.3.4:1,5.6.7.8:2`, `ipv6:[::1]:1,[::2]:2` | one or several addresses |
 * | `unix:path`, `unix:///absolute/path` | a Unix socket |
 * | `unix-abstract:name` | a Unix socket in Linux's abstract namespace |
 * | `vsock:cid:port`, `vsock://cid:port` | AF_VSOCK; the cid also `any` or `-1` (listening), `local`, `host`, `parent` |
 * | `hvsock:/path:port` | the Unix socket of a VMM (Firecracker, Cloud Hypervisor) that leads to a guest's vsock |
 * | `memory:name` | a listener in this process |
 *
 * @module
 */

/** IP address and port. */
export interface TcpAddress {
  /** Discriminator of {@link Address}. */
  readonly kind: "tcp";
  /** IP address without brackets. */
  readonly host: string;
  /** Port, 0 to 65,535; 0 lets the system choose when listening. */
  readonly port: number;
}

/** Host name to be resolved, and port. */
export interface DnsAddress {
  /** Discriminator of {@link Address}. */
  readonly kind: "dns";
  /** Host name. */
  readonly host: string;
  /** Port, 0 to 65,535; 0 lets the system choose when listening. */
  readonly port: number;
  /** Name server, `ip` or `ip:port`. Default: the system's. */
  readonly nameServer?: string;
}

/** Several IP addresses of one family, with the same service. */
export interface ListAddress {
  /** Discriminator of {@link Address}. */
  readonly kind: "list";
  /** IPv4 or IPv6. */
  readonly family: 4 | 6;
  /** Two or more addresses. */
  readonly addresses: readonly TcpAddress[];
}

/** Unix socket in the file system. */
export interface UnixAddress {
  /** Discriminator of {@link Address}. */
  readonly kind: "unix";
  /** Relative or absolute path, at most 107 bytes of UTF-8. */
  readonly path: string;
}

/** Unix socket in Linux's abstract namespace. */
export interface UnixAbstractAddress {
  /** Discriminator of {@link Address}. */
  readonly kind: "unix-abstract";
  /** Name without the leading NUL, at most 107 bytes of UTF-8. */
  readonly name: string;
}

/** AF_VSOCK address. */
export interface VsockAddress {
  /** Discriminator of {@link Address}. */
  readonly kind: "vsock";
  /** Context id, 0 to 4,294,967,295; see {@link VSOCK_CID_ANY}. */
  readonly cid: number;
  /** Port, 0 to 4,294,967,295; 0 lets the system choose when listening. */
  readonly port: number;
}

/** Unix socket of a virtual machine monitor that leads to a guest's vsock (hybrid vsock). */
export interface HvsockAddress {
  /** Discriminator of {@link Address}. */
  readonly kind: "hvsock";
  /** Path of the monitor's Unix socket. */
  readonly path: string;
  /** The guest's vsock port, 1 to 4,294,967,295. */
  readonly port: number;
}

/** Listener in this process. */
export interface MemoryAddress {
  /** Discriminator of {@link Address}. */
  readonly kind: "memory";
  /** Name of the listener; not empty. */
  readonly name: string;
}

/** Parsed address. */
export type Address =
  | TcpAddress
  | DnsAddress
  | ListAddress
  | UnixAddress
  | UnixAbstractAddress
  | VsockAddress
  | HvsockAddress
  | MemoryAddress;

/** VMADDR_CID_ANY: all context ids of this machine, to listen on (`any`, `-1`). */
export const VSOCK_CID_ANY = 0xffffffff;
/** Longest path of a Unix socket, in bytes: sizeof(sockaddr_un.sun_path) - 1 on Linux. */
export const MAX_UNIX_PATH_BYTES = 107;

/** Matches the scheme of an address that has one. */
export const ADDRESS_SCHEME = /^(dns|ipv4|ipv6|unix|unix-abstract|vsock|hvsock|memory):/s;
const utf8 = new TextEncoder();

/** Formats an address; `parseAddress` of the result returns an equal address. */
export function formatAddress(address: Address): string {
  switch (address.kind) {
    case "tcp":
      return formatHostPort(address.host, address.port);
    case "dns": {
      const text = `${address.host}:${address.port}`;
      if (address.nameServer !== undefined) return `dns://${address.nameServer}/${text}`;
      return ADDRESS_SCHEME.test(text) ? `dns:${text}` : text;
    }
    case "list":
      return `ipv${address.family}:` +
        address.addresses.map((a) => formatHostPort(a.host, a.port)).join(",");
    case "unix":
      return address.path.startsWith("//") ? `unix://${address.path}` : `unix:${address.path}`;
    case "unix-abstract":
      return `unix-abstract:${address.name}`;
    case "vsock":
      return `vsock:${address.cid === VSOCK_CID_ANY ? "any" : address.cid}:${address.port}`;
    case "hvsock":
      return (address.path.startsWith("//") ? "hvsock://" : "hvsock:") +
        `${address.path}:${address.port}`;
    case "memory":
      return `memory:${address.name}`;
  }
}

/** Formats `host:port`, with brackets around an IPv6 address. */
export function formatHostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Returns 4 or 6 for an IP address (IPv6 without brackets), 0 for anything else. */
export function ipFamily(host: string): 0 | 4 | 6 {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(host)) {
    return host.split(".").every((part) => String(Number(part)) === part && Number(part) < 256)
      ? 4
      : 0;
  }
  return host.includes(":") && canonicalIpv6(host) !== undefined ? 6 : 0;
}

/**
 * Returns an IPv6 address (without brackets) in the one form of the URL standard: hexadecimal groups in lower case, the
 * longest run of zeros as `::`; undefined for anything else.
 */
export function canonicalIpv6(host: string): string | undefined {
  const at = host.lastIndexOf(":") + 1;
  const tail = host.slice(at);
  let text = host;
  // The URL parser of Bun 1.4 refuses some addresses that end like an IPv4 address.
  if (tail.includes(".")) {
    if (ipFamily(tail) !== 4) return undefined;
    const [a, b, c, d] = tail.split(".").map(Number);
    text = `${host.slice(0, at)}${(a << 8 | b).toString(16)}:${(c << 8 | d).toString(16)}`;
  }
  if (!/^[0-9a-fA-F:]+$/.test(text)) return undefined;
  return URL.parse(`http://[${text}]/`)?.hostname.slice(1, -1);
}

/** Splits a name server's `ip`, `ip:port` or `[ipv6]:port`; undefined if it is none of these. */
export function nameServerParts(text: string): { ipAddr: string; port?: number } | undefined {
  const bare = text.replace(/^\[(.*)\]$/, "$1");
  if (ipFamily(bare) !== 0) return { ipAddr: bare };
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const ipAddr = match[1] ?? match[2];
  const port = Number(match[3]);
  return ipFamily(ipAddr) !== 0 && port > 0 && port < 65536 ? { ipAddr, port } : undefined;
}

/** Throws a RangeError if a Unix path is too long; `text` is the address it came from. */
export function checkUnixPath(text: string, path: string, what = "path"): void {
  const bytes = utf8.encode(path).length;
  if (bytes > MAX_UNIX_PATH_BYTES) {
    throw new RangeError(
      `Address "${text}": its Unix socket ${what} takes ${bytes} bytes, ` +
        `limit is ${MAX_UNIX_PATH_BYTES}; use a shorter one, for example unix:/tmp/vrpc.sock`,
    );
  }
}
