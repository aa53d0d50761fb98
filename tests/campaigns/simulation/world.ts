/** Runs programs and checks the guarantees of the engines. */

import { MAX_UNFINISHED_FACTOR } from "../../../src/limits/peer_budget.ts";
import { MemoryPool } from "../../../src/limits/memory_pool.ts";
import type { ClientConnection, ServerCall, ServerConnection } from "../../../src/call/wire.ts";
import { Status } from "../../../src/call/status.ts";
import { GrpcClientConnection } from "../../../src/grpc/client.ts";
import { GrpcServerConnection } from "../../../src/grpc/server.ts";
import { LeanClientConnection } from "../../../src/lean/client.ts";
import { inflated } from "../../../src/lean/inflate.ts";
import { LeanServerConnection } from "../../../src/lean/server.ts";
import { checkCredit, checkNothingLeft, checkQuiet } from "./balance.ts";
import { Broken, Caller, Handler } from "./calls.ts";
import { Events } from "./events.ts";
import { Process } from "./process.ts";
import type { CallPlan, ConnectionPlan, FaultPlan, Program } from "./program.ts";
import { Random } from "./random.ts";
import { Wire } from "./wire.ts";

// Longer than any planned call, timeouts of hanging calls (30 s) included.
const PATIENCE_MS = 200_000;
const MAX_EVENTS = 500_000;

// Both ends are engines of this project: neither may report a protocol error of the other.
const FAULTY_NOTE =
  /PROTOCOL_ERROR|FLOW_CONTROL|COMPRESSION|FRAME_SIZE|STREAM_CLOSED|ENHANCE|Cannot|Too many/;

/** One connection of a program. */
class Connection {
  readonly client: ClientConnection;
  readonly server: ServerConnection;
  readonly wire: Wire;
  readonly callers = new Map<number, Caller>();
  readonly handlers = new Map<number, Handler>();
  /** Reason for which calls may end other than planned; null if there is none. */
  fault: string | null = null;
  draining = false;
  #waiting: Caller[] = [];
  #starting = false;

  constructor(readonly world: World, readonly index: number, readonly plan: ConnectionPlan) {
    const { events, memory } = world;
    const onNote = (side: string) => (level: string, note: string) => {
      if (level === "warn" && FAULTY_NOTE.test(note) && !note.includes("No preface")) {
        world.fail(new Broken("protocol error", `${side}: ${note}`));
      }
    };
    const clientSink = {
      onStateChange: () => this.startWaiting(),
      onCallEnd: () => this.startWaiting(),
      onNote: onNote("client"),
    };
    const serverSink = {
      onCall: (call: ServerCall) => this.#onCall(call),
      onNote: onNote("server"),
    };
    if (world.program.wire === "grpc") {
      this.client = new GrpcClientConnection(
        clientSink,
        { authority: "sim", ...plan.grpcClient, memory },
        events.nowMs,
      );
      this.server = new GrpcServerConnection(
        serverSink,
        { ...plan.grpcServer, memory },
        events.nowMs,
      );
    } else {
      this.client = new LeanClientConnection(
        clientSink,
        { ...plan.leanClient, inflate: inflated, memory },
        events.nowMs,
      );
      this.server = new LeanServerConnection(
        serverSink,
        { ...plan.leanServer, memory },
        events.nowMs,
      );
    }
    this.wire = new Wire(world, plan, this.client, this.server);
  }

  /** Starts a planned call once the connection accepts it. */
  add(id: number, plan: CallPlan): void {
    const caller = new Caller(this.world.events, id, plan);
    this.callers.set(id, caller);
    this.#waiting.push(caller);
    this.startWaiting();
  }

  startWaiting(): void {
    // Callbacks come from inside the engine; calls start outside of it, as in the rpc layer.
    if (this.#starting) return;
    this.#starting = true;
    this.world.events.after(0, () => {
      this.#starting = false;
      this.#startWaiting();
    });
  }

  #startWaiting(): void {
    const { client } = this;
    while (this.#waiting.length > 0 && client.usable && client.activeCalls < client.maxCalls) {
      const caller = this.#waiting.shift()!;
      const { plan } = caller;
      const call = client.startCall({
        path: plan.path,
        metadata: caller.requestMetadata(),
        timeoutMs: plan.timeoutMs < 0 ? undefined : plan.timeoutMs,
        encoding: plan.compressed ? "gzip" : undefined,
        singleResponse: !plan.responseStreams,
        requestStreams: plan.requestStreams,
        maxReceiveMessageBytes: 4_194_304,
      }, caller);
      caller.begin(call);
    }
  }

  /** Number of calls that the engine never received, because the connection ended first. */
  get neverStarted(): number {
    return this.#waiting.length;
  }

  #onCall(call: ServerCall): void {
    const id = (call as unknown as { id: number }).id;
    const caller = [...this.callers.values()].find((one) => one.wireId === id);
    if (caller === undefined) throw new Broken("unknown call", `wire id ${id}, ${call.path}`);
    if (this.handlers.has(caller.id)) throw new Broken("call twice", `call ${caller.id}`);
    const handler = new Handler(this.world.events, caller.id, caller.plan, call);
    this.handlers.set(caller.id, handler);
    call.sink = handler;
    handler.begin();
  }

  inject(fault: FaultPlan): void {
    const { nowMs } = this.world.events;
    switch (fault.kind) {
      case "cut":
        this.fault = "cut";
        return this.wire.cut();
      case "clientEnds":
        this.fault = "the client's end was closed";
        return this.wire.client.close("closed");
      case "serverEnds":
        this.fault = "the server's end was closed";
        return this.wire.server.close("closed");
      case "stall":
        if (fault.durationMs >= 3_000) this.fault ??= "a long stall";
        return this.wire.stall(fault.durationMs, fault.toServer);
      case "jump":
        if (fault.durationMs >= 3_000) {
          for (const connection of this.world.connections) connection.fault ??= "the clock jumped";
        }
        return this.world.events.jump(fault.durationMs);
      case "serverDrain":
        this.draining = true;
        this.server.drain(nowMs);
        return this.wire.server.wake();
      case "clientDrain":
        this.draining = true;
        this.client.drain(nowMs);
        return this.wire.client.wake();
      case "serverAbort":
        this.fault = "the server aborted";
        this.server.abort("aborted", nowMs);
        return this.wire.server.wake();
      case "clientAbort":
        this.fault = "the client aborted";
        this.client.abort(Status.CANCELLED, "aborted", nowMs);
        return this.wire.client.wake();
      case "ping":
        if (this.client.ready) this.client.ping(nowMs, () => {});
        return this.wire.client.wake();
    }
  }

  get callsEnded(): boolean {
    for (const caller of this.callers.values()) {
      if (caller.call !== null && !caller.ended) return false;
    }
    for (const handler of this.handlers.values()) if (!handler.done) return false;
    return this.neverStarted === 0 ||
      !this.client.usable && (this.client.finished || this.draining);
  }
}

/** A running program. */
export class World {
  readonly events = new Events();
  readonly random: Random;
  readonly clients: Process;
  readonly servers: Process;
  /** Memory of all connections, unlimited, because a limit would fail calls. */
  readonly memory = new MemoryPool(Infinity);
  readonly connections: Connection[];
  #broken: unknown = null;

  constructor(readonly program: Program) {
    this.random = new Random(program.networkSeed);
    this.clients = new Process(this.events, program.workMsPerKiB);
    this.servers = new Process(this.events, program.workMsPerKiB);
    this.connections = program.connections.map((plan, i) => new Connection(this, i, plan));
  }

  /** Records a failure that was found inside a callback. */
  fail(broken: unknown): void {
    this.#broken ??= broken;
  }

  /** Runs the program. Throws {@link Broken}, or what an engine threw. */
  run(): void {
    const { events, program } = this;
    const start = events.nowMs;
    const count = this.connections.length;
    program.calls.forEach((plan, id) => {
      events.at(start + plan.atMs, () => this.connections[plan.connection % count].add(id, plan));
    });
    for (const fault of program.faults) {
      events.at(start + fault.atMs, () => this.connections[fault.connection % count].inject(fault));
    }
    this.#runUntil("calls end", () => this.connections.every((one) => one.callsEnded));
    this.#settle();
    for (const connection of this.connections) this.#checkCalls(connection);
    for (const connection of this.connections) {
      const { client, server, wire } = connection;
      if (wire.client.closed || wire.server.closed || client.finished || server.finished) continue;
      if (wire.inFlightBytes > 0) throw new Broken("unread bytes", this.#describe());
      checkQuiet(client, server);
      checkCredit(connection.callers.values(), connection.handlers);
    }
    for (const connection of this.connections) {
      connection.inject({
        atMs: 0,
        connection: connection.index,
        kind: program.ending,
        durationMs: 0,
        toServer: true,
      });
    }
    this.#runUntil(
      "connections close",
      () => this.connections.every((one) => one.wire.client.closed && one.wire.server.closed),
    );
    this.#settle();
    for (const { client, server } of this.connections) {
      checkNothingLeft("client", client);
      checkNothingLeft("server", server);
    }
    const { used, holders } = this.memory;
    if (used !== 0 || holders !== 0) {
      throw new Broken("memory left", `the pool: ${used} bytes of ${holders} connections`);
    }
  }

  #step(): void {
    this.events.step();
    if (this.#broken !== null) throw this.#broken;
  }

  #runUntil(what: string, done: () => boolean): void {
    const { events } = this;
    const lastMs = events.nowMs + PATIENCE_MS;
    for (let steps = 0;; steps++) {
      if (events.busy === 0 && done()) return;
      const nextMs = events.nextMs();
      if (nextMs === Infinity || (nextMs > lastMs && events.busy === 0)) {
        throw new Broken(`stuck before ${what}`, this.#describe());
      }
      if (steps > MAX_EVENTS) throw new Broken(`busy before ${what}`, this.#describe());
      this.#step();
    }
  }

  // Lets bytes in flight arrive and pings end.
  #settle(): void {
    for (let steps = 0; this.events.busy > 0; steps++) {
      if (steps > MAX_EVENTS) throw new Broken("never quiet", this.#describe());
      this.#step();
    }
  }

  #describe(): string {
    return this.connections.map((one) => {
      const open = [...one.callers.values()].filter((caller) => !caller.ended).map((caller) => {
        const handler = one.handlers.get(caller.id);
        const server = handler === undefined
          ? "not seen by the server"
          : `server got ${handler.received}, sent ${handler.sent}, ${
            handler.ended ? "ended" : "open"
          }`;
        return `call ${caller.id}: sent ${caller.sent}, got ${caller.received}; ${server}`;
      });
      const running = [...one.handlers.values()].filter((handler) => !handler.done).length;
      return `connection ${one.index}: ${open.join(" | ")}; ${running} handlers run, ` +
        `${one.neverStarted} not started, ${one.wire.inFlightBytes} bytes in flight, ` +
        `closed ${one.wire.client.closed}/${one.wire.server.closed}, fault ${one.fault}`;
    }).join("\n");
  }

  #checkCalls(connection: Connection): void {
    for (const caller of connection.callers.values()) {
      const { plan, id } = caller;
      const handler = connection.handlers.get(id);
      const about = `call ${id}: status ${caller.status} ${caller.statusText}`;
      if (caller.call === null) {
        if (connection.fault === null && !connection.draining) {
          throw new Broken("not started", about);
        }
        continue;
      }
      if (handler !== undefined && handler.received > caller.sent) {
        throw new Broken("more received than sent", about);
      }
      if (handler !== undefined && caller.received > handler.sent) {
        throw new Broken("more received than sent", about);
      }
      if (caller.cancelled) continue;
      if (caller.progress !== "processed") {
        if (handler !== undefined) throw new Broken("refused call was handled", about);
        if (connection.fault === null && !connection.draining && !this.#mayOverflow(connection)) {
          throw new Broken("refused", about);
        }
        continue;
      }
      if (connection.fault !== null) continue;
      if (handler === undefined) throw new Broken("status without handler", about);
      if (this.#tooLarge(connection, plan) && caller.status === Status.RESOURCE_EXHAUSTED) continue;
      if (handler.timedOut) {
        if (caller.status !== Status.DEADLINE_EXCEEDED) throw new Broken("wrong status", about);
        continue;
      }
      if (caller.status !== plan.status || caller.statusText !== plan.statusText) {
        throw new Broken("wrong status", `${about}, planned ${plan.status} ${plan.statusText}`);
      }
      if (caller.received !== plan.responses.length) {
        throw new Broken("messages missing", `${about}: ${caller.received} arrived`);
      }
    }
  }

  // Handlers that outlive their calls do not count as open calls, up to a multiple of the limit.
  #mayOverflow({ plan, callers }: Connection): boolean {
    const { maxConcurrentStreams = 128 } = this.program.wire === "grpc"
      ? plan.grpcServer
      : plan.leanServer;
    const lingering = [...callers.values()].filter((one) => one.plan.lingerMs > 0).length;
    return lingering >= maxConcurrentStreams * (MAX_UNFINISHED_FACTOR - 1);
  }

  #tooLarge(connection: Connection, plan: CallPlan): boolean {
    const limit = this.program.wire === "grpc"
      ? connection.plan.grpcServer.maxReceiveMessageBytes
      : connection.plan.leanServer.maxReceiveMessageBytes;
    return plan.requests.some((bytes) => bytes > limit!);
  }
}

/** Runs a program; returns the failure, or null. */
export function runProgram(program: Program): Error | null {
  try {
    new World(program).run();
    return null;
  } catch (error) {
    return error as Error;
  }
}
