import assert from "node:assert/strict";
import {
  printable,
  printableError,
  printableJson,
  printableLines,
  printableThrown,
} from "../../src/call/printable.ts";
import { RpcError, Status } from "../../mod.ts";

Deno.test("printable() escapes controls, line breaks and what changes the direction of text", () => {
  assert.equal(printable("a\n\x1b]0;b\x9b\u2028é"), "a\\u000a\\u001b]0;b\\u009b\\u2028é");
  const all = [
    ...["\x00", "\x07", "\t", "\r", "\x7f", "\x80", "\x85", "\x9f", "\u061c", "\u200e", "\u200f"],
    ...["\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069"],
    ...["\u200b", "\u2060", "\ufeff"],
  ];
  for (const char of all) {
    const escaped = `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
    assert.equal(printable(`a${char}b`), `a${escaped}b`);
  }
  // Joiners belong to emoji and to scripts.
  for (const text of ["Grüße, 世界", "👩‍👩‍👧", "שלום", "می‌خواهم", "a\\b"]) {
    assert.equal(printable(text), text);
  }
});

Deno.test("printableLines() leaves tabs and line feeds", () => {
  assert.equal(printableLines("a\tb\nc\r\x1b"), "a\tb\nc\\u000d\\u001b");
});

Deno.test("printableJson() gives the same value in printable characters", () => {
  const value = { "k\u202e": ["\x1b]0;x\x07", "\x9b", "é\n"] };
  const text = printableJson(value);
  assert.match(text, /^[ -~é]+$/);
  assert.deepEqual(JSON.parse(text), value);
});

Deno.test("printableError() shows message, stack and causes, and no line of the message's own", () => {
  const cause = new Error("why\n    at forged (file:///x.ts:1:1)\x1b[2J");
  const error = new RpcError(Status.NOT_FOUND, "what\nvrpc: forged", { cause });
  const lines = printableError(error).split("\n");
  assert.equal(lines[0], "RpcError NOT_FOUND: what\\u000avrpc: forged");
  const second = lines.findIndex((line) => line.startsWith("Caused by: "));
  assert.equal(
    lines[second],
    "Caused by: Error: why\\u000a    at forged (file:///x.ts:1:1)\\u001b[2J",
  );
  const others = lines.filter((_, i) => i !== 0 && i !== second);
  assert.ok(others.length >= 2);
  for (const line of others) assert.match(line, /^ {4}at (?!forged)/);
});

Deno.test("printableError() takes anything", () => {
  assert.equal(printableError("a\nb"), "a\\u000ab");
  assert.equal(printableError(undefined), "undefined");
  assert.equal(printableError(Object.create(null)), "a value without a text");
  const circular = new Error("round");
  circular.cause = circular;
  assert.equal(printableError(circular).match(/Error: round/g)!.length, 4);
});

Deno.test("printableThrown() leaves an error as it is unless its text forges lines", () => {
  const plain = new Error("why", { cause: new Error("because") });
  assert.equal(printableThrown(plain), plain);
  assert.equal(printableThrown(7), 7);
  assert.equal(printableThrown("a\x1b"), "a\\u001b");
  for (const text of ["a\nb", "a\x9b", "a\u202e"]) {
    assert.match(printableThrown(new Error(text)) as string, /^Error: a\\u/);
    const caused = new Error("why", { cause: new Error(text) });
    assert.match(printableThrown(caused) as string, /^Error: why\n[^]*Caused by: Error: a\\u/);
  }
});

Deno.test("printableError() and printableThrown() never throw", () => {
  const trap = new Proxy(new Error("hidden"), {
    get() {
      throw new Error("a trap");
    },
    getPrototypeOf() {
      throw new Error("a trap");
    },
  });
  const odd = Object.defineProperty(new Error(), "message", { value: Symbol("no text") });
  const steep = Object.defineProperty(new Error("a\nb"), "stack", { value: 7 });
  for (const thrown of [trap, odd, steep, { toString: () => ({}) }]) {
    assert.equal(typeof printableError(thrown), "string");
    printableThrown(thrown);
  }
  assert.equal(printableThrown(trap), "a value without a text");
});
