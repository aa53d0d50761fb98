/**
 * What channelz shows: the channels and servers of the process with their ids, counters and events.
 *
 * @module
 */

import { Status } from "../call/status.ts";
import type {
  ChannelEntry,
  Inventory,
  KnownChannel,
  KnownConnection,
  KnownServer,
  KnownSubchannel,
  ServerEntry,
} from "../rpc/core/inventory.ts";
import type { CallObserver, ObservedCall } from "../rpc/core/observer.ts";

/** Events kept for each channel and subchannel, as in other implementations of gRPC. */
const MAX_EVENTS = 30;

/** Counters of calls. Times are ms since 1970; 0 for never. */
export class CallCounts {
  started = 0;
  succeeded = 0;
  failed = 0;
  lastStartedMs = 0;
}

/** Counters of one connection. */
export class SocketCounts extends CallCounts {
  messagesSent = 0;
  messagesReceived = 0;
  lastSentMs = 0;
  lastReceivedMs = 0;

  /** Returns an observer that counts calls here and in `totals`, and passes everything on to `inner`. */
  observer(inner: CallObserver | undefined, totals: readonly CallCounts[]): CallObserver {
    const all: readonly CallCounts[] = [this, ...totals];
    return {
      started: (path, known) => {
        const nowMs = Date.now();
        for (const counts of all) {
          counts.started++;
          counts.lastStartedMs = nowMs;
        }
        return this.#observe(all, inner?.started(path, known));
      },
    };
  }

  #observe(all: readonly CallCounts[], inner: ObservedCall | undefined): ObservedCall {
    return {
      sent: (bytes) => {
        this.messagesSent++;
        this.lastSentMs = Date.now();
        return inner?.sent(bytes);
      },
      received: (bytes) => {
        this.messagesReceived++;
        this.lastReceivedMs = Date.now();
        return inner?.received(bytes);
      },
      ended: (code) => {
        for (const counts of all) {
          if (code === Status.OK) counts.succeeded++;
          else counts.failed++;
        }
        return inner?.ended(code);
      },
    };
  }
}

/** An event of a channel or subchannel. */
export interface TraceEvent {
  readonly text: string;
  readonly severity: "info" | "warning";
  readonly atMs: number;
  /** The subchannel that it is about, in the trace of a channel. */
  readonly subchannel?: { readonly id: number; readonly address: string };
}

/** The latest events. */
export class Trace {
  readonly createdMs = Date.now();
  /** Events so far. */
  logged = 0;
  readonly events: TraceEvent[] = [];

  /** Adds an event; the oldest goes if there are too many. */
  add(text: string, more: Partial<Pick<TraceEvent, "severity" | "subchannel">> = {}): void {
    this.logged++;
    this.events.push({ text, severity: "info", atMs: Date.now(), ...more });
    if (this.events.length > MAX_EVENTS) this.events.shift();
  }
}

/** A subchannel with what is kept of it. */
export class SubchannelRecord {
  readonly counts = new CallCounts();
  readonly trace = new Trace();
  #state = "IDLE";

  constructor(readonly id: number, readonly known: KnownSubchannel) {}

  /** Adds an event if the state has changed. */
  look(): void {
    const { state, lastError } = this.known;
    if (state === this.#state) return;
    this.#state = state;
    const failed = state === "TRANSIENT_FAILURE";
    const reason = failed && lastError !== undefined ? `: ${lastError.message}` : "";
    this.trace.add(`Connectivity change to ${state}${reason}`, {
      severity: failed ? "warning" : "info",
    });
  }
}

/** A channel with what is kept of it. */
export class ChannelRecord {
  readonly counts = new CallCounts();
  readonly trace = new Trace();
  /** Its current subchannels. */
  readonly subchannels = new Map<KnownSubchannel, SubchannelRecord>();
  readonly #nextId: () => number;
  readonly #unwatch: () => void;
  #state = "IDLE";

  constructor(readonly id: number, readonly known: KnownChannel, nextId: () => number) {
    this.#nextId = nextId;
    this.trace.add("Channel created");
    this.#unwatch = known.watch(() => this.#look());
  }

  /** Returns what is kept of a subchannel, from its first connection on. */
  of(subchannel: KnownSubchannel): SubchannelRecord {
    let record = this.subchannels.get(subchannel);
    if (record === undefined) {
      record = new SubchannelRecord(this.#nextId(), subchannel);
      this.subchannels.set(subchannel, record);
      record.trace.add("Subchannel created");
      this.#note("created", record);
    }
    return record;
  }

  /** Stops following the channel. */
  end(): void {
    this.#unwatch();
  }

  #look(): void {
    const { state, subchannels } = this.known;
    for (const one of subchannels) this.of(one).look();
    for (const [one, record] of this.subchannels) {
      if (subchannels.includes(one)) continue;
      this.subchannels.delete(one);
      this.#note("deleted", record);
    }
    if (state === this.#state) return;
    this.#state = state;
    this.trace.add(`Connectivity change to ${state}`, {
      severity: state === "TRANSIENT_FAILURE" ? "warning" : "info",
    });
  }

  #note(what: string, { id, known }: SubchannelRecord): void {
    this.trace.add(`Subchannel ${what}`, { subchannel: { id, address: known.address } });
  }
}

/** A server with what is kept of it. */
export class ServerRecord {
  readonly counts = new CallCounts();
  readonly trace = new Trace();

  constructor(readonly id: number, readonly known: KnownServer) {}
}

/** All channels and servers that were made since the registry is in use. Ids are unique among all of its records. */
export class ChannelzRegistry implements Inventory {
  readonly channels = new Map<number, ChannelRecord>();
  readonly servers = new Map<number, ServerRecord>();
  readonly #sockets = new WeakMap<KnownConnection, SocketCounts>();
  readonly #socketIds = new WeakMap<KnownConnection, number>();
  /** Ids of listening sockets, by server and address. */
  readonly #listenIds = new WeakMap<KnownServer, Map<string, number>>();
  #lastId = 0;
  readonly #nextId = () => ++this.#lastId;

  addChannel(channel: KnownChannel): ChannelEntry {
    const record = new ChannelRecord(this.#nextId(), channel, this.#nextId);
    this.channels.set(record.id, record);
    return {
      connected: (subchannel, inner, make) => {
        const counts = new SocketCounts();
        const totals = [record.of(subchannel).counts, record.counts];
        const connection = make(counts.observer(inner, totals));
        this.#sockets.set(connection, counts);
        return connection;
      },
      closed: () => {
        record.end();
        this.channels.delete(record.id);
      },
    };
  }

  addServer(server: KnownServer): ServerEntry {
    const record = new ServerRecord(this.#nextId(), server);
    record.trace.add("Server created");
    this.servers.set(record.id, record);
    return {
      accepted: (connection, inner) => {
        const counts = new SocketCounts();
        this.#sockets.set(connection, counts);
        return counts.observer(inner, [record.counts]);
      },
      closed: () => this.servers.delete(record.id),
    };
  }

  /** Returns the id of a connection. */
  idOf(connection: KnownConnection): number {
    let id = this.#socketIds.get(connection);
    if (id === undefined) this.#socketIds.set(connection, id = this.#nextId());
    return id;
  }

  /** Returns the counters of a connection, undefined before it has opened. */
  countsOf(connection: KnownConnection): SocketCounts | undefined {
    return this.#sockets.get(connection);
  }

  /** Returns the ids of the listening sockets of a server, with their addresses. */
  listeners(server: KnownServer): { id: number; address: string }[] {
    const ids = this.#listenIds.get(server) ?? new Map<string, number>();
    this.#listenIds.set(server, ids);
    return server.addresses.map((address) => {
      const id = ids.get(address) ?? this.#nextId();
      ids.set(address, id);
      return { id, address };
    });
  }

  /** Finds a subchannel by its id. */
  subchannel(id: number): SubchannelRecord | undefined {
    for (const { subchannels } of this.channels.values()) {
      for (const record of subchannels.values()) if (record.id === id) return record;
    }
    return undefined;
  }

  /** Finds an open connection by its id. */
  connection(id: number): KnownConnection | undefined {
    for (const connection of this.#connections()) {
      if (this.#socketIds.get(connection) === id) return connection;
    }
    return undefined;
  }

  *#connections(): Iterable<KnownConnection> {
    for (const { subchannels } of this.channels.values()) {
      for (const { known } of subchannels.values()) yield* known.all;
    }
    for (const { known } of this.servers.values()) yield* known.connections;
  }
}
