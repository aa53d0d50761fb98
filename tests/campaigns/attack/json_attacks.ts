/**
 * Bodies of 4 MiB for the host, and what a small request beside them waits. A body is contained when the p99 beside it
 * is at most three times that beside bodies of as many bytes with short numbers.
 *
 * @module
 */

import { Processes } from "../../fixtures/processes.ts";
import { sleep } from "../../fixtures/waiting.ts";

const BODY_BYTES = 4_190_000;
const REQUESTS_PER_SECOND = 50;
const MAX_P99_FACTOR = 3;
/** Bodies at a time. */
const SENDERS = 2;

/** `part` as often as fits into an array. */
function arrayOf(part: string): string {
  return `{"xid":[${part.repeat(Math.floor(BODY_BYTES / part.length) - 2)}1]}`;
}

/** An object with as many members of different names as fit. */
function membersOf(value: string): string {
  const count = Math.floor(BODY_BYTES / (value.length + 11));
  return `{${Array.from({ length: count }, (_, i) => `"k${i}":${value}`).join()}}`;
}

const LEGITIMATE = arrayOf("1,");

/** Bodies that are wrong for the method, which is found out after they are parsed. */
export const JSON_ATTACKS: Readonly<Record<string, () => string>> = {
  "JSON: one long number after many short ones": () =>
    LEGITIMATE.replace(/1\]\}$/, "1234567890123456]}"),
  "JSON: long numbers": () => arrayOf("1234567890123456,"),
  "JSON: large exponents": () => arrayOf("1e19,"),
  "JSON: strings and backslashes": () => arrayOf('"\\\\\\"1e19",'),
  "JSON: damaged at the end": () => `${arrayOf("1234567890123456,")}x`,
  "JSON: nested lists": () => "[".repeat(BODY_BYTES),
  "JSON: empty objects": () => arrayOf("{},"),
  "JSON: keys": () => membersOf("1"),
  "JSON: keys of long numbers": () => membersOf("1234567890123456"),
};

/** Result of one body. */
export interface JsonResult {
  readonly name: string;
  readonly bodiesPerSecond: number;
  readonly p99Ms: number;
  readonly legitimateMs: number;
  readonly problems: readonly string[];
}

/** Runs the attacks whose names `wanted` accepts, each for `seconds`. */
export async function runJsonAttacks(
  seconds: number,
  wanted: (name: string) => boolean,
  take: (result: JsonResult) => void,
): Promise<void> {
  const names = Object.keys(JSON_ATTACKS).filter(wanted);
  if (names.length === 0) return;
  await using processes = new Processes();
  const enclave = processes.program("enclave", ["--addr", "127.0.0.1:0", "--log-level", "error"]);
  const host = processes.program("host", [
    ...["--addr", "127.0.0.1:0", "--log-level", "error", "--enclave", await enclave.address()],
  ]);
  const url = await host.address();
  await besides(url, LEGITIMATE, Math.min(2, seconds));
  const legitimate = await besides(url, LEGITIMATE, seconds);
  for (const name of names) {
    const { p99Ms, bodiesPerSecond, errors } = await besides(url, JSON_ATTACKS[name](), seconds);
    const problems = [...errors];
    if (host.ended) problems.push("the host ended");
    if (p99Ms > MAX_P99_FACTOR * legitimate.p99Ms) problems.push("p99 above its limit");
    take({ name, bodiesPerSecond, p99Ms, legitimateMs: legitimate.p99Ms, problems });
  }
}

async function post(url: string, body: string): Promise<number> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${url}/echo`, { method: "POST", headers, body });
  await response.body?.cancel();
  return response.status;
}

/** Sends bodies one after the other, and small requests beside them. */
async function besides(url: string, body: string, seconds: number) {
  const endMs = performance.now() + seconds * 1_000;
  const latenciesMs: number[] = [];
  const errors = new Set<string>();
  let bodies = 0;
  const send = async () => {
    for (; performance.now() < endMs; bodies++) {
      const status = await post(url, body);
      if (status !== 400 && status !== 413) errors.add(`a body got ${status}`);
    }
  };
  const ask = async () => {
    const small: Promise<void>[] = [];
    for (let dueMs = performance.now(); dueMs < endMs; dueMs += 1_000 / REQUESTS_PER_SECOND) {
      await sleep(Math.max(0, dueMs - performance.now()));
      small.push((async () => {
        if (await post(url, '{"xid":"a"}') !== 200) errors.add("a small request failed");
        latenciesMs.push(performance.now() - dueMs);
      })());
    }
    await Promise.all(small);
  };
  await Promise.all([ask(), ...Array.from({ length: SENDERS }, send)]);
  latenciesMs.sort((a, b) => a - b);
  const p99Ms = latenciesMs[Math.ceil(latenciesMs.length * 0.99) - 1];
  return { p99Ms, bodiesPerSecond: bodies / seconds, errors };
}
