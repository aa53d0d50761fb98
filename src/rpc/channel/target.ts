/**
 * Targets: parsing, resolution to addresses, dialling, `:authority` and TLS server name.
 *
 * @module
 */

import type { ByteStream } from "../../transport/types.ts";
import type { DnsAddress } from "../../transport/address.ts";
import {
  type Address,
  dial,
  formatAddress,
  parseAddress,
  resolveAddress,
} from "../../transport/mod.ts";
import { toError } from "../../errors.ts";
import { guardStream } from "../../transport/guarded_stream.ts";
import { proxyFor } from "../../transport/proxy.ts";
import { checkTlsClientOptions } from "../../transport/tls.ts";
import { ATTESTED_TLS, type TlsClientOptions } from "../../transport/tls_options.ts";
import { currentTls } from "../../transport/tls_watch.ts";
import type { FailureLog } from "../core/failure_log.ts";
import { registerBuiltinBalancers } from "../balancer/builtin.ts";
import { configureBalancer, requireBalancer } from "../balancer/registry.ts";
import type { ConfiguredBalancer } from "../balancer/types.ts";
import { findResolver } from "../resolver/registry.ts";
import { parseServiceConfig, type ServiceConfig } from "../resolver/service_config.ts";
import { lookUpServiceConfig } from "../resolver/txt_config.ts";
import type { NameResolver, ResolverTarget, ResolverUpdate } from "../resolver/types.ts";
import { type ChannelOptions, isWeb } from "./options.ts";

registerBuiltinBalancers();

/** A parsed target. */
export interface Target {
  /** The target as given, for error texts. */
  readonly text: string;
  /** `:authority` of the first address, given to credentials. */
  readonly authority: string;
  /** Load balancing policy: option, service config, or default for the target. */
  readonly balancer: ConfiguredBalancer;
  /** The resolver of the target's scheme; undefined for targets of the address grammar. */
  readonly watched:
    | { readonly resolver: NameResolver; readonly target: ResolverTarget }
    | undefined;
  /** The name whose TXT records may have a service config; undefined if it is not looked up. */
  readonly configName: DnsAddress | undefined;
  /** Resolves a target of the address grammar. */
  resolve(signal: AbortSignal): Promise<ResolverUpdate>;
  /** Dials one of the addresses. */
  dial(address: string, signal: AbortSignal): Promise<ByteStream>;
  /** Returns the `:authority` of connections to one of the addresses. */
  authorityOf(address: string): string;
}

/**
 * Parses a target. `failures` logs faults of dialled streams. Throws TypeError or RangeError for an invalid address or
 * certificate.
 */
export function makeTarget(
  target: string | readonly string[],
  options: ChannelOptions,
  configured: ConfiguredBalancer | undefined,
  failures: FailureLog,
  random: () => number = Math.random,
): Target {
  const texts = typeof target === "string" ? [target] : [...target];
  if (texts.length === 0) throw new TypeError("Cannot connect: the list of addresses is empty");
  const tls = currentTls(options.tls);
  if (typeof tls === "object") checkTlsClientOptions(tls);
  // With a `dial` function and no resolver, addresses may have any form.
  const watched = texts.length === 1 ? findResolver(texts[0]) : undefined;
  if (watched !== undefined) return watchedTarget(watched, options, configured, failures);
  const opaque = options.dial !== undefined && options.resolver === undefined;
  const parsed = opaque ? [] : texts.map(parseAddress);
  const several = texts.length > 1 || parsed.some((one) => one.kind === "list");
  const chosen = optionBalancer(options.balancer) ?? configured;
  const configName = configNameOf(parsed, options);
  const client = { percentile: random() * 100 };
  const balancer = chosen ?? configureBalancer(several ? "least_request" : "pick_first")!;
  // With `pick_first` a DNS name counts as one address: the dial resolves it and tries its addresses in turn.
  const spreads = (policy: ConfiguredBalancer | undefined) =>
    policy !== undefined && policy.policy.name !== "pick_first";
  /** Target address that each resolved address came from; TLS verifies the name in the target address. */
  const origins = new Map<string, Address>();
  return {
    text: texts.join(", "),
    authority: options.authority ?? authorityOf(parsed[0], options),
    balancer,
    watched: undefined,
    configName,
    async resolve(signal) {
      if (opaque) return { addresses: texts };
      const serviceConfig = configName === undefined
        ? undefined
        : await lookUpServiceConfig(configName.host, configName.nameServer, client, signal)
          // A record that is not valid counts as a config that is not valid (gRPC A21).
          .catch(toError);
      const spread = spreads(policyOf(serviceConfig) ?? chosen);
      const lists = await Promise.all(parsed.map(async (address) => {
        const expanded = address.kind === "list" ||
            (address.kind === "dns" && spread && !proxyFor(options.proxy, address))
          ? await resolveAddress(address, { resolver: options.resolver, signal })
          : [address];
        return expanded.map((one) => {
          const text = formatAddress(one);
          origins.set(text, address);
          return text;
        });
      }));
      return { addresses: lists.flat(), serviceConfig };
    },
    dial: (address, signal) =>
      dialAddress(address, origins.get(address), signal, options, failures),
    authorityOf(address) {
      return options.authority ?? authorityOf(origins.get(address), options);
    },
  };
}

/** Returns the name whose service config is looked up. */
function configNameOf(
  addresses: readonly Address[],
  options: ChannelOptions,
): DnsAddress | undefined {
  const [only] = addresses;
  if (!options.dnsServiceConfig || addresses.length !== 1 || only.kind !== "dns") return undefined;
  return options.resolver === undefined && !proxyFor(options.proxy, only) ? only : undefined;
}

/** Returns the policy of a resolved service config; undefined for none, and for a config that is not valid. */
function policyOf(serviceConfig: unknown): ConfiguredBalancer | undefined {
  try {
    return parseServiceConfig(serviceConfig as ServiceConfig).balancer;
  } catch {
    return undefined;
  }
}

/** A target whose addresses come from the resolver of its scheme. */
function watchedTarget(
  watched: NonNullable<Target["watched"]>,
  options: ChannelOptions,
  configured: ConfiguredBalancer | undefined,
  failures: FailureLog,
): Target {
  const { target } = watched;
  return {
    text: target.text,
    authority: options.authority ?? watchedAuthority(target, options),
    balancer: optionBalancer(options.balancer) ?? configured ?? configureBalancer("least_request")!,
    watched,
    configName: undefined,
    resolve: () => Promise.reject(new Error("The target is watched")),
    dial: (address, signal) => dialAddress(address, undefined, signal, options, failures),
    authorityOf: () => options.authority ?? watchedAuthority(target, options),
  };
}

// gRPC's naming (doc/naming.md): the path of the target is its authority.
function watchedAuthority({ path }: ResolverTarget, options: ChannelOptions): string {
  const tlsName = serverNameOf(options);
  return tlsName ?? (path === "" ? "localhost" : encodeURIComponent(path).replaceAll("%3A", ":"));
}

/** Returns the policy of the option `balancer`. Throws TypeError if it is not known or its configuration is not valid. */
function optionBalancer(option: ChannelOptions["balancer"]): ConfiguredBalancer | undefined {
  if (option === undefined) return undefined;
  const entry = typeof option === "object" ? option : { [option]: {} };
  return requireBalancer([entry], "option balancer");
}

async function dialAddress(
  address: string,
  origin: Address | undefined,
  signal: AbortSignal,
  options: ChannelOptions,
  failures: FailureLog,
): Promise<ByteStream> {
  const dialOptions = {
    signal,
    timeoutMs: options.connectTimeoutMs,
    tls: tlsOf(options, origin),
    alpn: [alpnOf(options)],
    proxy: options.proxy,
    resolver: options.resolver,
    channelBinding: options.attest !== undefined && options.tls !== undefined,
  };
  if (options.dial === undefined) return await dial(address, dialOptions);
  return guardStream(
    await options.dial(address, dialOptions),
    "The result of dial",
    (error) => failures.hook("close of the byte stream that dial returned", error),
  );
}

function serverNameOf(options: ChannelOptions): string | undefined {
  const tls = currentTls(options.tls);
  return typeof tls === "object" ? tls.serverName : undefined;
}

/** TLS options of a dial that begins now. */
function tlsOf(
  options: ChannelOptions,
  origin: Address | undefined,
): TlsClientOptions | true | undefined {
  const now = currentTls(options.tls);
  if (now === undefined || origin?.kind !== "dns" || now === ATTESTED_TLS) return now;
  const tls = now === true ? {} : now;
  return tls.serverName === undefined ? { ...tls, serverName: origin.host } : tls;
}

/** Application protocol that TLS is to negotiate (RFC 7301). */
export function alpnOf({ wire, httpVersion }: ChannelOptions): string {
  if (wire === "lean") return "vrpc-lean/1";
  return httpVersion === "1.1" ? "http/1.1" : "h2";
}

// gRPC's naming (doc/naming.md): host and port of the target; "localhost" for addresses without a host.
function authorityOf(address: Address | undefined, options: ChannelOptions): string {
  const tlsName = serverNameOf(options);
  if (address?.kind === "tcp" || address?.kind === "dns") {
    const { port } = address;
    const text = tlsName === undefined
      ? formatAddress({ ...address, kind: "tcp" })
      : `${tlsName}:${port}`;
    // Web servers may know only the name without the scheme's own port (RFC 9110 §4.2.3).
    const isDefault = isWeb(options.wire) && port === (options.tls === undefined ? 80 : 443);
    return isDefault ? text.slice(0, -`:${port}`.length) : text;
  }
  return tlsName ?? "localhost";
}
