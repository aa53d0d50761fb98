/**
 * From what the user calls a target to the addresses that are dialled, and how.
 *
 * @module
 */

import type { ByteStream } from "../../transport/types.ts";
import {
  type Address,
  dial,
  formatAddress,
  parseAddress,
  resolveAddress,
} from "../../transport/mod.ts";
import { checkTlsClientOptions } from "../../transport/tls.ts";
import type { BalancerPolicy } from "../pool/balancer.ts";
import type { ChannelOptions } from "./options.ts";

/** A target, checked. */
export interface Target {
  /** For texts. */
  readonly text: string;
  /** What calls go to by name when no `authority` is given. */
  readonly authority: string;
  /** How calls are spread. */
  readonly balancer: BalancerPolicy;
  /** The addresses now. */
  resolve(signal: AbortSignal): Promise<readonly string[]>;
  /** Connects to one of them. */
  dial(address: string, signal: AbortSignal): Promise<ByteStream>;
  /** The `:authority` for connections to one of them. */
  authorityOf(address: string): string;
}

/** Checks a target and its TLS. Throws TypeError or RangeError for what is no address, no certificate. */
export function makeTarget(
  target: string | readonly string[],
  options: ChannelOptions,
  configured: BalancerPolicy | undefined,
): Target {
  const texts = typeof target === "string" ? [target] : [...target];
  if (texts.length === 0) throw new TypeError("Cannot connect to an empty list of addresses");
  if (typeof options.tls === "object") checkTlsClientOptions(options.tls);
  // Streams of the user's own go to addresses of any form, unless a resolver is to make sense of them.
  const opaque = options.dial !== undefined && options.resolver === undefined;
  const parsed = opaque ? [] : texts.map(parseAddress);
  const several = texts.length > 1 || parsed.some((one) => one.kind === "list");
  const chosen = options.balancer ?? configured;
  const balancer = chosen ?? (several ? "least_request" : "pick_first");
  // Else a name is one address: connecting to it resolves it, and tries its addresses in turn.
  const spread = chosen !== undefined && chosen !== "pick_first";
  /** What an address came from: its name is what TLS verifies. */
  const origins = new Map<string, Address>();
  const alpn = [options.wire === "lean" ? "vrpc-lean/1" : "h2"];

  return {
    text: texts.join(", "),
    authority: options.authority ?? authorityOf(parsed[0], options),
    balancer,
    async resolve(signal) {
      if (opaque) return texts;
      const lists = await Promise.all(parsed.map(async (address) => {
        const expanded = address.kind === "list" || (address.kind === "dns" && spread)
          ? await resolveAddress(address, { resolver: options.resolver, signal })
          : [address];
        return expanded.map((one) => {
          const text = formatAddress(one);
          origins.set(text, address);
          return text;
        });
      }));
      return lists.flat();
    },
    dial(address, signal) {
      const dialOptions = {
        signal,
        timeoutMs: options.connectTimeoutMs,
        tls: tlsOf(options, origins.get(address)),
        alpn,
        resolver: options.resolver,
      };
      return options.dial?.(address, dialOptions) ?? dial(address, dialOptions);
    },
    authorityOf(address) {
      return options.authority ?? authorityOf(origins.get(address), options);
    },
  };
}

function tlsOf(options: ChannelOptions, origin: Address | undefined): ChannelOptions["tls"] {
  if (options.tls === undefined || origin?.kind !== "dns") return options.tls;
  const tls = options.tls === true ? {} : options.tls;
  return tls.serverName === undefined ? { ...tls, serverName: origin.host } : tls;
}

// gRPC's naming: the host and port of the target; "localhost" where an address has no host.
function authorityOf(address: Address | undefined, options: ChannelOptions): string {
  const tlsName = typeof options.tls === "object" ? options.tls.serverName : undefined;
  if (address?.kind === "tcp" || address?.kind === "dns") {
    const text = formatAddress({ ...address, kind: "tcp" });
    if (tlsName === undefined) return text;
    return `${tlsName}:${address.port}`;
  }
  return tlsName ?? "localhost";
}
