/**
 * Header fields of a request as `Headers` of the Fetch API, made only when more than a look-up is asked for.
 *
 * @module
 */

/** `Headers` around a list of names in lower case and values in turn. */
export class RequestHeaders {
  readonly #fields: readonly string[];
  #real: Headers | null = null;

  /** Reads `fields`, which must not change. */
  constructor(fields: readonly string[]) {
    this.#fields = fields;
  }

  /** Returns the values of a field joined by commas (RFC 9110 §5.3), or null if the field is absent. */
  get(name: string): string | null {
    if (this.#real !== null) return this.#real.get(name);
    const fields = this.#fields;
    const wanted = name.toLowerCase();
    let found: string | null = null;
    for (let i = 0; i < fields.length; i += 2) {
      if (fields[i] === wanted) {
        found = found === null ? fields[i + 1] : `${found}, ${fields[i + 1]}`;
      }
    }
    return found;
  }

  /** Whether a field is present. */
  has(name: string): boolean {
    return this.get(name) !== null;
  }

  /** Returns an equal `Headers` object of the runtime. */
  get real(): Headers {
    if (this.#real !== null) return this.#real;
    const headers = new Headers();
    const fields = this.#fields;
    for (let i = 0; i < fields.length; i += 2) headers.append(fields[i], fields[i + 1]);
    return this.#real = headers;
  }
}

delegate(RequestHeaders.prototype, Headers.prototype, (headers) => headers.real);

/**
 * Makes `own` inherit from the prototype of the runtime's `real`. Members that `own` does not define, internal slots
 * included, are looked up on the object that `realOf` returns.
 */
export function delegate<Own extends object, Real extends object>(
  own: Own,
  real: Real,
  realOf: (self: Own) => Real,
  sample?: Real,
): void {
  Object.setPrototypeOf(own, real);
  const keys = new Set([
    ...Reflect.ownKeys(real),
    ...(sample === undefined ? [] : Object.getOwnPropertySymbols(sample)),
  ]);
  for (const key of keys) {
    if (Object.hasOwn(own, key) || key === "constructor" || key === Symbol.toStringTag) continue;
    Object.defineProperty(own, key, {
      configurable: true,
      get(this: Own) {
        const target = realOf(this);
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }
}
