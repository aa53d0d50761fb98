/**
 * Input and output of `vrpc repl`: a terminal with editing, completion and history, or lines of standard input.
 *
 * @module
 */

import process from "node:process";
import * as readline from "node:readline";
import type { Completions } from "./json_completion.ts";

/** Line of input, its end, or Ctrl-C: on an empty line, or on one that it dropped. */
export type Input = { readonly line: string } | "end" | "interrupt" | "dropped";

/** Where commands come from and results go. */
export interface Console {
  /** Whether it is a terminal, with prompts and hints. */
  readonly interactive: boolean;
  /** Reads a line. When `signal` fires first, resolves to `interrupt` and drops what was typed. */
  read(prompt: string, signal?: AbortSignal): Promise<Input>;
  /** Makes one entry of the history out of the lines that were read since the last one. */
  remember(entry: string): void;
  /** Prints results, above the prompt if there is one. */
  write(text: string | Uint8Array): Promise<void>;
  /** Prints errors. */
  note(text: string): Promise<void>;
  /** Prints sentences, on a terminal only. */
  hint(text: string): Promise<void>;
  close(): void;
}

/** What a terminal asks of the program. */
export interface TerminalHooks {
  /** Continues a line. */
  complete(line: string): Promise<Completions>;
  /** Ctrl-C while no line is read. */
  interrupt(): void;
  /** Commands of earlier runs, the newest first. */
  readonly history: readonly string[];
}

const HISTORY_SIZE = 1_000;

/** Terminal of the process. */
export class TerminalConsole implements Console {
  readonly interactive = true;
  readonly #hooks: TerminalHooks;
  #lines: readline.Interface;
  /** Entries, the newest first; the list that readline itself works on. */
  #history: string[];
  #added = 0;
  readonly #waiting: Input[] = [];
  #reader: ((input: Input) => void) | undefined;
  #closed = false;

  constructor(hooks: TerminalHooks) {
    this.#hooks = hooks;
    this.#history = [...hooks.history];
    this.#lines = this.#open();
  }

  read(prompt: string, signal?: AbortSignal): Promise<Input> {
    const next = this.#waiting.shift();
    if (next !== undefined) return Promise.resolve(next);
    if (signal?.aborted) return Promise.resolve("interrupt");
    const { promise, resolve } = Promise.withResolvers<Input>();
    const abandon = () => {
      this.#clearLine();
      process.stdout.write("\r\n");
      this.#take("interrupt");
    };
    signal?.addEventListener("abort", abandon, { once: true });
    this.#reader = (input) => {
      signal?.removeEventListener("abort", abandon);
      resolve(input);
    };
    this.#lines.setPrompt(prompt);
    this.#lines.prompt();
    return promise;
  }

  remember(entry: string): void {
    this.#history.splice(0, this.#added, entry);
    this.#added = 0;
  }

  write(text: string | Uint8Array): Promise<void> {
    const show = () => {
      process.stdout.write(text);
    };
    if (this.#reader === undefined) show();
    else this.#above(show);
    return Promise.resolve();
  }

  note(text: string): Promise<void> {
    return this.write(`${text}\n`);
  }

  hint(text: string): Promise<void> {
    return this.note(wrapped(text, process.stdout.columns));
  }

  close(): void {
    this.#closed = true;
    this.#lines.close();
  }

  /** Opens readline; Ctrl-D closes it, and a stream of requests that it ends may be followed by commands. */
  #open(): readline.Interface {
    const lines = readline.createInterface({
      input: process.stdin,
      output: process.stdout,
      terminal: true,
      history: [...this.#history],
      historySize: HISTORY_SIZE,
      removeHistoryDuplicates: true,
      completer: (line: string, done: (error: null, found: [string[], string]) => void) => {
        this.#hooks.complete(line).then(
          ({ words, typed }) => done(null, [[...words], typed]),
          () => done(null, [[], line]),
        );
      },
    });
    lines.on("history", (history) => {
      this.#history = history;
      this.#added++;
    });
    lines.on("line", (line) => this.#take({ line }));
    lines.on("SIGINT", () => this.#interrupted());
    lines.on("close", () => {
      if (this.#closed) return;
      process.stdout.write("\n");
      this.#lines = this.#open();
      this.#take("end");
    });
    return lines;
  }

  #take(input: Input): void {
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader === undefined) this.#waiting.push(input);
    else reader(input);
  }

  #interrupted(): void {
    const typed = this.#lines.line !== "";
    this.#clearLine();
    this.#waiting.length = 0;
    if (this.#reader === undefined || typed) process.stdout.write("^C\r\n");
    if (this.#reader === undefined) this.#hooks.interrupt();
    else this.#take(typed ? "dropped" : "interrupt");
  }

  #clearLine(): void {
    this.#lines.write(null, { ctrl: true, name: "e" });
    this.#lines.write(null, { ctrl: true, name: "u" });
  }

  /** Prints above the line that is being typed, and draws it again. */
  #above(show: () => void): void {
    const { rows } = this.#lines.getCursorPos();
    readline.moveCursor(process.stdout, 0, -rows);
    readline.cursorTo(process.stdout, 0);
    readline.clearScreenDown(process.stdout);
    show();
    // Readline goes up by the rows that it drew before, which have gone.
    (this.#lines as unknown as { prevRows: number }).prevRows = 0;
    this.#lines.prompt(true);
  }
}

/** Standard input and output that are no terminal: no prompts, errors to standard error. */
export class PipedConsole implements Console {
  readonly interactive = false;
  readonly #lines: AsyncIterator<string>;

  constructor(input: AsyncIterable<string>) {
    this.#lines = input[Symbol.asyncIterator]();
  }

  /** Reads a line, whether or not a signal fires: the lines of a call that has ended are no commands. */
  async read(): Promise<Input> {
    const { value, done } = await this.#lines.next();
    return done ? "end" : { line: value };
  }

  remember(): void {}

  async write(text: string | Uint8Array): Promise<void> {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
  }

  note(text: string): Promise<void> {
    console.error(text);
    return Promise.resolve();
  }

  hint(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
}

/** Breaks lines between their words so that they have at most `width` characters, with the same indentation. */
function wrapped(text: string, width = 80): string {
  return text.split("\n").map((line) => wrappedLine(line, width || 80)).join("\n");
}

function wrappedLine(text: string, width: number): string {
  const [indent] = /^ */.exec(text)!;
  const [first, ...words] = text.slice(indent.length).split(" ");
  const lines = [indent + first];
  for (const word of words) {
    const line = lines.at(-1)!;
    if (line.length + 1 + word.length > width) lines.push(indent + word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines.join("\n");
}
