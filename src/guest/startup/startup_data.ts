/**
 * Configuration and secrets that a guest was given, in memory only.
 *
 * @module
 */

const REDACTED = "[redacted]";
const INSPECT = [Symbol.for("nodejs.util.inspect.custom"), Symbol.for("Deno.customInspect")];

/**
 * What a guest was given at its start. It prints, logs and converts to JSON without its secrets.
 *
 * @category Startup
 */
export class StartupData implements Disposable {
  /** The parsed configuration; undefined if none was given. */
  readonly config: unknown;
  readonly #secrets: Map<string, Uint8Array>;

  /** Takes over the secrets. */
  constructor(config: unknown, secrets: Map<string, Uint8Array>) {
    this.config = config;
    this.#secrets = secrets;
    for (const symbol of INSPECT) {
      Object.defineProperty(this, symbol, { value: () => this.toString(), enumerable: false });
    }
  }

  /** Names of the secrets. */
  get secretNames(): readonly string[] {
    return [...this.#secrets.keys()];
  }

  /** Returns the bytes of a secret, which `erase` overwrites; undefined if there is none of that name. */
  secret(name: string): Uint8Array | undefined {
    return this.#secrets.get(name);
  }

  /** Returns a secret as UTF-8 text, which stays in memory until it is collected; undefined if there is none. */
  secretText(name: string): string | undefined {
    const secret = this.#secrets.get(name);
    return secret && new TextDecoder().decode(secret);
  }

  /** Overwrites all secrets with zeros and forgets them. */
  erase(): void {
    for (const secret of this.#secrets.values()) secret.fill(0);
    this.#secrets.clear();
  }

  /** Calls {@link erase}. */
  [Symbol.dispose](): void {
    this.erase();
  }

  /** Returns the configuration and the names of the secrets, for `JSON.stringify`. */
  toJSON(): unknown {
    const names = this.secretNames;
    return { config: this.config, secrets: Object.fromEntries(names.map((n) => [n, REDACTED])) };
  }

  /** Returns the names of the secrets. */
  toString(): string {
    return `StartupData { secrets: ${this.secretNames.join(", ") || "none"} }`;
  }
}
