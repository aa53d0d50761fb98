/**
 * Path templates (google/api/http.proto, "Path template syntax").
 *
 * @module
 */

import { decodeSegment } from "./percent_decoding.ts";

/** Part of a path that one variable captures. */
export interface PathVariable {
  /** Names of the fields from the request down to the one that is set. */
  readonly fieldPath: readonly string[];
  /** Index of the first segment. */
  readonly start: number;
  /** Number of segments; `**` counts as one. */
  readonly count: number;
}

/** Path template in parts. */
export interface PathTemplate {
  /** The template as written. */
  readonly text: string;
  /** Segments: `*`, `**`, or a decoded literal after a slash, which no literal contains. */
  readonly segments: readonly string[];
  /** Verb without its colon; empty for none. */
  readonly verb: string;
  readonly variables: readonly PathVariable[];
}

/** Matches one segment. */
export const ANY = "*";
/** Matches any number of segments; once in a template at most. */
export const REST = "**";

/** Limit on the segments of a template. */
const MAX_SEGMENTS = 64;
const IDENTIFIER = /[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*/y;
// RFC 3986 §3.3: pchar without the colon and the star.
const LITERAL = /(?:[A-Za-z0-9\-._~!$&'()+,;=@]|%[0-9A-Fa-f]{2})+/y;

/** Returns the parts of a template. Throws Error for one that is invalid, whose text says where. */
export function parsePathTemplate(text: string): PathTemplate {
  return new TemplateParser(text).parse();
}

class TemplateParser {
  readonly #text: string;
  readonly #segments: string[] = [];
  readonly #variables: PathVariable[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): PathTemplate {
    const text = this.#text;
    if (!this.#take("/")) throw this.#unexpected();
    // The path of an API's root.
    if (this.#at < text.length) this.#parseSegments(true);
    const verb = this.#take(":") ? decodeSegment(this.#match(LITERAL)) : "";
    if (this.#at < text.length) throw this.#unexpected();
    if (this.#segments.indexOf(REST) !== this.#segments.lastIndexOf(REST)) {
      throw new Error(`path template ${text} has ** twice`);
    }
    return { text, segments: this.#segments, verb, variables: this.#variables };
  }

  #parseSegments(variables: boolean): void {
    do {
      if (variables && this.#take("{")) this.#parseVariable();
      else if (this.#take("**")) this.#segments.push(REST);
      else if (this.#take("*")) this.#segments.push(ANY);
      else this.#segments.push(this.#literal());
      if (this.#segments.length > MAX_SEGMENTS) {
        throw new Error(`a path template has more than ${MAX_SEGMENTS} segments`);
      }
    } while (this.#take("/"));
  }

  #parseVariable(): void {
    const start = this.#segments.length;
    const fieldPath = this.#match(IDENTIFIER).split(".");
    if (this.#take("=")) this.#parseSegments(false);
    else this.#segments.push(ANY);
    if (!this.#take("}")) throw this.#unexpected();
    this.#variables.push({ fieldPath, start, count: this.#segments.length - start });
  }

  // A colon belongs to the literal, unless it begins the verb: then no slash follows it.
  #literal(): string {
    let literal = this.#match(LITERAL);
    while (this.#text[this.#at] === ":" && this.#text.indexOf("/", this.#at) >= 0) {
      this.#at++;
      literal += `:${this.#match(LITERAL)}`;
    }
    return `/${decodeSegment(literal)}`;
  }

  #take(token: string): boolean {
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) throw this.#unexpected();
    this.#at += found.length;
    return found;
  }

  #unexpected(): Error {
    const text = this.#text.slice(0, 200);
    return new Error(`path template ${JSON.stringify(text)} is invalid at character ${this.#at}`);
  }
}
