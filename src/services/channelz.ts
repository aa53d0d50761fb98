/**
 * The standard service `grpc.channelz.v1`, which shows the channels, servers and connections of a process (gRPC A14).
 *
 * @module
 */

import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  ChannelConnectivityState_State as State,
  ChannelTraceEvent_Severity as Severity,
  Channelz,
} from "../../proto/gen/grpc/channelz/v1/channelz_pb.ts";
import { Status } from "../call/status.ts";
import type { PeerInfo } from "../call/wire.ts";
import { RpcError } from "../errors.ts";
import type { Router } from "../rpc/dispatch/router.ts";
import { keepInventory, type KnownConnection } from "../rpc/core/inventory.ts";
import { parseAddress } from "../transport/mod.ts";
import {
  type CallCounts,
  type ChannelRecord,
  ChannelzRegistry,
  type ServerRecord,
  type SubchannelRecord,
  type Trace,
} from "./channelz_registry.ts";

/** Entries of one answer, unless fewer are asked for. */
const MAX_RESULTS = 100;

let registry: ChannelzRegistry | undefined;

/**
 * Keeps what channelz shows, of all channels and servers that this process makes from now on. {@link addChannelz} does so as
 * well; call this first to see channels that are made before the server. Each call then costs a little more.
 */
export function enableChannelz(): void {
  registryOfProcess();
}

/**
 * Adds `grpc.channelz.v1.Channelz` to a router. It shows addresses, targets and numbers of calls of the whole process, to
 * all clients that may call the router's methods.
 */
export function addChannelz(router: Router): void {
  const shown = new ShownRegistry(registryOfProcess());
  router.service(Channelz, {
    getTopChannels: ({ startChannelId, maxResults }) => {
      const { page, end } = pageOf(shown.all.channels, startChannelId, maxResults);
      return { channel: page.map((one) => shown.channel(one)), end };
    },
    getServers: ({ startServerId, maxResults }) => {
      const { page, end } = pageOf(shown.all.servers, startServerId, maxResults);
      return { server: page.map((one) => shown.server(one)), end };
    },
    getServer: ({ serverId }) => ({
      server: shown.server(found(shown.all.servers.get(Number(serverId)), "server", serverId)),
    }),
    getServerSockets: ({ serverId, startSocketId, maxResults }) => {
      const server = found(shown.all.servers.get(Number(serverId)), "server", serverId);
      const sockets = new Map(
        [...server.known.connections].map((one) => [shown.all.idOf(one), one]),
      );
      const { page, end } = pageOf(sockets, startSocketId, maxResults);
      return { socketRef: page.map((one) => shown.socketRef(one)), end };
    },
    getChannel: ({ channelId }) => ({
      channel: shown.channel(
        found(shown.all.channels.get(Number(channelId)), "channel", channelId),
      ),
    }),
    getSubchannel: ({ subchannelId: id }) => ({
      subchannel: shown.subchannel(found(shown.all.subchannel(Number(id)), "subchannel", id)),
    }),
    getSocket: ({ socketId }) => ({ socket: shown.socket(socketId) }),
  });
}

function registryOfProcess(): ChannelzRegistry {
  if (registry === undefined) keepInventory(registry = new ChannelzRegistry());
  return registry;
}

/** Returns the entries from an id on, in order of their ids, and whether there are no more. */
function pageOf<T>(
  entries: ReadonlyMap<number, T>,
  start: bigint,
  maxResults: bigint,
): { page: T[]; end: boolean } {
  const count = maxResults > 0n ? Math.min(Number(maxResults), MAX_RESULTS) : MAX_RESULTS;
  const ids = [...entries.keys()].filter((id) => id >= Number(start)).sort((a, b) => a - b);
  return { page: ids.slice(0, count).map((id) => entries.get(id)!), end: ids.length <= count };
}

function found<T>(value: T | undefined, what: string, id: bigint): T {
  if (value !== undefined) return value;
  throw new RpcError(Status.NOT_FOUND, `There is no ${what} with id ${id}`);
}

/** The messages of a registry. */
class ShownRegistry {
  constructor(readonly all: ChannelzRegistry) {}

  channel({ id, known, counts, trace, subchannels }: ChannelRecord) {
    return {
      ref: { channelId: BigInt(id), name: known.target },
      data: {
        ...callData(counts),
        target: known.target,
        state: stateOf(known.state),
        trace: traceOf(trace),
        maxConnectionsPerSubchannel: known.maxConnections,
      },
      subchannelRef: [...subchannels.values()].map((one) => ({
        subchannelId: BigInt(one.id),
        name: one.known.address,
      })),
    };
  }

  subchannel({ id, known, counts, trace }: SubchannelRecord) {
    return {
      ref: { subchannelId: BigInt(id), name: known.address },
      data: {
        ...callData(counts),
        target: known.address,
        state: stateOf(known.state),
        trace: traceOf(trace),
      },
      socketRef: [...known.all].map((one) => this.socketRef(one)),
    };
  }

  server({ id, known, counts, trace }: ServerRecord) {
    const { calls } = known.stats();
    return {
      ref: { serverId: BigInt(id), name: known.addresses.join(", ") },
      data: {
        ...callData(counts),
        callsStarted: BigInt(calls.started),
        callsSucceeded: BigInt(calls.succeeded),
        callsFailed: BigInt(sum(Object.values(calls.failed))),
        trace: traceOf(trace),
      },
      listenSocket: this.all.listeners(known).map(({ id, address }) => ({
        socketId: BigInt(id),
        name: address,
      })),
    };
  }

  socketRef(connection: KnownConnection) {
    const name = connection.stream?.peer.address ?? "";
    return { socketId: BigInt(this.all.idOf(connection)), name };
  }

  /** A connection, or a listening socket. */
  socket(id: bigint) {
    const connection = this.all.connection(Number(id));
    if (connection === undefined) return this.#listener(id);
    const counts = this.all.countsOf(connection);
    const { peer, localAddress } = connection.stream ?? {};
    return {
      ref: this.socketRef(connection),
      data: {
        streamsStarted: BigInt(counts?.started ?? 0),
        streamsSucceeded: BigInt(counts?.succeeded ?? 0),
        streamsFailed: BigInt(counts?.failed ?? 0),
        messagesSent: BigInt(counts?.messagesSent ?? 0),
        messagesReceived: BigInt(counts?.messagesReceived ?? 0),
        lastMessageSentTimestamp: timeOf(counts?.lastSentMs),
        lastMessageReceivedTimestamp: timeOf(counts?.lastReceivedMs),
        // Only clients start calls.
        ...(connection.wire === undefined
          ? { lastLocalStreamCreatedTimestamp: timeOf(counts?.lastStartedMs) }
          : { lastRemoteStreamCreatedTimestamp: timeOf(counts?.lastStartedMs) }),
        option: connection.wire === undefined ? [] : [{ name: "wire", value: connection.wire }],
      },
      local: localAddress === undefined ? undefined : addressOf(localAddress),
      remote: peer === undefined ? undefined : addressOf(peer.address),
      security: peer === undefined ? undefined : securityOf(peer),
      remoteName: peer?.tls?.subject ?? "",
    };
  }

  #listener(id: bigint) {
    for (const { known } of this.all.servers.values()) {
      for (const { id: listenId, address } of this.all.listeners(known)) {
        if (BigInt(listenId) !== id) continue;
        return { ref: { socketId: id, name: address }, data: {}, local: addressOf(address) };
      }
    }
    return found(undefined, "socket", id);
  }
}

function callData(counts: CallCounts) {
  return {
    callsStarted: BigInt(counts.started),
    callsSucceeded: BigInt(counts.succeeded),
    callsFailed: BigInt(counts.failed),
    lastCallStartedTimestamp: timeOf(counts.lastStartedMs),
  };
}

function sum(numbers: readonly (number | undefined)[]): number {
  return numbers.reduce<number>((total, one) => total + (one ?? 0), 0);
}

function stateOf(state: string) {
  return { state: State[state as keyof typeof State] ?? State.UNKNOWN };
}

function traceOf({ createdMs, logged, events }: Trace) {
  return {
    creationTimestamp: timestampFromMs(createdMs),
    numEventsLogged: BigInt(logged),
    events: events.map(({ text, severity, atMs, subchannel }) => ({
      description: text,
      severity: severity === "warning" ? Severity.CT_WARNING : Severity.CT_INFO,
      timestamp: timestampFromMs(atMs),
      childRef: subchannel === undefined ? undefined : {
        case: "subchannelRef" as const,
        value: { subchannelId: BigInt(subchannel.id), name: subchannel.address },
      },
    })),
  };
}

function timeOf(ms: number | undefined) {
  return ms === undefined || ms === 0 ? undefined : timestampFromMs(ms);
}

function addressOf(text: string) {
  const other = { case: "otherAddress" as const, value: { name: text } };
  try {
    const address = parseAddress(text);
    switch (address.kind) {
      case "tcp":
        return {
          address: {
            case: "tcpipAddress" as const,
            value: { ipAddress: ipBytes(address.host), port: address.port },
          },
        };
      case "unix":
        return { address: { case: "udsAddress" as const, value: { filename: address.path } } };
      default:
        return { address: other };
    }
  } catch {
    // Addresses of other transports may have any form.
    return { address: other };
  }
}

/** Returns the 4 or 16 bytes of an IP address. */
function ipBytes(host: string): Uint8Array {
  if (!host.includes(":")) return new Uint8Array(host.split(".").map(Number));
  const [head, tail] = host.replace(/%.*$/, "").split("::");
  const groups = (part: string | undefined) => part ? part.split(":") : [];
  const left = groups(head);
  const right = groups(tail);
  const all = [...left, ...Array(8 - left.length - right.length).fill("0"), ...right];
  return new Uint8Array(all.map((group) => parseInt(group, 16)).flatMap((n) => [n >> 8, n & 0xff]));
}

function securityOf({ tls }: PeerInfo) {
  if (tls === undefined) return undefined;
  const { alpn = "TLS" } = tls;
  const value = { cipherSuite: { case: "otherName" as const, value: alpn } };
  return { model: { case: "tls" as const, value } };
}
