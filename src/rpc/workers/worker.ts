/**
 * One worker of a pool: start, one call at a time, detection of crashes and stuck calls.
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import { errorFromOutside, RpcError, textOf } from "../../errors.ts";
import { runtime, type RuntimeWorker } from "../../runtime/mod.ts";
import { systemClock } from "../core/system_clock.ts";
import { Lifeline } from "./lifeline.ts";
import { isFromWorker, type ToWorker, type WorkerReply } from "./messages.ts";

/** Call to be run by a worker. */
export interface WorkerJob {
  /** Whether its deadline has passed. */
  expired(): boolean;
  /** Creates the message to the worker. Called when a worker is free. */
  call(): Omit<Extract<ToWorker, { kind: "call" }>, "kind" | "id">;
  /** Called with the outcome of the call. */
  reply(reply: WorkerReply): void;
  /** Called when the worker ended without an outcome. */
  fail(error: RpcError): void;
  /** Cancels the call in its worker. Set while a worker runs it. */
  cancel?: () => void;
}

/** Options of a {@link PooledWorker}. */
export interface PooledWorkerOptions {
  /** Creates the worker. */
  readonly create: () => RuntimeWorker;
  /** Value for the `configure` function of the worker. */
  readonly init: unknown;
  /** Time to finish a cancelled call, in ms. */
  readonly stuckMs: number;
  /** Delay before the worker is created, in ms. */
  readonly startDelayMs: number;
  /** Called when the worker can run a call. */
  onIdle(worker: PooledWorker): void;
  /** Called when the worker ended other than by `end`. */
  onEnd(worker: PooledWorker, reason: string): void;
  /** Called for the first message of the worker that `serveWorker` did not post; later ones are ignored silently. */
  onForeignMessage(): void;
}

/** Worker and the call that it runs. */
export class PooledWorker {
  readonly #options: PooledWorkerOptions;
  #worker: RuntimeWorker | undefined = undefined;
  #lifeline: Lifeline | undefined = undefined;
  #job: WorkerJob | undefined = undefined;
  #jobId = 0;
  /** Whether the worker has not yet replied to its last call, cancelled or not. */
  #occupied = false;
  #ready = false;
  #ended = false;
  #hadForeign = false;
  #timer: unknown = undefined;

  /** Creates the worker, after `startDelayMs`. */
  constructor(options: PooledWorkerOptions) {
    this.#options = options;
    if (options.startDelayMs > 0) {
      this.#timer = systemClock.setTimer(() => this.#start(), options.startDelayMs);
    } else {
      this.#start();
    }
  }

  /** Whether the worker runs a call, or has not yet replied to a cancelled one. */
  get busy(): boolean {
    return this.#job !== undefined || this.#occupied;
  }

  /** Whether the worker can take a call; one that is still starting runs the call once it is ready. */
  get idle(): boolean {
    return this.#worker !== undefined && !this.busy;
  }

  /** Whether `configure` has ever completed in the worker. */
  get wasReady(): boolean {
    return this.#ready;
  }

  /** Delay before the worker was created, in ms. */
  get startDelayMs(): number {
    return this.#options.startDelayMs;
  }

  /** Runs a call. The worker must be idle. */
  run(job: WorkerJob): void {
    this.#job = job;
    this.#occupied = true;
    const id = ++this.#jobId;
    job.cancel = () => this.#cancel();
    try {
      const call = job.call();
      this.#post({ kind: "call", id, ...call }, [call.payload.buffer as ArrayBuffer]);
    } catch (error) {
      this.#occupied = false;
      this.#takeJob()?.fail(
        errorFromOutside(Status.INTERNAL, "The call could not be sent to a worker", {
          cause: error,
        }),
      );
      this.#whenIdle();
    }
  }

  /** Terminates the worker; its call fails with `reason`. */
  end(reason: RpcError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopTimer();
    try {
      this.#worker?.terminate();
    } catch {
      // `create` returned something other than a Worker.
    }
    this.#takeJob()?.fail(reason);
  }

  /** Resolves when the terminated worker has ended, or after `timeoutMs`. */
  async ended(timeoutMs: number): Promise<void> {
    await this.#lifeline?.wait(timeoutMs);
  }

  #start(): void {
    this.#timer = undefined;
    try {
      this.#worker = this.#options.create();
      runtime.attachWorker(this.#worker, {
        onMessage: (message) => this.#onMessage(message),
        onError: (reason) => this.#crashed(reason),
      });
      const { remote } = this.#lifeline = new Lifeline();
      this.#post({ kind: "init", init: this.#options.init, lifeline: remote }, [remote]);
    } catch (error) {
      // The remote port was not transferred to a worker, so no worker's end would close the lifeline.
      this.#lifeline = undefined;
      // The report is deferred, because the pool has no reference to this worker until the constructor returns.
      queueMicrotask(() => this.#crashed(`it cannot be created: ${textOf(error)}`));
      return;
    }
    this.#whenIdle();
  }

  /**
   * Reports that the worker is idle, in a microtask, because the pool has no reference to this worker until the
   * constructor returns.
   */
  #whenIdle(): void {
    queueMicrotask(() => this.idle && !this.#ended && this.#options.onIdle(this));
  }

  #post(message: ToWorker, transfer: Transferable[] = []): void {
    this.#worker?.postMessage(message, transfer as never[]);
  }

  #onMessage(message: unknown): void {
    if (this.#ended) return;
    if (!isFromWorker(message)) {
      if (!this.#hadForeign) this.#options.onForeignMessage();
      this.#hadForeign = true;
    } else if (message.kind === "ready") {
      this.#ready = true;
    } else if (message.kind === "failed") {
      this.#crashed(message.reason);
    } else if (message.id === this.#jobId) {
      this.#stopTimer();
      this.#occupied = false;
      this.#takeJob()?.reply(message);
      if (!this.busy) this.#options.onIdle(this);
    }
  }

  #cancel(): void {
    // The worker stays busy until it replies to the cancellation or is replaced after `stuckMs`.
    this.#takeJob();
    this.#post({ kind: "cancel", id: this.#jobId });
    const { stuckMs } = this.#options;
    this.#timer = systemClock.setTimer(
      () => this.#crashed(`it did not finish a cancelled call within ${stuckMs} ms`),
      // Largest delay of setTimeout: 2^31 - 1.
      Math.min(stuckMs, 0x7fffffff),
    );
  }

  #takeJob(): WorkerJob | undefined {
    const job = this.#job;
    this.#job = undefined;
    if (job) job.cancel = undefined;
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
