/**
 * The parent's side of log shipping.
 *
 * @module
 */

import { getLogger, type LogLevel } from "@logtape/logtape";
import { LogService, type ShipRequest } from "../../../proto/gen/vrpc/guest/v1/guest_pb.ts";
import { Status } from "../../call/status.ts";
import { RpcError } from "../../errors.ts";
import { checkFunctions, checkRange, measured } from "../../limits/ranges.ts";
import { TokenBucket } from "../../limits/token_bucket.ts";
import type { HandlerContext } from "../../rpc/core/types.ts";
import type { Router } from "../../rpc/dispatch/router.ts";
import { LEVELS } from "./record.ts";

const logger = getLogger(["vrpc", "guest", "logs"]);
const MAX_BATCH_RECORDS = 1_000;
/** Senders whose last batch is remembered. */
const MAX_SENDERS = 1_024;
const BURST_SECONDS = 10;
const THROTTLE_MS = 100;

/**
 * Record of a guest's log. All of it is what the guest says: escape its texts before you print them (`printable`).
 *
 * @category Logs
 */
export interface GuestLogRecord {
  /** Address of the guest. */
  readonly guest: string;
  /** Time of the guest's clock, in ms since 1970. */
  readonly timestampMs: number;
  /** Level. */
  readonly level: LogLevel;
  /** Category, from the outside in. */
  readonly category: readonly string[];
  /** Text with its values. */
  readonly message: string;
  /** Text with the names of its values. */
  readonly template: string;
  /** Values: the text of a JSON object, or empty. */
  readonly properties: string;
}

/**
 * Options of {@link addLogReceiver}.
 *
 * @category Logs
 */
export interface LogReceiverOptions {
  /** Takes a record. Default: logs it in the category `["vrpc", "guest", "logs"]`. */
  onRecord?: (record: GuestLogRecord) => void;
  /** Called when a guest has dropped more records. Default: logs a warning. */
  onDropped?: (dropped: number, guest: string) => void;
  /**
   * Records a second that are taken of all guests, with bursts of ten times as many, 100 or more. Above it,
   * acknowledgements wait, and guests whose queues are full drop. Default 1,000.
   */
  maxRecordsPerSecond?: number;
}

/**
 * Adds the service that takes the log records of guests (`shipLogs`) to a router of the parent. Serve it with
 * `allowVsockCids`, so that no other guest writes into the log.
 *
 * @category Logs
 */
export function addLogReceiver(router: Router, options: LogReceiverOptions = {}): void {
  const { onRecord = logRecord, onDropped = logDropped, maxRecordsPerSecond = 1_000 } = options;
  checkFunctions("onRecord", [onRecord]);
  checkFunctions("onDropped", [onDropped]);
  checkRange("maxRecordsPerSecond", maxRecordsPerSecond, measured(100));
  const receiver = new Receiver(onRecord, onDropped, maxRecordsPerSecond);
  router.service(LogService, {
    async *ship(batches, context) {
      for await (const batch of batches) {
        await receiver.take(batch, context);
        yield { sequence: batch.sequence };
      }
    },
  });
}

/** Takes the batches of all guests. */
class Receiver {
  readonly #onRecord: (record: GuestLogRecord) => void;
  readonly #onDropped: (dropped: number, guest: string) => void;
  readonly #bucket: TokenBucket;
  /** Number of the last batch of each sender, and the records that it had dropped; the latest sender is last. */
  readonly #senders = new Map<string, { sequence: bigint; dropped: bigint }>();

  constructor(
    onRecord: (record: GuestLogRecord) => void,
    onDropped: (dropped: number, guest: string) => void,
    perSecond: number,
  ) {
    this.#onRecord = onRecord;
    this.#onDropped = onDropped;
    this.#bucket = new TokenBucket(perSecond * BURST_SECONDS, perSecond, performance.now());
  }

  async take(batch: ShipRequest, context: HandlerContext): Promise<void> {
    const { sender, sequence, records, dropped } = batch;
    if (records.length > MAX_BATCH_RECORDS) {
      const text = `A batch has ${records.length} records, limit is ${MAX_BATCH_RECORDS}`;
      throw new RpcError(Status.RESOURCE_EXHAUSTED, text);
    }
    while (!this.#bucket.take(records.length, performance.now())) {
      this.#bucket.give(records.length);
      await new Promise((resolve) => setTimeout(resolve, THROTTLE_MS));
      if (context.signal.aborted) throw context.signal.reason;
    }
    // A guest chooses its number, but not its context id.
    const key = `${context.peer.vsockCid ?? ""}/${sender}`;
    const last = this.#senders.get(key) ?? { sequence: 0n, dropped: 0n };
    // Sent again, because its acknowledgement was lost.
    if (sequence <= last.sequence) return;
    this.#remember(key, { sequence, dropped });
    const { address: guest } = context.peer;
    for (const record of records) {
      const { timestampMs, category, message, template, properties } = record;
      const level = LEVELS.find((one) => one === record.level) ?? "info";
      this.#onRecord({ guest, timestampMs, level, category, message, template, properties });
    }
    if (dropped > last.dropped) this.#onDropped(Number(dropped - last.dropped), guest);
  }

  #remember(sender: string, state: { sequence: bigint; dropped: bigint }): void {
    this.#senders.delete(sender);
    this.#senders.set(sender, state);
    if (this.#senders.size <= MAX_SENDERS) return;
    const [oldest] = this.#senders.keys();
    this.#senders.delete(oldest);
  }
}

/** Logs a record with the guest's own level. A category of its own for each of the guest's would grow without bound. */
function logRecord(record: GuestLogRecord): void {
  const { guest, category, message, level, timestampMs } = record;
  const properties = {
    guest,
    category: category.join("·"),
    text: message,
    guestTimeMs: timestampMs,
  };
  logger.emit({
    level,
    message: ["", guest, " ", properties.category, ": ", message, ""],
    rawMessage: "{guest} {category}: {text}",
    timestamp: Date.now(),
    properties,
  });
}

function logDropped(dropped: number, guest: string): void {
  logger.warn("{guest} has dropped {dropped} log records: more waited than its queue holds", {
    guest,
    dropped,
  });
}
