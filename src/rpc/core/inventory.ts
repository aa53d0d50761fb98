/**
 * The channels and servers of a process, for services that show them. Nothing is kept until a program asks for it.
 *
 * @module
 */

import type { PeerInfo } from "../../call/wire.ts";
import type { CallObserver } from "./observer.ts";

/** An open connection of a channel or a server. */
export interface KnownConnection {
  /** Bytes on the wire; undefined before it is open. */
  readonly stream: { readonly peer: PeerInfo; readonly localAddress: string } | undefined;
  /** Protocol, once it is known. */
  readonly wire?: string;
}

/** An address of a channel. */
export interface KnownSubchannel {
  readonly address: string;
  readonly state: string;
  readonly lastError: Error | undefined;
  /** Open connections, and those being made. */
  readonly all: ReadonlySet<KnownConnection>;
}

/** A channel. */
export interface KnownChannel {
  readonly target: string;
  readonly state: string;
  readonly subchannels: readonly KnownSubchannel[];
  /** Largest number of connections to an address. */
  readonly maxConnections: number;
  /** Calls `watcher` after changes; returns a function that stops it. */
  watch(watcher: () => void): () => void;
}

/** A server. */
export interface KnownServer {
  readonly addresses: readonly string[];
  readonly connections: Iterable<KnownConnection>;
  stats(): {
    calls: { started: number; succeeded: number; failed: Partial<Record<string, number>> };
  };
}

/** One channel in the inventory. */
export interface ChannelEntry {
  /** Makes a connection with an observer that counts its calls, beside the one given. */
  connected<C extends KnownConnection>(
    subchannel: KnownSubchannel,
    inner: CallObserver | undefined,
    make: (observer: CallObserver) => C,
  ): C;
  /** The channel is closed. */
  closed(): void;
}

/** One server in the inventory. */
export interface ServerEntry {
  /** Returns an observer that counts the calls of a connection, beside the one given. */
  accepted(connection: KnownConnection, inner: CallObserver | undefined): CallObserver;
  /** The server is closed. */
  closed(): void;
}

/** Receives the channels and servers of the process. */
export interface Inventory {
  addChannel(channel: KnownChannel): ChannelEntry;
  addServer(server: KnownServer): ServerEntry;
}

let inventory: Inventory | undefined;

/** Has channels and servers that are made from now on added to `to`. */
export function keepInventory(to: Inventory): void {
  inventory = to;
}

/** Returns the inventory; undefined while no program has asked for one. */
export function currentInventory(): Inventory | undefined {
  return inventory;
}
