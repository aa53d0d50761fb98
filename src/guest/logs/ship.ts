/**
 * The guest's side of log shipping: a LogTape sink whose records go to the parent as a stream.
 *
 * @module
 */

import type { LogRecord, Sink } from "@logtape/logtape";
import { LogService } from "../../../proto/gen/vrpc/guest/v1/guest_pb.ts";
import { checkRange, measured, whole } from "../../limits/ranges.ts";
import { type Channel, connect } from "../../rpc/channel/channel.ts";
import type { TlsClientOptions } from "../../transport/tls_options.ts";
import { RecordQueue } from "./queue.ts";
import { type SentRecord, sentRecord } from "./record.ts";

const BATCH_RECORDS = 500;
const BATCH_BYTES = 262_144;
/** Time for an acknowledgement, in ms. */
const ACK_MS = 10_000;
const MIN_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;

/**
 * Options of {@link shipLogs}.
 *
 * @category Logs
 */
export interface ShipLogsOptions {
  /** Most records that wait to be sent, 1 to 1,000,000. Further ones are dropped and counted. Default 10,000. */
  maxRecords?: number;
  /** Most bytes that they take in memory, 1,024 or more. Default 4 MiB. */
  maxBytes?: number;
  /** Time for which records are gathered before they are sent, in ms. Default 100. */
  gatherMs?: number;
  /** TLS with the parent. Default: none. */
  tls?: TlsClientOptions | true;
}

/**
 * Counts of a {@link LogShipper} since its start.
 *
 * @category Logs
 */
export interface ShipLogsStats {
  /** Records that wait, or were sent and not acknowledged. */
  readonly waiting: number;
  /** Records that the parent has acknowledged. */
  readonly shipped: number;
  /** Records that were dropped, because too many waited. */
  readonly dropped: number;
}

/**
 * Shipper of log records; made by {@link shipLogs}.
 *
 * @category Logs
 */
export interface LogShipper extends AsyncDisposable {
  /** Sink for LogTape's `configure`. Never blocks and never throws. */
  readonly sink: Sink;
  /** Returns the counts of now. */
  stats(): ShipLogsStats;
  /** Sends what waits, for `timeoutMs` at most (default 1,000), and closes the connection. Never rejects. */
  close(options?: { timeoutMs?: number }): Promise<void>;
}

/**
 * Ships log records to a parent that has `addLogReceiver`, such as `host --logs`. Each batch is sent again on a new
 * connection until it is acknowledged, and the parent takes it once. Records that don't fit into the queue are dropped;
 * their number is sent with the next batch. Throws a TypeError or RangeError for invalid options.
 *
 * @category Logs
 */
export function shipLogs(address: string, options: ShipLogsOptions = {}): LogShipper {
  const { maxRecords = 10_000, maxBytes = 4 * 1024 * 1024, gatherMs = 100, tls } = options;
  checkRange("maxRecords", maxRecords, whole(1, 1_000_000));
  checkRange("maxBytes", maxBytes, whole(1_024));
  checkRange("gatherMs", gatherMs, measured(0, 60_000));
  const channel = connect(address, {
    tls,
    initialBackoffMs: MIN_RETRY_MS,
    maxBackoffMs: MAX_RETRY_MS,
  });
  return new Shipper(channel, new RecordQueue({ maxRecords, maxBytes }), gatherMs);
}

type ShipSession = ReturnType<ReturnType<typeof clientOf>["ship"]>;
const clientOf = (channel: Channel) => channel.client(LogService);

class Shipper implements LogShipper {
  readonly #channel: Channel;
  readonly #queue: RecordQueue;
  readonly #gatherMs: number;
  readonly #sender = crypto.getRandomValues(new BigUint64Array(1))[0];
  #sequence = 0n;
  #shipped = 0;
  #batch: SentRecord[] = [];
  #toldDropped = 0;
  #session: ShipSession | undefined = undefined;
  #running: Promise<void> | undefined = undefined;
  #closing = false;
  #endPause: () => void = () => {};

  constructor(channel: Channel, queue: RecordQueue, gatherMs: number) {
    this.#channel = channel;
    this.#queue = queue;
    this.#gatherMs = gatherMs;
  }

  readonly sink = (record: LogRecord): void => {
    if (this.#closing) return;
    this.#queue.add(sentRecord(record));
    this.#running ??= this.#run();
  };

  stats(): ShipLogsStats {
    return {
      waiting: this.#queue.length + this.#batch.length,
      shipped: this.#shipped,
      dropped: this.#queue.dropped,
    };
  }

  async close(options: { timeoutMs?: number } = {}): Promise<void> {
    this.#closing = true;
    this.#endPause();
    const timer = setTimeout(() => this.#channel.close(), options.timeoutMs ?? 1_000);
    await this.#running;
    clearTimeout(timer);
    this.#session?.closeSend();
    await this.#channel.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Sends until nothing waits. Never rejects. */
  async #run(): Promise<void> {
    let retryMs = MIN_RETRY_MS;
    await this.#pause(this.#gatherMs);
    while (this.#channel.state !== "SHUTDOWN") {
      if (this.#batch.length === 0) {
        this.#batch = this.#queue.take(BATCH_RECORDS, BATCH_BYTES);
        if (this.#batch.length === 0 && this.#toldDropped === this.#queue.dropped) break;
        this.#sequence++;
      }
      try {
        await this.#send();
        retryMs = MIN_RETRY_MS;
      } catch {
        // The session's error is in the log of the channel, if there was a connection.
        this.#session?.cancel();
        this.#session = undefined;
        await this.#pause(retryMs);
        retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
      }
    }
    this.#running = undefined;
  }

  /** Sends the batch and waits for its acknowledgement. */
  async #send(): Promise<void> {
    const session = this.#session ??= clientOf(this.#channel).ship();
    const dropped = this.#queue.dropped;
    const timer = setTimeout(() => session.cancel(), ACK_MS);
    try {
      await session.send({
        sender: this.#sender,
        sequence: this.#sequence,
        records: this.#batch,
        dropped: BigInt(dropped),
      });
      const answer = await session.receive();
      if (answer?.sequence !== this.#sequence) throw new Error("The batch was not acknowledged");
    } finally {
      clearTimeout(timer);
    }
    this.#shipped += this.#batch.length;
    this.#batch = [];
    this.#toldDropped = dropped;
  }

  /** Resolves after `ms`, or when the shipper closes. */
  #pause(ms: number): Promise<void> {
    if (this.#closing && ms === this.#gatherMs) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
