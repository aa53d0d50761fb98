/**
 * Proxies of HTTP that tunnel TCP by CONNECT (RFC 9110 §9.3.6), by option or by the environment.
 *
 * @module
 */

import { TransportError } from "../errors.ts";
import { formatHostPort } from "./address.ts";
import type { ByteStream } from "./types.ts";
import { ReplayedStream } from "./client_hello.ts";
import { proxyApplies } from "./no_proxy.ts";

/** An HTTP proxy: its address, and the credentials for it. */
export interface Proxy {
  /** Host name or IP address. */
  readonly host: string;
  /** Port. */
  readonly port: number;
  /** Value of `proxy-authorization`; undefined without a user. */
  readonly authorization: string | undefined;
}

/** Largest head of a proxy's answer, in bytes. */
export const MAX_ANSWER_BYTES = 16_384;
// Default port of HTTP proxies in curl and Go.
const DEFAULT_PORT = 80;

/** Parses the URL of a proxy. Throws a TypeError that does not show its password if it can't be used. */
export function parseProxy(name: string, text: string): Proxy {
  const fail = (why: string): never => {
    throw new TypeError(`Cannot use ${name}: ${why}, such as http://proxy.internal:3128`);
  };
  if (typeof text !== "string") fail("it must be a URL");
  let url: URL;
  try {
    url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  } catch {
    return fail("it is not a URL");
  }
  if (url.protocol !== "http:") {
    return fail(`its scheme is ${url.protocol.slice(0, -1)}, must be http`);
  }
  if (url.hostname === "") return fail("it has no host");
  const { username, password } = url;
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? DEFAULT_PORT : Number(url.port),
    authorization: username || password ? basic(username, password) : undefined,
  };
}

/** Throws a TypeError unless the option `proxy` is a boolean or the URL of a proxy. */
export function checkProxy(option: unknown): void {
  if (option === undefined || typeof option === "boolean") return;
  parseProxy("proxy", option as string);
}

function basic(username: string, password: string): string {
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const bytes = new TextEncoder().encode(pair);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

/** Returns an environment variable; undefined if it is empty or unset, or may not be read. */
export type Environment = (name: string) => string | undefined;

const PROXY_VARIABLES = ["grpc_proxy", "https_proxy", "HTTPS_PROXY", "http_proxy"];
const EXCEPTION_VARIABLES = ["no_grpc_proxy", "no_proxy", "NO_PROXY"];

/** Returns a variable of the process; undefined where the program has no right to read it. */
export const processEnvironment: Environment = (name) => {
  try {
    const { process } = globalThis as unknown as { process?: { env: Record<string, string> } };
    return process?.env[name] || undefined;
  } catch {
    return undefined;
  }
};

/**
 * Returns the proxy for connections to `host` and `port`: that of the option, or with true that of the environment's
 * `grpc_proxy`, `https_proxy`, `HTTPS_PROXY` or `http_proxy`, the first that is set, unless `no_grpc_proxy`, `no_proxy` or
 * `NO_PROXY` lists the host. Throws a TypeError for a proxy that can't be used.
 */
export function proxyFor(
  option: string | boolean | undefined,
  { host, port }: { readonly host: string; readonly port: number },
  environment: Environment = processEnvironment,
): Proxy | undefined {
  if (option === undefined || option === false) return undefined;
  if (typeof option === "string") return parseProxy("proxy", option);
  const name = PROXY_VARIABLES.find((name) => environment(name) !== undefined);
  if (name === undefined) return undefined;
  const exceptions = EXCEPTION_VARIABLES.map(environment).find((value) => value !== undefined);
  return proxyApplies(host, port, exceptions) ? parseProxy(name, environment(name)!) : undefined;
}

/**
 * Asks the proxy at the other end of `stream` for a tunnel; resolves to the stream of the tunnel. Rejects with a
 * TransportError and closes `stream` if the proxy refuses.
 */
export async function openTunnel(
  stream: ByteStream,
  proxy: Proxy,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<ByteStream> {
  const target = formatHostPort(host, port);
  const lines = [`CONNECT ${target} HTTP/1.1`, `host: ${target}`];
  if (proxy.authorization !== undefined) lines.push(`proxy-authorization: ${proxy.authorization}`);
  try {
    const request = new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
    for (let at = 0; at < request.length;) at += await stream.write(request.subarray(at));
    const { head, rest } = await readHead(stream);
    const [, status, reason = ""] = /^HTTP\/1\.[01] (\d{3})(?: ([\x20-\x7e]*))?/.exec(head) ?? [];
    if (status === undefined) throw new Error("its answer is not HTTP/1.1");
    if (!status.startsWith("2")) throw new Error(`it answered ${status} ${reason}`.trimEnd());
    return new ReplayedStream(stream, rest);
  } catch (error) {
    stream.close();
    const through = formatHostPort(proxy.host, proxy.port);
    throw new TransportError(
      `Cannot connect to ${target} through the proxy ${through}: ${(error as Error).message}`,
      { address: target, cause: error },
    );
  }
}

/** Reads the head of an answer; `rest` are the bytes after it that came along. */
async function readHead(stream: ByteStream): Promise<{ head: string; rest: Uint8Array }> {
  const buffer = new Uint8Array(MAX_ANSWER_BYTES);
  let length = 0;
  while (length < buffer.length) {
    const count = await stream.read(buffer.subarray(length));
    if (count === null) throw new Error("it closed the connection");
    length += count;
    const text = String.fromCharCode(...buffer.subarray(0, length));
    const end = text.indexOf("\r\n\r\n");
    if (end >= 0) return { head: text.slice(0, end), rest: buffer.slice(end + 4, length) };
  }
  throw new Error(`the head of its answer has more than ${MAX_ANSWER_BYTES} bytes`);
}
