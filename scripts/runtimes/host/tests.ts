/**
 * `Deno.test`: collects the tests of a file and runs them one after another. There are no sanitizers: what a test leaves
 * open is found on Deno.
 *
 * @module
 */

import { inspect } from "node:util";

type Body = (t: Context) => unknown;

interface Definition {
  readonly name: string;
  readonly fn: Body;
  readonly ignore?: boolean;
}

/** Outcome of one test. */
export interface Outcome {
  readonly name: string;
  readonly ms: number;
  /** What the test or its steps threw. */
  readonly failure?: string;
  /** Why it did not run. */
  readonly skipped?: string;
}

const IGNORED = "the test ignores itself on this machine";
const collected: Definition[] = [];

function definition(first: string | Definition | Body, second?: Body): Definition {
  if (typeof first === "function") return { name: first.name, fn: first };
  return typeof first === "string" ? { name: first, fn: second! } : first;
}

/** Registers a test, in the forms that the tests use: a name and a function, or an object. */
export function test(first: string | Definition, second?: Body): void {
  collected.push(definition(first, second));
}

/** What a test gets: its steps run at once, and their failures are those of the test. */
class Context {
  readonly failures: string[] = [];
  readonly #skips: (step: string) => boolean;

  constructor(skips: (step: string) => boolean) {
    this.#skips = skips;
  }

  async step(first: string | Definition | Body, second?: Body): Promise<boolean> {
    const { name, fn, ignore } = definition(first, second);
    if (ignore || this.#skips(name)) return true;
    const failure = await failureOf(fn, this.#skips);
    if (failure !== undefined) this.failures.push(`step "${name}": ${failure}`);
    return failure === undefined;
  }
}

async function failureOf(
  body: Body,
  skips: (step: string) => boolean,
): Promise<string | undefined> {
  const context = new Context(skips);
  try {
    await body(context);
  } catch (error) {
    context.failures.push(inspect(error));
  }
  return context.failures.length === 0 ? undefined : context.failures.join("\n");
}

/**
 * Runs the collected tests and reports each; `skip` returns why a test is not to run, or a step of one. A step that is
 * skipped is reported like a test.
 */
export async function runTests(
  skip: (name: string, step?: string) => string | undefined,
  report: { onStart(name: string): void; onEnd(outcome: Outcome): void },
): Promise<void> {
  for (const { name, fn, ignore } of collected) {
    report.onStart(name);
    const skipped = skip(name) ?? (ignore ? IGNORED : undefined);
    const startMs = performance.now();
    const skips = (step: string) => {
      const reason = skip(name, step);
      if (reason === undefined) return false;
      report.onEnd({ name: `${name}, step ${step}`, ms: 0, skipped: reason });
      return true;
    };
    const failure = skipped === undefined ? await failureOf(fn, skips) : undefined;
    report.onEnd({ name, ms: performance.now() - startMs, failure, skipped });
  }
}
