/**
 * Progress of a run on standard error: a view on a terminal, one line elsewhere.
 *
 * @module
 */

import { type LiveState, liveView, progressLine } from "../../src/load/mod.ts";
import type { Flags } from "./options.ts";

/** Shows progress. */
export interface Progress {
  /** Shows a state in place of the one before. */
  show(state: LiveState): void;
  /** Removes what is shown. */
  clear(): void;
}

const encoder = new TextEncoder();
const write = (text: string) => void Deno.stderr.writeSync(encoder.encode(text));

/** Returns how progress is shown; undefined for not at all. */
export function progressOf({ progress }: Pick<Flags, "progress">): Progress | undefined {
  if (progress === "off") return undefined;
  if (Deno.stderr.isTerminal()) return new View();
  return progress === "on" ? LINE : undefined;
}

const LINE: Progress = {
  show: (state) => write(`\r\x1b[2K${state.label}: ${progressLine(state, state.live)}`),
  clear: () => write("\r\x1b[2K"),
};

class View implements Progress {
  /** Lengths of the lines that are shown. */
  #lengths: readonly number[] = [];

  show(state: LiveState): void {
    const { columns } = Deno.consoleSize();
    // A character in the last column would make some terminals go on to the next line.
    const lines = liveView(state, columns - 1);
    write(`${this.#start()}${lines.join("\r\n")}\r\n`);
    this.#lengths = lines.map((line) => [...line].length);
  }

  clear(): void {
    write(this.#start());
    this.#lengths = [];
  }

  /** Goes to the first line and clears what is below. */
  #start(): string {
    const { columns } = Deno.consoleSize();
    // In a terminal that has become narrower, lines have wrapped.
    const height = this.#lengths.reduce((sum, length) => sum + Math.ceil(length / columns), 0);
    return (height > 0 ? `\x1b[${height}A` : "") + "\r\x1b[0J";
  }
}
