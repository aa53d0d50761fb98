/**
 * Connections to any address.
 *
 * @module
 */

import { textOf, TransportError } from "../errors.ts";
import type { Address, DnsAddress, TcpAddress } from "./address.ts";
import { formatAddress, ipFamily, VSOCK_CID_ANY } from "./address.ts";
import { parseAddress } from "./address_parser.ts";
import { reasonOf } from "./failure.ts";
import { dialHvsock } from "./hvsock.ts";
import { dialMemory } from "./memory.ts";
import { checkProxy, openTunnel, type Proxy, proxyFor } from "./proxy.ts";
import { resolveAddress, type Resolver } from "./resolve.ts";
import { connectTcp, dialTcp } from "./tcp.ts";
import {
  checkTlsClientOptions,
  dialNodeTls,
  runtimeTlsSuffices,
  startRuntimeTls,
  startTls,
  warnOfInsecure,
} from "./tls.ts";
import type { TlsClientOptions } from "./tls_options.ts";
import type { ByteStream } from "./types.ts";
import { dialUnix } from "./unix.ts";
import { dialVsock } from "./vsock.ts";

/** Options of {@link dial}. */
export interface DialOptions {
  /** Time limit for resolution, connection and TLS handshake together, in ms. Default 20,000. */
  timeoutMs?: number;
  /** Aborts the dial, which then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** TLS options; true for the defaults. Default: no TLS, whatever the address. */
  tls?: TlsClientOptions | true;
  /** ALPN protocols to offer in the TLS handshake, in order of preference. */
  alpn?: readonly string[];
  /** SO_KEEPALIVE on TCP. Default true. */
  tcpKeepAlive?: boolean;
  /** Whether the stream must have a `channelBinding`, which the runtime's own TLS lacks. Default false. */
  channelBinding?: boolean;
  /**
   * Proxy of HTTP that tunnels TCP: its URL, or true for that of the environment; see `proxy` of `connect`. Default false.
   */
  proxy?: string | boolean;
  /** Resolver of host names. Default: {@link resolveHost}. */
  resolver?: Resolver;
}

/** Default of {@link DialOptions.timeoutMs}, in ms: gRPC's minimum connect timeout. */
export const DIAL_TIMEOUT_MS = 20_000;
// Delay before the next address is tried while the previous one has not answered (RFC 8305 §5), in ms.
const ATTEMPT_DELAY_MS = 250;

/**
 * Connects to an address; resolves after the TLS handshake, if any. Uses the first of several addresses that answers.
 * Rejects with a {@link TransportError} or the signal's reason; throws a TypeError or RangeError for invalid options.
 */
export async function dial(
  address: string | Address,
  options: DialOptions = {},
): Promise<ByteStream> {
  const target = typeof address === "string" ? parseAddress(address) : address;
  const text = formatAddress(target);
  checkDialable(target, text);
  const timeoutMs = options.timeoutMs ?? DIAL_TIMEOUT_MS;
  if (!(timeoutMs > 0)) throw new RangeError(`timeoutMs must be above 0, not ${timeoutMs}`);
  const tls = options.tls === true ? {} : options.tls;
  if (tls !== undefined) {
    checkTlsClientOptions(tls);
    warnOfInsecure(tls);
  }
  checkProxy(options.proxy);
  options.signal?.throwIfAborted();
  const controller = new AbortController();
  const attempt: Attempt = { options, tls, signal: controller.signal, timeoutMs };
  const timer = setTimeout(() => {
    const why = attempt.explain?.() ?? `Cannot connect to ${text}: timed out after ${timeoutMs} ms`;
    controller.abort(new TransportError(why, { address: text }));
  }, Math.min(timeoutMs, 0x7fffffff));
  const onAbort = () => controller.abort(options.signal!.reason);
  options.signal?.addEventListener("abort", onAbort);
  try {
    return await dialTarget(target, text, attempt);
  } catch (error) {
    // After an abort, its reason replaces any other error.
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", onAbort);
    // Aborts attempts on other addresses.
    controller.abort();
  }
}

/** Dial in progress. */
interface Attempt {
  readonly options: DialOptions;
  readonly tls: TlsClientOptions | undefined;
  /** Fires at the timeout, when the caller aborts, and when the dial ends. */
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Error text for a timeout, if a more specific one is known. */
  explain?: () => string;
}

function checkDialable(address: Address, text: string): void {
  if (address.kind === "vsock" && address.cid === VSOCK_CID_ANY) {
    throw new RangeError(
      `Cannot connect to ${text}: cid any is for listening; use a specific one, for example vsock:16:50051`,
    );
  }
  const ports = address.kind === "list" ? address.addresses : "port" in address ? [address] : [];
  if (ports.some(({ port }) => port === 0)) {
    throw new RangeError(`Cannot connect to ${text}: port 0 is for listening; must be at least 1`);
  }
}

async function dialTarget(target: Address, text: string, attempt: Attempt): Promise<ByteStream> {
  const { signal } = attempt;
  if (target.kind === "dns" || target.kind === "tcp") {
    const proxy = proxyFor(attempt.options.proxy, target);
    if (proxy !== undefined) return await abortable(dialTunnel(proxy, target, attempt), signal);
  }
  let addresses: Address[];
  try {
    addresses = await abortable(
      resolveAddress(target, { resolver: attempt.options.resolver, signal }),
      signal,
    );
  } catch (error) {
    throw new TransportError(`Cannot resolve ${text}: ${reasonOf(error)}`, {
      address: text,
      cause: error,
    });
  }
  if (addresses.length === 0) {
    throw new TransportError(`Cannot resolve ${text}: the name has no addresses`, {
      address: text,
    });
  }
  return await firstConnected(addresses, text, attempt, hostOf(target));
}

/** Connects to an address through a proxy, which resolves its name. */
async function dialTunnel(
  proxy: Proxy,
  target: TcpAddress | DnsAddress,
  attempt: Attempt,
): Promise<ByteStream> {
  const { tls, signal, options } = attempt;
  const kind = ipFamily(proxy.host) === 0 ? "dns" : "tcp";
  const door: Address = { kind, host: proxy.host, port: proxy.port };
  const plain = { ...attempt, tls: undefined, options: { ...options, proxy: false } };
  const stream = await dialTarget(door, formatAddress(door), plain);
  const close = () => stream.close();
  signal.addEventListener("abort", close);
  try {
    const tunnel = await openTunnel(stream, proxy, target);
    if (tls === undefined) return tunnel;
    const serverName = tls.serverName ?? target.host;
    return await startTls(tunnel, { tls, alpn: options.alpn, serverName, signal });
  } finally {
    signal.removeEventListener("abort", close);
  }
}

/** Host of the address, for TLS; undefined if it has none. */
function hostOf(target: Address): string | undefined {
  return target.kind === "dns" || target.kind === "tcp" ? target.host : undefined;
}

/** Tries the addresses in order, the next one after a failure or a delay; resolves to the first connection. */
function firstConnected(
  addresses: Address[],
  text: string,
  attempt: Attempt,
  serverName: string | undefined,
): Promise<ByteStream> {
  if (addresses.length === 1) return dialOne(addresses[0], attempt, serverName);
  return new Promise((resolve, reject) => {
    const failures: unknown[] = [];
    let next = 0;
    let settled = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const settle = (finish: () => void) => {
      settled = true;
      clearTimeout(timer);
      attempt.signal.removeEventListener("abort", onAbort);
      finish();
    };
    const onAbort = () => settle(() => reject(attempt.signal.reason));
    attempt.signal.addEventListener("abort", onAbort);
    const start = () => {
      clearTimeout(timer);
      if (settled || next >= addresses.length) return;
      dialOne(addresses[next++], attempt, serverName).then(
        (stream) => settled ? stream.close() : settle(() => resolve(stream)),
        (error) => {
          failures.push(error);
          if (settled) return;
          if (failures.length < addresses.length) return start();
          const reasons = failures.map((f) => textOf(f));
          settle(() =>
            reject(
              new TransportError(`Cannot connect to ${text}: ${[...new Set(reasons)].join("; ")}`, {
                address: text,
                cause: failures[0],
              }),
            )
          );
        },
      );
      if (next < addresses.length) timer = setTimeout(start, ATTEMPT_DELAY_MS);
    };
    start();
  });
}

/** Connects to one address and completes the TLS handshake, if any. */
function dialOne(
  address: Address,
  attempt: Attempt,
  serverName: string | undefined,
): Promise<ByteStream> {
  const { tls } = attempt;
  return abortable(
    tls === undefined
      ? dialPlain(address, attempt)
      : dialTls(address, attempt, tls, tls.serverName ?? serverName ?? hostOf(address)),
    attempt.signal,
  );
}

async function dialTls(
  address: Address,
  attempt: Attempt,
  tls: TlsClientOptions,
  serverName = "localhost",
): Promise<ByteStream> {
  const { alpn, tcpKeepAlive } = attempt.options;
  const { signal } = attempt;
  if (
    (address.kind === "tcp" || address.kind === "dns") && runtimeTlsSuffices(tls) &&
    !attempt.options.channelBinding
  ) {
    const conn = await connectTcp(address, { signal, tcpKeepAlive });
    return await startRuntimeTls(conn, { tls, alpn, serverName, signal });
  }
  if (address.kind === "tcp") {
    return await dialNodeTls(address, { tls, alpn, serverName, signal, tcpKeepAlive });
  }
  return await startTls(await dialPlain(address, attempt), { tls, alpn, serverName, signal });
}

/** Connects to one address, without TLS. */
async function dialPlain(address: Address, attempt: Attempt): Promise<ByteStream> {
  switch (address.kind) {
    case "tcp":
    case "dns":
      return await dialTcp(address, {
        signal: attempt.signal,
        tcpKeepAlive: attempt.options.tcpKeepAlive,
      });
    case "unix":
    case "unix-abstract":
      return await dialUnix(address);
    case "memory":
      return dialMemory(address);
    case "vsock":
      return await dialVsock(address);
    case "hvsock":
      return await dialHvsock(address, attempt);
    case "list":
      throw new TypeError(`The resolver returned a list as one address: ${formatAddress(address)}`);
  }
}

/** Rejects with the signal's reason if it fires before `promise` settles; closes a stream that arrives after that. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    promise.then(
      (value) => {
        signal.removeEventListener("abort", onAbort);
        if (signal.aborted) closeLate(value);
        resolve(value);
      },
      (error) => {
        signal.removeEventListener("abort", onAbort);
        reject(error);
      },
    );
  });
}

function closeLate(value: unknown): void {
  const close = (value as Partial<ByteStream>)?.close;
  if (typeof close === "function") close.call(value);
}
