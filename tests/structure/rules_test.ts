import assert from "node:assert/strict";
import {
  fileCircles,
  forbiddenEdges,
  forbiddenWords,
  foreignSpecifiers,
  longFiles,
  longFunctions,
  missingGuides,
  missingMirrors,
  programImports,
  protectedMembers,
  roomCircles,
} from "./rules.ts";
import type { Tree } from "./source.ts";

const tree = (files: Record<string, string>): Tree => new Map(Object.entries(files));

Deno.test("edges: an import of a room that isn't allowed is named, types and re-exports included", () => {
  const allowed = { "src/low": [], "src/high": ["src/low"] };
  const of = (low: string) =>
    forbiddenEdges(tree({ "src/low/a.ts": low, "src/high/b.ts": "" }), allowed);
  const wrong = ["src/low/a.ts imports src/high/b.ts"];
  assert.deepEqual(of(`import { b } from "../high/b.ts"; b();`), wrong);
  assert.deepEqual(of(`import type { B } from "../high/b.ts"; let b: B;`), wrong);
  assert.deepEqual(of(`export * from "../high/b.ts";`), wrong);
  assert.deepEqual(of(`export { b } from "../high/b.ts";`), wrong);
  assert.deepEqual(of(`let b: import("../high/b.ts").B;`), wrong);
  assert.deepEqual(of(`await import("../high/b.ts");`), wrong);
  assert.deepEqual(of(`// import "../high/b.ts";\nimport "node:path";`), []);
});

Deno.test("edges: rooms may stand in rooms and be single files; a file in none is named", () => {
  const allowed = { "src/errors": [], "src/rpc/core": ["src/errors"], "src/rpc/pool": ["src/rpc"] };
  const files = {
    "src/errors.ts": "",
    "src/rpc/core/a.ts": `import "../../errors.ts";`,
    "src/rpc/pool/b.ts": `import "../core/a.ts";`,
  };
  assert.deepEqual(forbiddenEdges(tree(files), allowed), []);
  const upward = { ...files, "src/rpc/core/a.ts": `import "../pool/b.ts";` };
  assert.deepEqual(forbiddenEdges(tree(upward), allowed), [
    "src/rpc/core/a.ts imports src/rpc/pool/b.ts",
  ]);
  assert.match(
    forbiddenEdges(tree({ "src/new/a.ts": "" }), allowed)[0],
    /src\/new\/a\.ts is in no/,
  );
});

Deno.test("rooms: a table in which two rooms may import each other is refused", () => {
  const allowed = { "src/a": [], "src/rpc/core": ["src/a"], "src/b": ["src/rpc"] };
  assert.deepEqual(roomCircles(allowed), []);
  assert.deepEqual(roomCircles({ ...allowed, "src/a": ["src/b"] }), [
    "src/a → src/b → src/rpc/core → src/a",
  ]);
});

Deno.test("circles: the circle is printed, and a chain is none", () => {
  const files = {
    "src/a.ts": `import type { B } from "./b.ts"; export let b: B;`,
    "src/b.ts": `export * from "./c.ts"; import "./d.ts";`,
    "src/c.ts": `import { type B } from "./a.ts"; let b: B;`,
    "src/d.ts": "",
  };
  assert.deepEqual(fileCircles(tree(files)), ["src/a.ts → src/b.ts → src/c.ts → src/a.ts"]);
  assert.deepEqual(fileCircles(tree({ ...files, "src/c.ts": `import "./d.ts";` })), []);
});

Deno.test("circles: a file that imports itself, and two circles apart", () => {
  const files = {
    "src/a.ts": `import "./a.ts";`,
    "src/b.ts": `import "./c.ts"; import "./a.ts";`,
    "src/c.ts": `import "./b.ts";`,
  };
  assert.deepEqual(fileCircles(tree(files)), [
    "src/a.ts → src/a.ts",
    "src/b.ts → src/c.ts → src/b.ts",
  ]);
});

Deno.test("programs: only exports and named folders may be imported", () => {
  const files = { "cmd/a.ts": `import "../mod.ts"; import "./b.ts"; import "../src/x.ts";` };
  assert.deepEqual(programImports(tree(files), ["mod.ts", "cmd/"]), ["cmd/a.ts imports src/x.ts"]);
});

Deno.test("specifiers: packages come through the import map", () => {
  const files = { "src/a.ts": `import "npm:left-pad"; import "@bufbuild/protobuf";` };
  assert.deepEqual(foreignSpecifiers(tree(files)), ["src/a.ts imports npm:left-pad"]);
});

Deno.test("words: clocks, timers and promises are found in code and types, not in comments", () => {
  const words = ["Deno", "Promise", "setTimeout", "Math.random", "async", "await"];
  const of = (text: string) => forbiddenWords(tree({ "src/limits/a.ts": text }), words);
  assert.deepEqual(of("Deno.exit();"), ["src/limits/a.ts uses Deno"]);
  assert.deepEqual(of("let a: Promise<void>;"), ["src/limits/a.ts uses Promise"]);
  assert.deepEqual(of("globalThis.setTimeout(f);"), ["src/limits/a.ts uses setTimeout"]);
  assert.deepEqual(of("Math.random() + Math.max();"), ["src/limits/a.ts uses Math.random"]);
  assert.deepEqual(of("class A { async b() {} }"), ["src/limits/a.ts uses async"]);
  assert.deepEqual(of("await 1;"), ["src/limits/a.ts uses await"]);
  assert.deepEqual(of("// Promise\n/* await */ 'Deno'; `Math.random`;"), []);
});

Deno.test("sizes: a file of 400 lines and a function of 61 are named, one less is not", () => {
  const file = (lines: number) => longFiles(tree({ "src/a.ts": "x;\n".repeat(lines) }), 400);
  assert.deepEqual(file(399), []);
  assert.deepEqual(file(400), ["src/a.ts has 400 lines, limit is 399"]);
  const body = (lines: number) => `{\n${"x;\n".repeat(lines - 2)}}`;
  const of = (text: string) => longFunctions(tree({ "src/a.ts": text }), 60);
  assert.deepEqual(of(`function f() ${body(60)}`), []);
  assert.deepEqual(of(`function f() ${body(61)}`), ["src/a.ts:1 f has 61 lines, limit is 60"]);
  assert.deepEqual(of(`class A {\n#f() ${body(61)}\n}`), [
    "src/a.ts:2 #f has 61 lines, limit is 60",
  ]);
  assert.deepEqual(of(`const g = () => ${body(61)}`), ["src/a.ts:1 g has 61 lines, limit is 60"]);
  assert.deepEqual(of(`class A { constructor() ${body(61)} }`), [
    "src/a.ts:1 constructor has 61 lines, limit is 60",
  ]);
});

Deno.test("protected members are named, in all their forms", () => {
  const text = `abstract class A {
    protected a = 1;
    protected b() {}
    protected abstract c: number;
    protected abstract d(): void;
    protected get e() { return 1; }
    protected static f = 1;
    constructor(protected g: number) {}
    private h = 1;
  }`;
  const lines = protectedMembers(tree({ "src/a.ts": text })).map((line) => line.split(" ")[0]);
  assert.deepEqual(lines, [2, 3, 4, 5, 6, 7, 8].map((line) => `src/a.ts:${line}`));
});

Deno.test("guides: a folder without a README.md or with a long one is named", () => {
  const files = { "src/a/b/c.ts": "", "src/a/README.md": "x\n".repeat(25), "src/errors.ts": "" };
  assert.deepEqual(missingGuides(tree(files), 25), ["src/a/b has no README.md"]);
  const long = { ...files, "src/a/b/README.md": "x\n".repeat(26) };
  assert.deepEqual(missingGuides(tree(long), 25), ["src/a/b/README.md has 26 lines, limit is 25"]);
});

Deno.test("mirrors: a source without its test is named, unless listed with a reason", () => {
  const files = {
    "src/a/b.ts": "function b() {}",
    "src/a/c.ts": "export const c = () => 1;",
    "src/a/types.ts": "export interface A {}; export const N = 1;",
    "tests/a/b_test.ts": "",
  };
  assert.deepEqual(missingMirrors(tree(files), []), ["src/a/c.ts has no tests/a/c_test.ts"]);
  const held = { because: "part of b", heldBy: ["tests/a/b_test.ts"] };
  assert.deepEqual(missingMirrors(tree(files), [{ ...held, sources: ["src/a/c.ts"] }]), []);
  const stale = [{ ...held, heldBy: ["tests/a/x_test.ts"], sources: ["src/a/c.ts", "src/a/b.ts"] }];
  assert.deepEqual(missingMirrors(tree(files), stale), [
    "tests/a/x_test.ts (part of b) is missing",
    "src/a/b.ts is listed but has a mirror",
  ]);
  const gone = [{ ...held, sources: ["src/a/c.ts", "src/a/d.ts", "src/a/c.ts"] }];
  assert.deepEqual(missingMirrors(tree(files), gone), [
    "src/a/d.ts is listed but missing",
    "src/a/c.ts is listed twice",
  ]);
});
