/**
 * The streams of one connection: which are open, which identifiers come next, and how many slots are taken
 * (RFC 9113 §5.1.1 and §5.1.2).
 *
 * @module
 */

import { IdMap } from "../call/id_map.ts";
import type { ConnectionLifetime } from "../limits/connection_lifetime.ts";
import { RecentCalls } from "../limits/recent_calls.ts";
import type { Role } from "./context.ts";
import type { Http2Stream } from "./stream.ts";

const MAX_STREAM_ID = 0x7fffffff;

/** Open streams, identifiers and slots. */
export class StreamTable {
  /** Open streams by identifier. */
  readonly open = new IdMap<Http2Stream>();
  /** Client: the identifier of the next stream. */
  nextId = 1;
  /** Server: the largest identifier that the client has used. */
  lastPeerId = 0;
  /**
   * Server: number of streams that are open, or closed with a handler that still runs; only the former count as open.
   */
  slots = 0;
  /** Server: decides which cancellations of streams are charged. */
  readonly recent = new RecentCalls();
  readonly #role: Role;
  readonly #lifetime: ConnectionLifetime;

  /** `lifetime` measures how long the connection is idle after the last slot was freed. */
  constructor(role: Role, lifetime: ConnectionLifetime) {
    this.#role = role;
    this.#lifetime = lifetime;
  }

  /** Client: whether identifiers for new streams are left. */
  get idsLeft(): boolean {
    return this.nextId <= MAX_STREAM_ID;
  }

  /** Client: gives a stream the next identifier. Throws RangeError when all are used (RFC 9113 §5.1.1). */
  openLocal(stream: Http2Stream): void {
    if (!this.idsLeft) {
      throw new RangeError("Cannot open a stream: all stream identifiers are used");
    }
    stream.id = this.nextId;
    this.nextId += 2;
    this.open.set(stream.id, stream);
  }

  /** Server: adds a stream that the client opened, which takes a slot. */
  openRemote(stream: Http2Stream): void {
    this.open.set(stream.id, stream);
    this.slots++;
    this.#lifetime.callOpened();
  }

  /** Server: frees a slot. Returns true if it was the last one, so that the connection is now idle. */
  releaseSlot(): boolean {
    return --this.slots === 0;
  }

  /** Removes and returns all open streams. */
  takeAll(): Http2Stream[] {
    const streams = this.open.values();
    this.open.clear();
    return streams;
  }

  /** Removes a closed stream. */
  delete(stream: Http2Stream): void {
    this.open.delete(stream.id);
  }

  /** Whether the stream is idle (RFC 9113 §5.1): only HEADERS and PRIORITY are legal. */
  isIdle(id: number): boolean {
    const local = (id & 1) === (this.#role === "client" ? 1 : 0);
    return local ? id >= this.nextId || this.#role === "server" : id > this.lastPeerId;
  }
}
