/**
 * Writes docs/options.md, the page with every option of `serve` and `connect`: names, types and sentences come from the
 * interfaces, ranges and defaults from the tables that the code uses.
 *
 *     deno task options            write docs/options.md
 *     deno task options --check    exit 1 when the page or a docstring differs from the code
 *
 * @module
 */

import {
  CHANNEL_LIMIT_RANGES,
  CONNECTION_LIMIT_RANGES,
  SERVER_LIMIT_RANGES,
} from "../src/limits/connection_limits.ts";
import { DEFAULT_BUFFERED_BYTES } from "../src/limits/memory_pool.ts";
import { MAX_COUNT, type Range } from "../src/limits/ranges.ts";
import { HTTP1_DEFAULTS, HTTP1_RANGES } from "../src/http1/options.ts";
import { CHANNEL_DEFAULTS, CHANNEL_RANGES } from "../src/rpc/channel/options.ts";
import {
  FETCH_DEFAULTS,
  FETCH_LIMIT_DEFAULTS,
  FETCH_LIMIT_RANGES,
  FETCH_RANGES,
  FETCH_WEB_DEFAULTS,
  FETCH_WEB_RANGES,
} from "../src/rpc/fetch/options.ts";
import { HTTP_TOTAL_RANGES, HTTP_TOTALS } from "../src/rpc/http/options.ts";
import { SERVE_DEFAULTS, SERVE_RANGES, SERVER_LIMIT_DEFAULTS } from "../src/rpc/server/options.ts";
import { WEB_DEFAULTS, WEB_RANGES } from "../src/rpc/server/web_options.ts";
import { type Documented, documentedOptions } from "./options_docs.ts";

const PAGE = new URL("../docs/options.md", import.meta.url);

/** A table of the page. */
export interface Section {
  readonly title: string;
  readonly text: string;
  /** Options in the order of the interface. */
  readonly options: readonly Documented[];
  readonly ranges: Readonly<Record<string, Range>>;
  /** Defaults in the code; undefined where docstrings alone state them. */
  readonly defaults: Readonly<Record<string, unknown>> | undefined;
}

/** Reads the interfaces and the tables. */
export async function sections(): Promise<Section[]> {
  const docs = await documentedOptions();
  const shared = Object.keys(CONNECTION_LIMIT_RANGES);
  const limits = Object.entries(SERVER_LIMIT_DEFAULTS);
  const words = (title: string, text: string, type: string): Section => ({
    title,
    text,
    options: docs(type),
    ranges: {},
    defaults: undefined,
  });
  return [
    {
      title: "Options of serve",
      text: "`serve(addresses, configure, options)`, type `ServeOptions`.",
      options: docs("ServeOptions"),
      ranges: SERVE_RANGES,
      defaults: SERVE_DEFAULTS,
    },
    {
      title: "Options of connect",
      text: "`connect(target, options)`, type `ChannelOptions`.",
      options: docs("ChannelOptions"),
      ranges: CHANNEL_RANGES,
      defaults: CHANNEL_DEFAULTS,
    },
    {
      title: "limits of serve and connect",
      text: "Limits of each connection, type `ConnectionLimits`.",
      options: docs("ConnectionLimits"),
      ranges: CONNECTION_LIMIT_RANGES,
      defaults: Object.fromEntries(limits.filter(([name]) => shared.includes(name))),
    },
    {
      title: "limits of connect alone",
      text: "Type `ChannelLimits`, which has those above as well.",
      options: docs("ChannelLimits"),
      ranges: CHANNEL_LIMIT_RANGES,
      defaults: { maxBufferedBytes: DEFAULT_BUFFERED_BYTES },
    },
    {
      title: "limits of serve alone",
      text: "Type `ServerLimits`, which has those above as well.",
      options: docs("ServerLimits"),
      ranges: SERVER_LIMIT_RANGES,
      defaults: Object.fromEntries(limits.filter(([name]) => !shared.includes(name))),
    },
    {
      title: "web of serve",
      text: "gRPC-Web and Connect, type `WebOptions`; true for the defaults.",
      options: docs("WebOptions"),
      ranges: WEB_RANGES,
      defaults: WEB_DEFAULTS,
    },
    words("web.cors of serve", "Type `CorsOptions`.", "CorsOptions"),
    {
      title: "Options of fetchHandler",
      text: "`fetchHandler(configure, options)` of `@vrpc/vrpc/fetch`, type `FetchHandlerOptions`.",
      options: docs("FetchHandlerOptions"),
      ranges: FETCH_RANGES,
      defaults: FETCH_DEFAULTS,
    },
    {
      title: "web of fetchHandler",
      text: "Type `FetchWebOptions`; `web.cors` is that of serve.",
      options: docs("FetchWebOptions"),
      ranges: FETCH_WEB_RANGES,
      defaults: FETCH_WEB_DEFAULTS,
    },
    {
      title: "limits of fetchHandler",
      text: "Type `FetchLimits`.",
      options: docs("FetchLimits"),
      ranges: FETCH_LIMIT_RANGES,
      defaults: FETCH_LIMIT_DEFAULTS,
    },
    {
      title: "limits of serveHttp",
      text:
        "`serveHttp(address, handler, { limits })`: limits of each connection, type `Http1Limits`.",
      options: docs("Http1Limits"),
      ranges: HTTP1_RANGES,
      defaults: HTTP1_DEFAULTS,
    },
    {
      title: "limits of serveHttp for all connections",
      text: "Type `HttpLimits`, which has those above as well.",
      options: docs("HttpLimits"),
      ranges: HTTP_TOTAL_RANGES,
      defaults: HTTP_TOTALS,
    },
    words(
      "tls of serve",
      "Type `TlsServerOptions`. Certificates and keys are PEM text, not paths.",
      "TlsServerOptions",
    ),
    words("tls of connect", "Type `TlsClientOptions`.", "TlsClientOptions"),
    words(
      "watchTls for tls of serve and of connect",
      "Type `TlsFiles`. The options are paths of files, unless they say otherwise.",
      "TlsFiles",
    ),
    words("healthCheck of connect", "Type `HealthCheckOptions`.", "HealthCheckOptions"),
    words(
      "poolSize of connect",
      "Type `PoolSize`: a number of connections, or an object.",
      "PoolSize",
    ),
    words("batch of connect", "Type `BatchOptions`; true for the defaults.", "BatchOptions"),
  ];
}

/** Formats a number as docstrings have it: `2³¹−1`, `64 KiB` for sizes, `30,000` otherwise. */
function formatNumber(value: number, name: string): string {
  if (value === MAX_COUNT) return "2³¹−1";
  if (value === Infinity) return "Infinity";
  if (name.endsWith("Bytes") && value > 0) {
    for (const [unit, bytes] of [["MiB", 1_048_576], ["KiB", 1_024]] as const) {
      if (value % bytes === 0) return `${value / bytes} ${unit}`;
    }
  }
  return value.toLocaleString("en-US");
}

function formatRange({ least, most }: Range, name: string): string {
  const from = formatNumber(least, name);
  return most === Infinity ? `${from} or more` : `${from} to ${formatNumber(most, name)}`;
}

function formatDefault(value: unknown, name: string): string {
  if (typeof value === "number") return formatNumber(value, name);
  return typeof value === "string" ? `\`${JSON.stringify(value)}\`` : String(value);
}

/** Range, default and sentence of an option. Throws when its docstring contradicts the code. */
export function cells(
  { name, doc }: Pick<Documented, "name" | "doc">,
  { ranges, defaults }: Pick<Section, "ranges" | "defaults">,
): { range: string; value: string; sentence: string } {
  if (defaults === undefined) return { range: "", value: "", sentence: doc };
  const [, before, stated] = doc.match(/^(.*) Default (.*)\.$/) ??
    fail(`${name} does not end with "Default …."`);
  const range = ranges[name] === undefined ? "" : formatRange(ranges[name], name);
  if (range !== "" && !before.endsWith(` ${range}.`)) fail(`${name} must state "${range}."`);
  const sentence = range === "" ? before : before.slice(0, -range.length - 2);
  const value = defaults[name];
  // Words state what a value can't: none, all, a long text.
  if (value === undefined || typeof value === "object" || name === "infoText") {
    return { range, value: stated, sentence };
  }
  const expected = formatDefault(value, name);
  if (!stated.startsWith(expected)) fail(`${name} must state "Default ${expected}"`);
  return /^(?: \([^)]*\))?$/.test(stated.slice(expected.length))
    ? { range, value: stated, sentence }
    : { range, value: expected, sentence: `${sentence} Default ${stated}.` };
}

function fail(message: string): never {
  throw new Error(`Docstring and code differ: ${message}`);
}

function table(section: Section): string {
  const complete = section.defaults !== undefined;
  if (complete) checkNames(section);
  const rows = section.options.map((option) => {
    const { range, value, sentence } = cells(option, section);
    const columns = complete ? [range, value] : [];
    return [`\`${option.name}\``, `\`${option.type}\``, ...columns, sentence]
      .map((cell) => cell.replaceAll("|", "\\|"));
  });
  const head = ["option", "type", ...complete ? ["range", "default"] : [], ""];
  const line = (row: readonly string[]) => `| ${row.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function checkNames({ title, options, defaults = {} }: Section): void {
  const documented = options.map(({ name }) => name).sort().join();
  const existing = Object.keys(defaults).sort().join();
  if (documented !== existing) fail(`${title} are ${documented}, and in the code ${existing}`);
}

const EXAMPLE = `\`\`\`ts
import { serve } from "@vrpc/vrpc";

await using server = await serve("127.0.0.1:0", (router) => {
  router.method("/echo", {}, (request) => request);
}, { limits: { maxConcurrentStreams: 100 } });
\`\`\``;

/** The page's text. Throws when a docstring contradicts the code. */
export async function optionsPage(): Promise<string> {
  const parts = [
    "<!-- Written by scripts/options_page.ts from the interfaces and tables in src/; do not edit. -->",
    "# Options of serve, connect and serveHttp",
    "Every option has a default. Times are in milliseconds, `Infinity` for never; sizes are in bytes. A number out of " +
    "its range is a `RangeError`, an unknown name a `TypeError` that suggests the nearest name. Limits against " +
    "overload and abuse have the same names for both wires and are given as `limits`:",
    EXAMPLE,
  ];
  for (const section of await sections()) {
    parts.push(`## ${section.title}`, section.text, table(section));
  }
  return parts.join("\n\n") + "\n";
}

if (import.meta.main) {
  try {
    const page = await optionsPage();
    if (!Deno.args.includes("--check")) {
      await Deno.writeTextFile(PAGE, page);
    } else if (await Deno.readTextFile(PAGE) !== page) {
      throw new Error("Stale: docs/options.md. Run: deno task options");
    }
    console.log("docs/options.md is up to date");
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}
