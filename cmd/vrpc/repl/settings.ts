/**
 * Settings of `vrpc repl` that commands show and change.
 *
 * @module
 */

import { parseDurationMs } from "../../../src/load/mod.ts";
import { didYouMean } from "../../../src/rpc/dispatch/name_suggestion.ts";
import { listed, onOff, UsageError } from "../../shared/program.ts";
import { type Wire, WIRES } from "../../shared/wire.ts";

/** Values of the settings. */
export interface Settings {
  wire: Wire;
  httpVersion: "1.1" | "2";
  format: "text" | "json";
  /** Deadline of calls in ms; 0 for none; undefined for the default, which waits for a first reply only. */
  timeoutMs: number | undefined;
  compress: boolean;
  emitDefaults: boolean;
  verbose: boolean;
  /** Metadata, as `key:value`. */
  headers: string[];
}

/** A setting: what it takes, and how it is read and shown. */
interface Setting {
  /** Words to complete. */
  readonly words: readonly string[];
  readonly help: string;
  show(settings: Settings): string;
  /** Throws {@link UsageError}. */
  take(settings: Settings, text: string): void;
}

const SWITCH = ["on", "off"];
const FORMATS = ["text", "json"] as const;
const VERSIONS = ["1.1", "2"] as const;

const SETTINGS: Readonly<Record<string, Setting>> = {
  header: {
    words: [],
    help: "KEY: VALUE; metadata of all calls, several are possible",
    show: ({ headers }) => headers.join("\n") || "none",
    take: ({ headers }, text) => void headers.push(text),
  },
  timeout: {
    words: ["none"],
    help: "a duration such as 500ms or 2s, or none; deadline of calls",
    show: ({ timeoutMs }) =>
      timeoutMs === undefined ? "default" : timeoutMs === 0 ? "none" : `${timeoutMs} ms`,
    take: (settings, text) => void (settings.timeoutMs = durationMs(text)),
  },
  wire: {
    words: WIRES,
    help: listed(WIRES),
    show: ({ wire }) => wire,
    take: (settings, text) => void (settings.wire = oneOf(WIRES, "wire", text)),
  },
  "http-version": {
    words: VERSIONS,
    help: "1.1 or 2, for connect and grpc-web",
    show: ({ httpVersion }) => httpVersion,
    take: (settings, text) => void (settings.httpVersion = oneOf(VERSIONS, "http-version", text)),
  },
  format: {
    words: FORMATS,
    help: "text or json, for errors, lists and descriptions",
    show: ({ format }) => format,
    take: (settings, text) => void (settings.format = oneOf(FORMATS, "format", text)),
  },
  verbose: {
    words: SWITCH,
    help: "on or off; metadata, sizes and times of calls",
    show: ({ verbose }) => switchText(verbose),
    take: (settings, text) => void (settings.verbose = switched("verbose", text)),
  },
  "emit-defaults": {
    words: SWITCH,
    help: "on or off; print fields that have their default value",
    show: ({ emitDefaults }) => switchText(emitDefaults),
    take: (settings, text) => void (settings.emitDefaults = switched("emit-defaults", text)),
  },
  compress: {
    words: SWITCH,
    help: "on or off; compress requests with gzip",
    show: ({ compress }) => switchText(compress),
    take: (settings, text) => void (settings.compress = switched("compress", text)),
  },
};

/** Names of all settings. */
export const SETTING_NAMES: readonly string[] = Object.keys(SETTINGS);

/** Returns the words to complete as the value of a setting. */
export function settingWords(name: string): readonly string[] {
  return Object.hasOwn(SETTINGS, name) ? SETTINGS[name].words : [];
}

/** Runs `set`: shows all settings, shows one, or changes one. Returns the text to print. Throws {@link UsageError}. */
export function set(settings: Settings, words: string): string {
  const [, name, value] = /^(\S*)\s*([^]*)$/.exec(words)!;
  if (name === "") return SETTING_NAMES.map((one) => line(settings, one)).join("");
  const setting = settingOf(name);
  if (value === "") return `${line(settings, name)}${"".padEnd(WIDTH)}(${setting.help})\n`;
  setting.take(settings, value.trim());
  return "";
}

/** Runs `unset header [KEY]`: removes the entries of a key, or all. Returns how many. Throws {@link UsageError}. */
export function unset(settings: Settings, words: string): number {
  const [name, key, ...rest] = words.trim().split(/\s+/);
  if (name !== "header" || rest.length > 0) {
    throw new UsageError("unset removes metadata: unset header [KEY]");
  }
  const kept = key === undefined
    ? []
    : settings.headers.filter((entry) => keyOf(entry) !== key.replace(/:$/, "").toLowerCase());
  const removed = settings.headers.length - kept.length;
  if (removed === 0) throw new UsageError(`There is no header${key ? ` ${key}` : ""} to remove`);
  settings.headers = kept;
  return removed;
}

/** Returns the key of an entry, in lower case. */
export function keyOf(entry: string): string {
  return entry.slice(0, Math.max(0, entry.indexOf(":"))).trim().toLowerCase();
}

const WIDTH = 15;

function line(settings: Settings, name: string): string {
  const [first, ...more] = settingOf(name).show(settings).split("\n");
  return [name.padEnd(WIDTH) + first, ...more.map((each) => "".padEnd(WIDTH) + each)]
    .map((each) => `${each}\n`).join("");
}

function settingOf(name: string): Setting {
  if (Object.hasOwn(SETTINGS, name)) return SETTINGS[name];
  const hint = didYouMean(name, SETTING_NAMES) || `; use ${listed(SETTING_NAMES)}`;
  throw new UsageError(`There is no setting ${name}${hint}`);
}

function durationMs(text: string): number {
  if (text === "none" || text === "0") return 0;
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms > 0 && ms <= 86_400_000) return ms;
  throw new UsageError(`Cannot use timeout ${text}: it must be a duration up to 24h, or none`);
}

function oneOf<Word extends string>(words: readonly Word[], name: string, text: string): Word {
  const word = words.find((one) => one === text.toLowerCase());
  if (word === undefined) throw new UsageError(`${name} must be ${listed(words)}, not ${text}`);
  return word;
}

function switched(name: string, text: string): boolean {
  try {
    return onOff(text);
  } catch {
    throw new UsageError(`${name} must be on or off, not ${text}`);
  }
}

function switchText(value: boolean): string {
  return value ? "on" : "off";
}
