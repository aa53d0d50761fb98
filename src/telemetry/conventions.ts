/**
 * OpenTelemetry's semantic conventions for RPC and gRPC (release candidate): names of attributes, of both versions.
 *
 * @module
 */

import type { Attributes } from "@opentelemetry/api";
import { Status, statusName } from "../call/status.ts";

/** Buckets of `rpc.client.call.duration` and `rpc.server.call.duration`, in seconds. */
export const RPC_DURATION_BUCKETS_S: readonly number[] = [
  ...[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
];

/**
 * Whether earlier names are emitted as well, those of version 1.37 and of the candidates up to 1.44, because
 * `OTEL_SEMCONV_STABILITY_OPT_IN` has `rpc/dup`. Where the environment may not be read, they are not.
 */
export function emitsOldNames(): boolean {
  try {
    const { process } = globalThis as unknown as { process?: { env: Record<string, string> } };
    const value = process?.env.OTEL_SEMCONV_STABILITY_OPT_IN ?? "";
    return value.split(",").some((one) => one.trim() === "rpc/dup");
  } catch {
    return false;
  }
}

/** RPC system of a wire; the lean wire is described as gRPC, whose methods and statuses it has. */
export function systemOf(wire: string | undefined): string {
  return wire === "connect" ? "connectrpc" : "grpc";
}

/** Attributes of a call that are known when it begins; `method` is the path without its first slash. */
export function callAttributes(system: string, method: string, old: boolean): Attributes {
  const attributes: Attributes = { "rpc.system.name": system, "rpc.method": method };
  if (!old) return attributes;
  // The old `rpc.method` is the last part alone; the new one has the same name and takes precedence.
  const { "rpc.method": _last, ...names } = oldCallAttributes(system, method);
  return { ...attributes, ...names };
}

/** Attributes of a call in version 1.37. */
export function oldCallAttributes(system: string, method: string): Attributes {
  const slash = method.lastIndexOf("/");
  return {
    "rpc.system": system === "connectrpc" ? "connect_rpc" : system,
    "rpc.service": slash < 0 ? "" : method.slice(0, slash),
    "rpc.method": method.slice(slash + 1),
  };
}

/** Attributes of the end of a call; `failed` if the status is an error on this side. */
export function endAttributes(code: Status, failed: boolean, old: boolean): Attributes {
  const name = statusName(code);
  return {
    "rpc.status_code": name,
    ...(failed && { "error.type": name }),
    ...(old && { "rpc.grpc.status_code": code, "rpc.response.status_code": name }),
  };
}

/** Statuses that are errors of the server: those of its own making. */
export const SERVER_FAULTS: ReadonlySet<Status> = new Set([
  Status.UNKNOWN,
  Status.DEADLINE_EXCEEDED,
  Status.UNIMPLEMENTED,
  Status.INTERNAL,
  Status.UNAVAILABLE,
  Status.DATA_LOSS,
]);

/**
 * `server.address` and `server.port` of a channel's target: name and port of one host, the path of a Unix socket, else the
 * whole target.
 */
export function serverAttributes(target: string): Attributes {
  const path = /^unix:(?:\/\/)?(\/?.+)$/.exec(target)?.[1];
  if (path !== undefined) return { "server.address": path };
  const rest = target.replace(/^(?:dns:(?:\/\/[^/]*\/)?|ipv[46]:)/, "");
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:,/\s]+)):(\d+)$/.exec(rest) ?? [];
  if (port === undefined) return { "server.address": target };
  return { "server.address": bracketed ?? plain, "server.port": Number(port) };
}

/** `server.address` and `server.port` of the `:authority` that a caller used; empty without one. */
export function authorityAttributes(authority: string): Attributes {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(authority) ?? [];
  const address = bracketed ?? plain;
  if (address === undefined) return {};
  return { "server.address": address, ...(port !== undefined && { "server.port": Number(port) }) };
}

/** `network.peer.address` and `network.peer.port` of a peer's address. */
export function peerAttributes(address: string): Attributes {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([\d.]+)):(\d+)$/.exec(address) ?? [];
  if (port === undefined) return { "network.peer.address": address.replace(/^unix:/, "") };
  return { "network.peer.address": bracketed ?? plain, "network.peer.port": Number(port) };
}
