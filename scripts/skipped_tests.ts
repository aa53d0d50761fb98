/**
 * Tests that older versions of Deno cannot run, and why. Loaded before the tests (`deno test --preload`), it marks
 * them as ignored.
 *
 * @module
 */

/** Tests that are not run before a version of Deno. */
interface Skip {
  /** First version that runs them. */
  readonly since: string;
  /** What the older version lacks. */
  readonly reason: string;
  /** Matches the names of the tests. */
  readonly names: RegExp;
}

/** Every test that is skipped on an older version; `docs/runtimes.md` tells users what they miss there. */
const SKIPS: readonly Skip[] = [
  {
    since: "2.7.14",
    reason: "node:tls has no servers on streams",
    names:
      /TLS|\bm?tls|client with a certificate|clientAuth|self-signed|certificate and key may|authority.s certificate/,
  },
  {
    since: "2.7.14",
    reason: "node:crypto refuses RSA-PSS signatures with a salt of 32 bytes",
    names: /RSA-PSS SHA-256 verifies with|concurrent sign\(\) calls each/,
  },
];

/** Whether version `one` comes before `other`; both are numbers separated by dots. */
export function isBefore(one: string, other: string): boolean {
  const [a, b] = [one, other].map((version) => version.split(/[.+-]/).map(Number));
  const at = b.findIndex((number, index) => number !== a[index]);
  return at >= 0 && (a[at] ?? 0) < b[at];
}

/** Returns why a version of Deno cannot run the test; undefined if it can. */
export function reasonToSkip(version: string, test: string): string | undefined {
  return SKIPS.find(({ since, names }) => isBefore(version, since) && names.test(test))?.reason;
}

/** Returns a line for each reason that applies to a version of Deno. */
export function reasonsOf(version: string): string[] {
  return SKIPS.filter(({ since }) => isBefore(version, since))
    .map(({ since, reason, names }) => `skips ${names}, until Deno ${since}: ${reason}`);
}

/**
 * Ignores the tests that this version of Deno cannot run. The others run without the search for leaks, in which older
 * versions find timers and libraries that later ones do not report.
 */
function adapt(test: typeof Deno.test): typeof Deno.test {
  return new Proxy(test, {
    apply(target, _, args: (string | Partial<Deno.TestDefinition> | Deno.TestDefinition["fn"])[]) {
      const definition: Partial<Deno.TestDefinition> = {};
      for (const argument of args) {
        if (typeof argument === "string") definition.name = argument;
        else if (typeof argument !== "function") Object.assign(definition, argument);
        else {
          definition.fn = argument;
          definition.name ??= argument.name;
        }
      }
      const skipped = reasonToSkip(Deno.version.deno, definition.name!) !== undefined;
      target({
        ...definition as Deno.TestDefinition,
        ignore: definition.ignore || skipped,
        sanitizeOps: false,
        sanitizeResources: false,
      });
    },
  });
}

if (reasonsOf(Deno.version.deno).length > 0 && "test" in Deno) {
  Object.defineProperty(Deno, "test", { value: adapt(Deno.test) });
}
