/**
 * Parser of the address grammar of `address.ts`. Each error names the address, the invalid part and a valid example.
 *
 * @module
 */

import type {
  Address,
  DnsAddress,
  HvsockAddress,
  ListAddress,
  TcpAddress,
  VsockAddress,
} from "./address.ts";
import {
  ADDRESS_SCHEME,
  checkUnixPath,
  ipFamily,
  nameServerParts,
  VSOCK_CID_ANY,
} from "./address.ts";

const CID_WORDS = new Map([
  ["any", VSOCK_CID_ANY],
  ["-1", VSOCK_CID_ANY],
  ["hypervisor", 0],
  ["local", 1],
  ["host", 2],
  ["parent", 3],
]);
const MAX_U32 = 0xffffffff;

/** Parses an address; throws a TypeError (invalid form) or RangeError (number or length out of range). */
export function parseAddress(text: string): Address {
  if (typeof text !== "string") {
    throw new TypeError(`Address must be a string, for example "127.0.0.1:50051", not ${text}`);
  }
  const scheme = ADDRESS_SCHEME.exec(text)?.[1];
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
      if (rest === "") throw new TypeError(invalid(text, "has no name", "memory:test"));
      return { kind: "memory", name: rest };
    default:
      return parseHostPort(text, text);
  }
}

function invalid(text: string, what: string, example: string): string {
  return `Address "${text}" ${what}; expected, for example, ${example}`;
}

function parseDns(text: string, rest: string): TcpAddress | DnsAddress {
  const example = "dns:///example.com:50051";
  if (!rest.startsWith("//")) return parseHostPort(text, rest);
  const slash = rest.indexOf("/", 2);
  if (slash < 0) {
    throw new TypeError(invalid(text, `has no "/" after its name server part`, example));
  }
  const parsed = parseHostPort(text, rest.slice(slash + 1));
  const nameServer = rest.slice(2, slash);
  if (nameServer === "" || parsed.kind === "tcp") return parsed;
  const withPort = nameServerParts(nameServer);
  if (withPort === undefined) {
    throw new TypeError(
      invalid(text, `has the name server "${nameServer}", which is not an IP address`, example),
    );
  }
  return { ...parsed, nameServer };
}

function parseHostPort(text: string, part: string): TcpAddress | DnsAddress {
  const example = "127.0.0.1:50051";
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(part)?.[1];
  if (scheme !== undefined) {
    throw new TypeError(
      invalid(
        text,
        `has the unknown scheme "${scheme}"`,
        `${example} or unix:/run/a.sock`,
      ),
    );
  }
  const bracketed = /^\[([^\]]*)\](.*)$/s.exec(part);
  if (bracketed !== null) {
    const host = bracketed[1];
    if (ipFamily(host) !== 6) {
      throw new TypeError(
        invalid(text, `has "${host}" in brackets, which is not an IPv6 address`, "[::1]:50051"),
      );
    }
    if (!bracketed[2].startsWith(":")) {
      throw new TypeError(invalid(text, "has no port", `[${host}]:50051`));
    }
    return { kind: "tcp", host, port: parsePort(text, bracketed[2].slice(1)) };
  }
  const colon = part.lastIndexOf(":");
  const host = colon < 0 ? part : part.slice(0, colon);
  if (host === "") throw new TypeError(invalid(text, "has no host", example));
  if (/^\.{0,2}\//.test(text)) throw new TypeError(invalid(text, "is a path", `unix:${text}`));
  if (colon < 0) throw new TypeError(invalid(text, "has no port", `${host}:50051`));
  if (host.includes(":")) {
    throw new TypeError(
      invalid(text, `has an IPv6 address without brackets, or two ports`, "[::1]:50051"),
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
      invalid(text, `has "${host}", neither an IPv4 address nor a host name`, "127.0.0.1:50051"),
    );
  }
  if (host.length > 253) {
    throw new RangeError(
      invalid(text, `has a host name of ${host.length} characters, limit is 253`, example),
    );
  }
  const label = host.replace(/\.$/, "").split(".").find((l) =>
    l.length > 63 || !/^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$/i.test(l)
  );
  if (label !== undefined) {
    throw new TypeError(
      invalid(text, `has "${label}" in its host, which is not valid in a host name`, example),
    );
  }
}

function parseList(text: string, rest: string, family: 4 | 6): TcpAddress | ListAddress {
  const example = family === 4 ? "ipv4:10.0.0.1:50051,10.0.0.2:50051" : "ipv6:[::1]:50051";
  const addresses = rest.split(",").map((item): TcpAddress => {
    if (item === "") throw new TypeError(invalid(text, "has an empty part", example));
    const parsed = parseHostPort(text, item);
    if (parsed.kind !== "tcp" || ipFamily(parsed.host) !== family) {
      throw new TypeError(
        invalid(text, `has "${parsed.host}", which is not an IPv${family} address`, example),
      );
    }
    return parsed;
  });
  return addresses.length === 1 ? addresses[0] : { kind: "list", family, addresses };
}

function parseVsock(text: string, rest: string): VsockAddress {
  const example = "vsock:16:50051";
  const [cidText, portText, more] = rest.replace(/^\/\//, "").split(":");
  if (portText === undefined) throw new TypeError(invalid(text, "has no port", example));
  if (more !== undefined) {
    throw new TypeError(invalid(text, "has more than a cid and a port", example));
  }
  let cid = CID_WORDS.get(cidText);
  if (cid === undefined) {
    if (!/^\d+$/.test(cidText)) {
      throw new TypeError(
        invalid(
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
  if (colon < 0) throw new TypeError(invalid(text, "has no port", example));
  const path = unixPath(text, stripSlashes(text, rest.slice(0, colon), "hvsock"), "hvsock");
  const port = number(text, "port", rest.slice(colon + 1), MAX_U32, example);
  if (port === 0) throw new RangeError(invalid(text, "has port 0, must be at least 1", example));
  return { kind: "hvsock", path, port };
}

/** Removes the empty authority of `unix:///path`. */
function stripSlashes(text: string, rest: string, scheme: string): string {
  if (!rest.startsWith("//")) return rest;
  if (!rest.startsWith("///")) {
    throw new TypeError(
      invalid(text, `has "//" before a path that is not absolute`, `${scheme}:///run/vrpc.sock`),
    );
  }
  return rest.slice(2);
}

function unixPath(text: string, path: string, scheme: string): string {
  const example = `${scheme}:/run/vrpc.sock${scheme === "hvsock" ? ":50051" : ""}`;
  if (path === "") throw new TypeError(invalid(text, "has no path", example));
  if (path.includes("\0")) {
    throw new TypeError(
      invalid(text, "has a NUL in its path", `${example} or unix-abstract:vrpc`),
    );
  }
  checkUnixPath(text, path);
  return path;
}

function abstractName(text: string, name: string): string {
  if (name === "") throw new TypeError(invalid(text, "has no name", "unix-abstract:vrpc"));
  checkUnixPath(text, name, "name");
  return name;
}

function parsePort(text: string, port: string): number {
  return number(text, "port", port, 65535, "127.0.0.1:50051");
}

function number(text: string, what: string, digits: string, max: number, example: string): number {
  if (digits === "") throw new TypeError(invalid(text, `has an empty ${what}`, example));
  if (!/^\d+$/.test(digits)) {
    throw new TypeError(
      invalid(text, `has the ${what} "${digits}", which is not a number`, example),
    );
  }
  const value = Number(digits);
  if (value > max) {
    throw new RangeError(invalid(text, `has the ${what} ${digits}, limit is ${max}`, example));
  }
  return value;
}
