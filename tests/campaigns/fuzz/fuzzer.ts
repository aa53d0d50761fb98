import { cpuUs } from "../../fixtures/growth.ts";
import { Random } from "../simulation/random.ts";
import { corpus, type Kept } from "./corpus.ts";
import { ENGINES } from "./engines.ts";
import { HTTP1 } from "./http1.ts";
import { HTTP1_CUTS } from "./http1_cuts.ts";
import { PARTS } from "./parts.ts";
import { minimize, mutate, type Target } from "./target.ts";

/** All targets. */
export const TARGETS: readonly Target[] = [...PARTS, ...HTTP1, ...HTTP1_CUTS, ...ENGINES];

// Limit on the CPU time of one input; time that others take from the machine does not count.
const MAX_CPU_MS = 2_000;
// Seed of stored inputs without one.
const SEEDS = [1, 2, 3];
// Number of mutants kept for further mutation; the oldest are replaced.
const POOL = 200;
// Longest input, because longer ones find little more.
const MAX_POOLED_BYTES = 20_000;

/** Input that violates the invariant of its target. */
export interface Failure {
  readonly target: string;
  readonly seed: number;
  readonly input: Uint8Array;
  readonly error: Error;
}

/** Mutates and runs the inputs of one target. */
export class Fuzzer {
  readonly #pool: Uint8Array[];
  readonly #kept: readonly Kept[];

  constructor(readonly target: Target) {
    this.#kept = [...corpus(target.name), ...target.seeds().map((input) => ({ input }))];
    this.#pool = this.#kept.map(({ input }) => input);
  }

  /** Runs valid and stored inputs unchanged. */
  async runKept(): Promise<Failure | null> {
    for (const { input, seed } of this.#kept) {
      for (const one of seed === undefined ? SEEDS : [seed, ...SEEDS]) {
        const failure = await this.#run(input, one);
        if (failure !== null) return failure;
      }
    }
    return null;
  }

  /** Creates the mutant of a seed and runs it. */
  async runMutant(seed: number): Promise<Failure | null> {
    const random = new Random(seed);
    const pool = this.#pool;
    const input = mutate(this.target, random.pick(pool), random.pick(pool), random);
    const failure = await this.#run(input, seed);
    if (failure !== null) {
      const small = await minimize(this.target, input, seed);
      return await this.#run(small, seed) ?? failure;
    }
    if (input.length > MAX_POOLED_BYTES) return null;
    if (pool.length < this.#kept.length + POOL) pool.push(input);
    else pool[random.int(this.#kept.length, pool.length - 1)] = input;
    return null;
  }

  async #run(input: Uint8Array, seed: number): Promise<Failure | null> {
    const startUs = cpuUs();
    const fail = (error: Error) => ({ target: this.target.name, seed, input, error });
    try {
      await this.target.run(input, seed);
    } catch (error) {
      return fail(error as Error);
    }
    const ms = Math.round((cpuUs() - startUs) / 1_000);
    return ms > MAX_CPU_MS ? fail(new Error(`took ${ms} ms, limit is ${MAX_CPU_MS}`)) : null;
  }
}
