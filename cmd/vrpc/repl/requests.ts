/**
 * Requests of a call of `vrpc repl`: what follows the method on the command line and in further lines, or lines that are
 * sent as they are typed.
 *
 * @module
 */

import { JsonValues } from "../json_values.ts";
import { argumentSource, type RequestSource } from "../text.ts";
import type { Console } from "./console.ts";

const encoder = new TextEncoder();

/** Reads one more line of a command; undefined at the end of the input. */
export type ReadMore = (before: string) => Promise<string | undefined>;

/** Reads JSON on until every bracket in it is closed. Returns the whole text. */
export async function completed(text: string, more: ReadMore): Promise<string> {
  const values = new JsonValues();
  values.push(text);
  let all = text;
  while (values.open) {
    const line = await more(all);
    if (line === undefined) break;
    all += `\n${line}`;
    values.push(`\n${line}`);
  }
  return all;
}

/** Returns the requests in a text: one JSON value, several, or the bytes of one message. */
export function writtenRequests(text: string): RequestSource {
  if (text.startsWith("@")) return argumentSource(text);
  return {
    one: () => Promise.resolve(encoder.encode(text)),
    async *many(asJson) {
      if (!asJson) return yield encoder.encode(text);
      const values = new JsonValues();
      for (const value of values.push(text)) yield encoder.encode(value);
      const last = values.end();
      if (last !== undefined) yield encoder.encode(last);
    },
  };
}

/** Where lines of a stream of requests come from, and what Ctrl-C does. */
export interface TypedInput {
  readonly console: Console;
  /** Fires when the call has ended. */
  readonly ended: AbortSignal;
  /** Tells what has been typed of the next message, for its completion. */
  typing(before: string): void;
  interrupt(): void;
}

/** Requests that are sent as they are typed, to an empty line or the end of the input. */
export class TypedRequests implements RequestSource {
  readonly #input: TypedInput;
  #ended = false;

  constructor(input: TypedInput) {
    this.#input = input;
  }

  one(): Promise<Uint8Array> {
    return Promise.reject(new Error("A call with one request does not read lines"));
  }

  async *many(asJson: boolean): AsyncGenerator<Uint8Array> {
    const values = new JsonValues();
    let pending = "";
    for (;;) {
      this.#input.typing(pending);
      const line = await this.#line(asJson && values.open ? "... " : "> ");
      if (line === undefined || (line === "" && !values.open)) break;
      if (!asJson) {
        yield encoder.encode(line);
        continue;
      }
      for (const value of values.push(`${line}\n`)) yield encoder.encode(value);
      pending = values.open ? `${pending}${line}\n` : "";
    }
    this.#ended = true;
    const last = values.end();
    if (last !== undefined) yield encoder.encode(last);
  }

  /** Skips what is left of the requests of a call that has ended, so that it is not read as commands. */
  async drain(): Promise<void> {
    if (this.#input.console.interactive) return;
    while (!this.#ended) {
      const line = await this.#line("");
      if (line === undefined || line === "") break;
    }
  }

  async #line(prompt: string): Promise<string | undefined> {
    const { console, ended, interrupt } = this.#input;
    const input = await console.read(prompt, ended);
    if (typeof input === "object") return input.line;
    this.#ended = true;
    if (input !== "end" && !ended.aborted) interrupt();
    return undefined;
  }
}
