/**
 * Memory that all connections of a server may hold in buffers together, and the share of each.
 *
 * @module
 */

/** Default bound of a server: 64 MiB. */
export const DEFAULT_BUFFERED_BYTES = 67_108_864;

/**
 * Accounting overhead of a received message that waits for its reader, in bytes: the object and the queue entry of a
 * small one take more memory than its bytes.
 */
export const WAITING_MESSAGE_BYTES = 256;

// Divisor of the pool that bounds the overhead of one connection's waiting messages. The bound is low (16,384 messages
// with 64 MiB), because small messages leave several times their memory to the garbage collector.
const WAITING_PART = 16;

// Number of connections with bytes up to which the whole pool is open to each kind of connection.
const FEW_HOLDERS = 4;

/**
 * Part of the pool that connections of HTTP/1.1 may fill when many hold bytes. Their bodies arrive without windows, so
 * that hundreds of unfinished ones fill what they are given; the rest stays free for calls over HTTP/2 and lean.
 */
export const HTTP1_PART = 3 / 8;

/** Memory that all connections of a server hold in buffers. */
export class MemoryPool {
  /** Number of bytes held. */
  used = 0;
  /** Number of connections that hold any bytes. */
  holders = 0;

  /** `limitBytes`: the bound, Infinity for none. */
  constructor(readonly limitBytes: number = DEFAULT_BUFFERED_BYTES) {}
}

/** Memory that one connection holds in buffers, its share of a {@link MemoryPool}. */
export class MemoryShare {
  /** Number of bytes held by this connection. */
  used = 0;
  /** The part of `used` that is overhead of waiting messages. */
  overhead = 0;

  /** `part`: the part of the pool, of 1, that this connection may fill together with others when many hold bytes. */
  constructor(readonly pool: MemoryPool, readonly part = 1) {}

  /**
   * Whether `count` more bytes may be held: always while half of the pool is free, then only below the connection's fair
   * share of the other half (a quarter of it at most), so that one connection cannot starve the others. Never beyond the
   * limit of the pool. With more than four connections that hold bytes, all this is said of the connection's `part`.
   */
  allows(count: number): boolean {
    const { pool } = this;
    const limitBytes = pool.holders > FEW_HOLDERS ? pool.limitBytes * this.part : pool.limitBytes;
    const half = limitBytes / 2;
    if (pool.used + count <= half) return true;
    return pool.used + count <= limitBytes &&
      this.used + count <= half / Math.max(4, pool.holders);
  }

  /** Counts `count` bytes as held; returns false and counts nothing when they are not allowed. */
  tryTake(count: number): boolean {
    if (!this.allows(count)) return false;
    this.take(count);
    return true;
  }

  /**
   * Counts a message of `bytes` bytes that waits for its reader; returns false and counts nothing when its bytes are
   * not allowed or too many messages of the connection wait.
   */
  holdWaiting(bytes: number): boolean {
    if (this.overhead + WAITING_MESSAGE_BYTES > this.pool.limitBytes / WAITING_PART) return false;
    if (!this.tryTake(bytes + WAITING_MESSAGE_BYTES)) return false;
    this.overhead += WAITING_MESSAGE_BYTES;
    return true;
  }

  /** Releases `messages` waiting messages of `bytes` bytes altogether. */
  dropWaiting(messages: number, bytes: number): void {
    const overhead = messages * WAITING_MESSAGE_BYTES;
    this.overhead -= overhead;
    this.give(bytes + overhead);
  }

  /** Counts `count` bytes as held, without checking a limit. */
  take(count: number): void {
    if (count === 0) return;
    if (this.used === 0) this.pool.holders++;
    this.used += count;
    this.pool.used += count;
  }

  /** Counts `count` bytes as released. */
  give(count: number): void {
    if (count === 0) return;
    this.used -= count;
    this.pool.used -= count;
    if (this.used === 0) this.pool.holders--;
  }
}
