/** A resolver whose steps a test sets. */

import type {
  ResolverContext,
  ResolverTarget,
  ResolverUpdate,
} from "../../../src/rpc/resolver/mod.ts";

/** Yields what a test sets; throws a TypeError that it sets. */
export class Steps {
  target: ResolverTarget | undefined = undefined;
  context: ResolverContext | undefined = undefined;
  watches = 0;
  readonly #steps: (ResolverUpdate | Error)[] = [];
  #wake = Promise.withResolvers<void>();

  /** Makes the next step. */
  set(step: ResolverUpdate | Error): void {
    this.#steps.push(step);
    this.#wake.resolve();
  }

  async *watch(target: ResolverTarget, context: ResolverContext) {
    this.watches++;
    this.target = target;
    this.context = context;
    while (!context.signal.aborted) {
      const step = this.#steps.shift();
      if (step === undefined) {
        this.#wake = Promise.withResolvers();
        await this.#wake.promise;
        continue;
      }
      if (step instanceof TypeError) throw step;
      yield step;
    }
  }
}
