/**
 * Memory that all connections of a server may hold in buffers together, and the share of each.
 *
 * @module
 */

/** Default bound of a server: 64 MiB. */
export const DEFAULT_BUFFERED_BYTES = 67_108_864;

/** Buffers of all connections of a server. */
export class MemoryPool {
  /** Bytes held. */
  used = 0;
  /** Connections that hold any. */
  holders = 0;

  /** `limitBytes`: the bound, Infinity for none. */
  constructor(readonly limitBytes: number = DEFAULT_BUFFERED_BYTES) {}
}

/** Buffers of one connection, as part of a {@link MemoryPool}. */
export class MemoryShare {
  /** Bytes held by this connection. */
  used = 0;

  /** Starts at 0 bytes. */
  constructor(readonly pool: MemoryPool) {}

  /**
   * Whether `count` more bytes may be held: always while half of the pool is free, then only below the connection's fair
   * share of the other half (a quarter of it at most), so that one connection cannot starve the others. Never beyond the
   * limit of the pool.
   */
  allows(count: number): boolean {
    const { pool } = this;
    const half = pool.limitBytes / 2;
    if (pool.used + count <= half) return true;
    return pool.used + count <= pool.limitBytes &&
      this.used + count <= half / Math.max(4, pool.holders);
  }

  /** Counts bytes as held. */
  take(count: number): void {
    if (count === 0) return;
    if (this.used === 0) this.pool.holders++;
    this.used += count;
    this.pool.used += count;
  }

  /** Counts bytes as freed. */
  give(count: number): void {
    if (count === 0) return;
    this.used -= count;
    this.pool.used -= count;
    if (this.used === 0) this.pool.holders--;
  }
}
