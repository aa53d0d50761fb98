/**
 * One worker of a pool: started, given one call at a time, watched.
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import { RpcError } from "../../errors.ts";
import { systemClock } from "../core/system_clock.ts";
import type { FromWorker, ToWorker, WorkerReply } from "./messages.ts";

/** A call for a worker. */
export interface WorkerJob {
  /** Makes the message, when a worker is there for it. */
  call(): Omit<Extract<ToWorker, { kind: "call" }>, "kind" | "id">;
  /** The worker has answered. */
  reply(reply: WorkerReply): void;
  /** The worker will not answer. */
  fail(error: RpcError): void;
  /** Set while a worker has the job: the caller went away. */
  giveUp?: () => void;
}

/** What a {@link PooledWorker} needs. */
export interface PooledWorkerOptions {
  readonly create: () => Worker;
  readonly init: unknown;
  readonly stuckMs: number;
  /** How long to wait before the worker is made. */
  readonly startDelayMs: number;
  /** It can take a call. */
  onIdle(worker: PooledWorker): void;
  /** It is gone, other than by `end`. */
  onEnd(worker: PooledWorker, reason: string): void;
}

/** A worker and the call it runs. */
export class PooledWorker {
  readonly #options: PooledWorkerOptions;
  #worker: Worker | undefined = undefined;
  #job: WorkerJob | undefined = undefined;
  #jobId = 0;
  #given = false;
  #ready = false;
  #ended = false;
  #timer: unknown = undefined;

  /** Starts the worker, or waits to do so. */
  constructor(options: PooledWorkerOptions) {
    this.#options = options;
    if (options.startDelayMs > 0) {
      this.#timer = systemClock.setTimer(() => this.#start(), options.startDelayMs);
    } else {
      this.#start();
    }
  }

  /** Whether it runs a call. */
  get busy(): boolean {
    return this.#job !== undefined || this.#given;
  }

  /** Whether it takes a call: it may still be starting, the call is then run first. */
  get idle(): boolean {
    return this.#worker !== undefined && !this.busy;
  }

  /** Whether it ever came up. */
  get wasReady(): boolean {
    return this.#ready;
  }

  /** How long it waited to be made. */
  get startDelayMs(): number {
    return this.#options.startDelayMs;
  }

  /** Runs a call; the worker must be idle. */
  run(job: WorkerJob): void {
    this.#job = job;
    this.#given = true;
    const id = ++this.#jobId;
    job.giveUp = () => this.#giveUp();
    const call = job.call();
    this.#post({ kind: "call", id, ...call }, [call.payload.buffer as ArrayBuffer]);
  }

  /** Ends the worker; its call fails with `reason`. */
  end(reason: RpcError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopTimer();
    this.#worker?.terminate();
    this.#takeJob()?.fail(reason);
  }

  #start(): void {
    this.#timer = undefined;
    let worker: Worker;
    try {
      worker = this.#options.create();
    } catch (error) {
      // Told later, because the pool doesn't know this worker yet.
      queueMicrotask(() => this.#crashed(`it can't be made: ${(error as Error).message}`));
      return;
    }
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#onMessage(data);
    worker.onmessageerror = () => this.#crashed("a message could not be read");
    worker.onerror = (event) => {
      // Otherwise the error would go on to end this process.
      event.preventDefault();
      this.#crashed(event.message);
    };
    this.#post({ kind: "init", init: this.#options.init });
    if (this.#options.startDelayMs > 0) this.#options.onIdle(this);
    else queueMicrotask(() => this.idle && !this.#ended && this.#options.onIdle(this));
  }

  #post(message: ToWorker, transfer: Transferable[] = []): void {
    this.#worker?.postMessage(message, transfer);
  }

  #onMessage(message: FromWorker): void {
    if (this.#ended) return;
    if (message.kind === "ready") {
      this.#ready = true;
    } else if (message.kind === "failed") {
      this.#crashed(message.reason);
    } else if (message.id === this.#jobId) {
      this.#stopTimer();
      this.#given = false;
      this.#takeJob()?.reply(message);
      if (!this.busy) this.#options.onIdle(this);
    }
  }

  #giveUp(): void {
    // Busy until it says so, or is replaced.
    this.#takeJob();
    this.#post({ kind: "cancel", id: this.#jobId });
    const { stuckMs } = this.#options;
    this.#timer = systemClock.setTimer(
      () => this.#crashed(`it went on for ${stuckMs} ms with a call that was given up`),
      // setTimeout takes at most 2^31-1.
      Math.min(stuckMs, 0x7fffffff),
    );
  }

  #takeJob(): WorkerJob | undefined {
    const job = this.#job;
    this.#job = undefined;
    if (job) job.giveUp = undefined;
    return job;
  }

  #crashed(reason: string): void {
    if (this.#ended) return;
    this.end(new RpcError(Status.INTERNAL, "The worker that ran this call crashed"));
    this.#options.onEnd(this, reason);
  }

  #stopTimer(): void {
    if (this.#timer !== undefined) systemClock.clearTimer(this.#timer);
    this.#timer = undefined;
  }
}
