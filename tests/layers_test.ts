/**
 * The shape of the tree: which room may import which, no circles, sizes, guides, pure engines.
 * The rules themselves are in `tests/structure/rules.ts`; its test shows that each finds what breaks it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileCircles, forbiddenEdges, forbiddenWords } from "./structure/rules.ts";
import { foreignSpecifiers, longFiles, longFunctions, missingGuides } from "./structure/rules.ts";
import { programImports, protectedMembers, roomCircles } from "./structure/rules.ts";
import { readTree, type Tree } from "./structure/source.ts";

const ROOT = join(import.meta.dirname!, "..");
const sources = await readTree(ROOT, ["src"]);
const programs = await readTree(ROOT, ["cmd"]);

/** What every room above the engines' helpers may use. */
const BOTTOM = ["bytes", "call", "errors"];
const RPC_BOTTOM = [...BOTTOM, "limits", "codec", "rpc/core"];
const WIRES = ["grpc", "lean", "http2"];
/** What services and programs' libraries stand on. */
const LIBRARY_BOTTOM = [...BOTTOM, "codec", "limits", "transport", "rpc"];

/**
 * The rooms (folders of `src/`) that each room may import from, beside itself. A folder that is not
 * listed belongs to the room around it; a room stands for those in it too.
 */
const ROOMS: Record<string, readonly string[]> = {
  bytes: [],
  call: ["bytes"],
  errors: ["call"],
  limits: BOTTOM,
  event_loop: [],
  protobuf: ["bytes"],
  codec: [...BOTTOM, "protobuf"],
  transport: [...BOTTOM, "event_loop"],
  hpack: BOTTOM,
  http2: [...BOTTOM, "limits", "hpack"],
  grpc: [...BOTTOM, "codec", "limits", "hpack", "http2"],
  lean: [...BOTTOM, "limits", "codec"],
  "rpc/core": [...BOTTOM, "limits", "codec", "transport", "event_loop"],
  "rpc/dispatch": RPC_BOTTOM,
  "rpc/pool": [...RPC_BOTTOM, "transport"],
  "rpc/client": [...RPC_BOTTOM, "rpc/pool"],
  "rpc/batch": [...RPC_BOTTOM, "rpc/dispatch", "rpc/client", "rpc/pool", "proto"],
  "rpc/channel": [
    ...RPC_BOTTOM,
    ...["transport", ...WIRES],
    ...["rpc/client", "rpc/pool", "rpc/batch"],
  ],
  "rpc/server": [...RPC_BOTTOM, "transport", "event_loop", ...WIRES, "rpc/dispatch"],
  "rpc/workers": [...RPC_BOTTOM, "rpc/dispatch", "rpc/server"],
  "rpc/byte_stream": [...RPC_BOTTOM, "rpc/dispatch", "rpc/client", "rpc/channel"],
  services: [...LIBRARY_BOTTOM, "event_loop", "proto"],
  telemetry: [...BOTTOM, "rpc"],
  gateway: [...LIBRARY_BOTTOM, "services", "proto"],
  load: ["load/generate", "load/measure", "load/report"],
  "load/measure": ["errors"],
  "load/generate": [...BOTTOM, "rpc", "services", "load/measure"],
  "load/report": ["rpc/dispatch", "load/measure"],
};

const below = (room: string) => room === "proto" ? "proto/gen" : `src/${room}`;
const ALLOWED = Object.fromEntries(
  Object.entries(ROOMS).map(([room, allowed]) => [below(room), allowed.map(below)]),
);

/** Engines: bytes and the time go in, bytes come out. */
const ENGINES = ["bytes", "limits", "hpack", "http2", "grpc", "lean"];
const IMPURE = [
  ...["Deno", "Promise", "async", "await", "queueMicrotask"],
  ...["setTimeout", "setInterval", "setImmediate", "Date", "performance"],
  ...["Math.random", "getRandomValues", "randomUUID"],
];

const SOCKETS = ["listen", "connect", "listenTls", "connectTls", "startTls", "listenDatagram"];

/** Files that hold a table and nothing else. */
const TABLES = ["src/hpack/huffman_table.ts"];

/** The part of a tree whose paths `keep` accepts. */
const select = (tree: Tree, keep: (path: string) => boolean): Tree =>
  new Map([...tree].filter(([path]) => keep(path)));

Deno.test("imports in src/ point down only", () => {
  assert.deepEqual(forbiddenEdges(sources, ALLOWED), []);
});

Deno.test("the rooms that may import each other form no circle", () => {
  assert.deepEqual(roomCircles(ALLOWED), []);
});

Deno.test("no circle of files, imports of types included", () => {
  assert.deepEqual(open(fileCircles(new Map([...sources, ...programs]))), []);
});

Deno.test("programs import only what deno.json exports, and the libraries made for them", async () => {
  const config = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const exported = Object.values<string>(config.exports).map((path) => join(".", path));
  const libraries = ["src/load/", "src/gateway/", "src/rpc/dispatch/name_suggestion.ts"];
  assert.deepEqual(
    programImports(programs, ["cmd/", "proto/gen/", "deno.json", ...exported, ...libraries]),
    [],
  );
});

Deno.test("packages come from npm, through the imports of deno.json", async () => {
  const config = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  for (const [name, target] of Object.entries<string>(config.imports)) {
    assert.match(target, /^npm:/, name);
  }
  assert.deepEqual(foreignSpecifiers(new Map([...sources, ...programs])), []);
});

for (const engine of ENGINES) {
  Deno.test(`src/${engine} is pure: no I/O, promise, timer, clock or randomness`, () => {
    const files = select(sources, (path) => path.startsWith(`src/${engine}/`));
    assert.ok(files.size > 0);
    assert.deepEqual(forbiddenWords(files, IMPURE), []);
  });
}

Deno.test("only src/transport names Deno's sockets", () => {
  const files = select(sources, (path) => !path.startsWith("src/transport/"));
  assert.deepEqual(forbiddenWords(files, SOCKETS.map((name) => `Deno.${name}`)), []);
});

Deno.test("files of src/ stay under 400 lines", () => {
  assert.deepEqual(open(longFiles(select(sources, (path) => !TABLES.includes(path)), 400)), []);
});

Deno.test("functions have at most 60 lines", () => {
  assert.deepEqual(open(longFunctions(new Map([...sources, ...programs]), 60)), []);
});

Deno.test("no member is protected", () => {
  assert.deepEqual(open(protectedMembers(sources)), []);
});

Deno.test("every folder of src/ has a README.md of at most 25 lines", () => {
  // It is the specification of the wire, with the guide at its top.
  const guides = select(sources, (path) => path !== "src/lean/README.md");
  const wrong = missingGuides(guides, 25).filter((line) => line !== "src/lean has no README.md");
  assert.ok(sources.has("src/lean/README.md"));
  assert.deepEqual(OPEN_GUIDES ? [] : wrong, []);
});

/** Where findings are still to be put right, by the beginning of the path that a finding starts with. */
const OPEN: readonly string[] = [];
const OPEN_GUIDES = true;

function open(findings: string[]): string[] {
  return findings.filter((line) => !OPEN.some((path) => line.startsWith(path)));
}
