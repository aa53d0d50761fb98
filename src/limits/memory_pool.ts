/**
 * A bound on what all connections of a server hold in their buffers together, and each one's share of it.
 *
 * @module
 */

/** The default of a server's bound: 64 MiB. */
export const DEFAULT_BUFFERED_BYTES = 67_108_864;

/** What all connections of a server may hold together. */
export class MemoryPool {
  /** Bytes held. */
  used = 0;
  /** Connections that hold any. */
  holders = 0;

  /** `limitBytes` may be Infinity. */
  constructor(readonly limitBytes: number = DEFAULT_BUFFERED_BYTES) {}
}

/** One connection's part of a {@link MemoryPool}. */
export class MemoryShare {
  /** Bytes held by this connection. */
  used = 0;

  /** Begins with nothing. */
  constructor(readonly pool: MemoryPool) {}

  /**
   * Whether `count` more bytes may be held. While half of the pool is free, always; beyond that, only a
   * connection below its fair share of the other half (a quarter of it at most) gets more: who fills the
   * pool does not starve others. Never past the limit, however many connections share it.
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
