/**
 * Records that wait to be sent, bounded in number and size.
 *
 * @module
 */

import { type SentRecord, sizeOf } from "./record.ts";

/** Bounds of a {@link RecordQueue}. */
export interface QueueLimits {
  /** Most records. */
  readonly maxRecords: number;
  /** Most bytes in memory. */
  readonly maxBytes: number;
}

/** Queue that drops new records while it is full, and counts them. */
export class RecordQueue {
  /** Records dropped so far. */
  dropped = 0;
  readonly #limits: QueueLimits;
  #records: SentRecord[] = [];
  #bytes = 0;

  /** Creates an empty queue. */
  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  /** Number of records. */
  get length(): number {
    return this.#records.length;
  }

  /** Appends a record, or drops it. */
  add(record: SentRecord): void {
    const bytes = sizeOf(record);
    const { maxRecords, maxBytes } = this.#limits;
    if (this.#records.length >= maxRecords || this.#bytes + bytes > maxBytes) {
      this.dropped++;
      return;
    }
    this.#records.push(record);
    this.#bytes += bytes;
  }

  /** Removes and returns the oldest records, at most `maxRecords` with `maxBytes` together, one at least. */
  take(maxRecords: number, maxBytes: number): SentRecord[] {
    let count = 0;
    let bytes = 0;
    while (count < Math.min(maxRecords, this.#records.length)) {
      const next = sizeOf(this.#records[count]);
      if (count > 0 && bytes + next > maxBytes) break;
      bytes += next;
      count++;
    }
    this.#bytes -= bytes;
    return this.#records.splice(0, count);
  }
}
