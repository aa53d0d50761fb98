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
  /** What kind of address it is. */
  readonly kind: "tcp";
  /** An IP address without brackets. */
  readonly host: string;
  /** 0 to 65535; 0 lets the system choose when listening. */
  readonly port: number;
}

/** A name that has to be resolved, and a port. */
export interface DnsAddress {
  /** What kind of address it is. */
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
  /** What kind of address it is. */
  readonly kind: "list";
  /** IPv4 or IPv6. */
  readonly family: 4 | 6;
  /** Two or more. */
  readonly addresses: readonly TcpAddress[];
}

/** A Unix socket in the file system. */
export interface UnixAddress {
  /** What kind of address it is. */
  readonly kind: "unix";
  /** Relative or absolute; at most 107 bytes of UTF-8. */
  readonly path: string;
}

/** A Unix socket in Linux's abstract namespace. */
export interface UnixAbstractAddress {
  /** What kind of address it is. */
  readonly kind: "unix-abstract";
  /** Without the leading NUL; at most 107 bytes of UTF-8. */
  readonly name: string;
}

/** An AF_VSOCK address. */
export interface VsockAddress {
  /** What kind of address it is. */
  readonly kind: "vsock";
  /** 0 to 4294967295, see {@link VSOCK_CID_ANY}. */
  readonly cid: number;
  /** 0 to 4294967295; 0 lets the system choose when listening. */
  readonly port: number;
}

/** The Unix-socket door of a virtual machine monitor to a guest's vsock (hybrid vsock). */
export interface HvsockAddress {
  /** What kind of address it is. */
  readonly kind: "hvsock";
  /** The monitor's Unix socket. */
  readonly path: string;
  /** The guest's vsock port, 1 to 4294967295. */
  readonly port: number;
}

/** A listener in this process. */
export interface MemoryAddress {
  /** What kind of address it is. */
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

/** The scheme of an address that has one. */
export const ADDRESS_SCHEME = /^(dns|ipv4|ipv6|unix|unix-abstract|vsock|hvsock|memory):/s;
const utf8 = new TextEncoder();

/** The canonical text of an address; `parseAddress` of it gives an equal address. */
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
