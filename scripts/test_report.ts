/**
 * The output of a test run made short, and what its report (JUnit's XML, as Deno writes it) says about skipped tests.
 *
 * @module
 */

import { stripVTControlCharacters } from "node:util";

/** Tests in a line. */
const WIDTH = 100;

/** Puts the marks of tests into long lines: into a pipe, Deno writes each in a line of its own. */
export class MarkLines {
  #marks = 0;

  /** Returns what to print for a line of the output. */
  line(text: string): string {
    const plain = stripVTControlCharacters(text);
    if (/^[.!,]$/.test(plain)) {
      this.#marks++;
      return this.#marks % WIDTH === 0 ? `${plain}\n` : plain;
    }
    const open = this.#marks % WIDTH !== 0;
    this.#marks = 0;
    // The empty line behind the marks would only end their line.
    return open && plain === "" ? "\n" : `${open ? "\n" : ""}${text}\n`;
  }
}

/** Why a test was not run, as tests say it in their names: `name (skipped: reason)`. */
const REASON = /\(skipped: ([^)]+)\)|^skipped: (.+)$/;

/** Names of the tests of a report that were skipped, those of steps with the names of their tests in front. */
export function skippedTests(report: string): string[] {
  const cases = report.matchAll(/<testcase name="([^"]*)"[^>]*>\s*<skipped/g);
  return Array.from(cases, ([, name]) => decoded(name));
}

/** Returns a line for each reason for which tests were skipped, the most frequent first; a test without one by its name. */
export function skipLines(names: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const name of names) {
    const step = name.slice(name.lastIndexOf(" > ") + 1).trim().replace(/^> /, "");
    const [, inName, whole] = REASON.exec(step) ?? [];
    const reason = inName ?? whole ?? name;
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a)
    .map(([reason, count]) => `${count} skipped: ${reason}`);
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  apos: "'",
  gt: ">",
  lt: "<",
  quot: '"',
};

function decoded(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (entity, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[name] ?? entity;
    return String.fromCodePoint(decimal === undefined ? parseInt(hex, 16) : Number(decimal));
  });
}
