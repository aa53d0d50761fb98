import { type Caller, openCaller } from "./caller.ts";
import type { AttackerTask } from "./report.ts";

const CALLS_PER_SECOND = 50;
const ECHO_BYTES = 64;

/** Well-behaved client: 50 calls per second on one connection. */
export class Witness {
  #latenciesMs: number[] = [];
  #errors: string[] = [];
  readonly #caller: Caller;
  #running = true;
  readonly #done: Promise<void>;

  constructor(task: Omit<AttackerTask, "name" | "seconds">) {
    this.#caller = openCaller(task);
    this.#done = this.#run();
  }

  async #run(): Promise<void> {
    const started = performance.now();
    const calls: Promise<void>[] = [];
    for (let i = 0; this.#running; i++) {
      const dueMs = started + i * 1_000 / CALLS_PER_SECOND;
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      calls.push(this.#call(dueMs));
    }
    await Promise.all(calls);
  }

  // Latency counts from the due time, to include delays of the client itself.
  async #call(dueMs: number): Promise<void> {
    try {
      await this.#caller.echo(ECHO_BYTES, 5_000);
      this.#latenciesMs.push(performance.now() - dueMs);
    } catch (error) {
      this.#errors.push((error as Error).message);
    }
  }

  /** Returns p99 in ms and errors since the last call of this method. */
  take(): { calls: number; p99Ms: number; errors: string[] } {
    const sorted = this.#latenciesMs.sort((a, b) => a - b);
    const errors = this.#errors;
    this.#latenciesMs = [];
    this.#errors = [];
    const p99Ms = sorted.length === 0 ? Infinity : sorted[Math.ceil(sorted.length * 0.99) - 1];
    return { calls: sorted.length + errors.length, p99Ms, errors };
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#done;
    await this.#caller.close();
  }
}
