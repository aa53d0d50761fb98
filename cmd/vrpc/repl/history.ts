/**
 * History of the commands of `vrpc repl`, in a file of the user's state folder.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { environment } from "../../shared/variables.ts";

/** Most commands that are kept. */
export const MAX_ENTRIES = 1_000;
/** Size of the file at which it is cut to the newest commands, in bytes. */
const MAX_BYTES = 262_144;
/** Longest command that is kept, in characters. */
const MAX_LENGTH = 8_192;

/** Returns the path of the file: in `XDG_STATE_HOME`, `~/.local/state` or on Windows `LOCALAPPDATA`. */
export function historyPath(): string | undefined {
  const home = environment("HOME");
  const folder = Deno.build.os === "windows"
    ? environment("LOCALAPPDATA")
    : environment("XDG_STATE_HOME") ?? (home && join(home, ".local", "state"));
  return folder && join(folder, "vrpc", "history");
}

/** Commands of earlier runs, and of this one. The file has one on each line and is readable by its user alone. */
export class History {
  /** Commands of earlier runs, the newest first. */
  readonly entries: readonly string[];
  readonly #path: string | undefined;

  /** Reads the file; without a path nothing is kept. Throws when it cannot be read. */
  constructor(path: string | undefined) {
    this.#path = path;
    this.entries = path === undefined ? [] : newest(read(path)).toReversed();
  }

  /** Appends a command, which is one line. Throws when the file cannot be written. */
  add(command: string): void {
    if (this.#path === undefined || command.length > MAX_LENGTH || isPrivate(command)) return;
    Deno.mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    const options = { append: true, create: true, mode: 0o600 };
    Deno.writeTextFileSync(this.#path, `${command}\n`, options);
    if (Deno.statSync(this.#path).size > MAX_BYTES) this.#cut(this.#path);
  }

  #cut(path: string): void {
    let kept = newest(read(path));
    while (sizeOf(kept) > MAX_BYTES / 2) kept = kept.slice(Math.ceil(kept.length / 4));
    const temporary = `${path}.${Deno.pid}`;
    Deno.writeTextFileSync(temporary, kept.map((line) => `${line}\n`).join(""), { mode: 0o600 });
    Deno.renameSync(temporary, path);
  }
}

/** Whether a command stays out of the file: it begins with a space, or sets a header, which may be a secret. */
function isPrivate(command: string): boolean {
  return /^\s|^set\s+header\b/.test(command);
}

function newest(lines: readonly string[]): string[] {
  return lines.slice(-MAX_ENTRIES);
}

function sizeOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + line.length + 1, 0);
}

function read(path: string): string[] {
  try {
    const text = Deno.readTextFileSync(path);
    // A file that was made by other means may be readable by others.
    if (Deno.build.os !== "windows" && (Deno.statSync(path).mode! & 0o077) !== 0) {
      Deno.chmodSync(path, 0o600);
    }
    return text.split("\n").filter((line) => line !== "");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
