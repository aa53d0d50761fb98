/**
 * `Worker` as Deno has it, on the Workers of Bun.
 *
 * @module
 */

const Native = globalThis.Worker;

/** Worker in whose scope are `Deno` and `WorkerGlobalScope`. */
export class Worker extends Native {
  /** Starts the module at `url`. */
  constructor(url: string | URL, options?: WorkerOptions) {
    const preload = [new URL("./bun_worker_scope.ts", import.meta.url).href];
    super(url, { ...options, preload } as WorkerOptions);
  }
}
