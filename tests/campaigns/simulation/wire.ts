/** One simulated connection: two engines, their drivers, and a link each way. */

import type { ConnectionEngine } from "../../../src/call/wire.ts";
import { End } from "./end.ts";
import { Link } from "./network.ts";
import type { Process } from "./process.ts";
import type { ConnectionPlan } from "./program.ts";
import type { Random } from "./random.ts";

/** Randomness and processes that all connections of a world share. */
export interface WireWorld {
  readonly random: Random;
  readonly clients: Process;
  readonly servers: Process;
}

/** Two engines and the links between them. */
export class Wire {
  readonly client: End;
  readonly server: End;
  readonly #toServer: Link;
  readonly #toClient: Link;

  constructor(
    { random, clients, servers }: WireWorld,
    plan: ConnectionPlan,
    client: ConnectionEngine,
    server: ConnectionEngine,
  ) {
    const { events } = clients;
    this.#toServer = new Link(events, random, plan);
    this.#toClient = new Link(events, random, plan);
    this.client = new End(clients, client, this.#toServer, this.#toClient, false);
    this.server = new End(servers, server, this.#toClient, this.#toServer, true);
    this.client.wake();
    this.server.wake();
  }

  /** Resets the connection at both ends; bytes in flight are lost. */
  cut(): void {
    this.#toServer.broken = this.#toClient.broken = true;
    this.client.close("Connection reset by peer");
    this.server.close("Connection reset by peer");
  }

  /** Delays all arrivals in one direction by `ms`. */
  stall(ms: number, toServer: boolean): void {
    (toServer ? this.#toServer : this.#toClient).stall(ms);
  }

  /** Bytes in flight in both directions. */
  get inFlightBytes(): number {
    return this.#toServer.inFlightBytes + this.#toClient.inFlightBytes;
  }
}
