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
const others = await readTree(ROOT, ["bench", "examples", "scripts", "tests"]);

/** What every room may use but the three themselves. */
const BOTTOM = ["bytes", "call", "errors"];
/** What the rooms of calls stand on. */
const RPC_BOTTOM = [...BOTTOM, "limits", "codec", "rpc/core"];

/**
 * The rooms (folders of `src/`) that each room may import from, beside itself, from the bottom up. A
 * folder that is not listed belongs to the room around it; `rpc` stands for all of its rooms.
 */
const ROOMS: Record<string, readonly string[]> = {
  bytes: [],
  call: ["bytes"],
  errors: ["call"],
  limits: BOTTOM,
  runtime: ["bytes"],
  event_loop: ["runtime"],
  attestation: [...BOTTOM, "limits", "runtime", "event_loop"],
  protobuf: ["bytes", "limits"],
  codec: [...BOTTOM, "limits", "protobuf"],
  transport: [...BOTTOM, "runtime", "event_loop"],
  hpack: BOTTOM,
  http2: [...BOTTOM, "limits", "hpack"],
  grpc: [...BOTTOM, "limits", "hpack", "http2"],
  http1: [...BOTTOM, "limits"],
  "web/client": [...BOTTOM, "limits", "codec", "hpack", "http1", "http2", "grpc", "web"],
  web: [...BOTTOM, "limits", "codec", "hpack", "http1", "http2", "grpc"],
  websocket: [...BOTTOM, "limits"],
  "lean/format": BOTTOM,
  lean: [...BOTTOM, "limits", "codec", "lean/format"],
  "rpc/core": [...BOTTOM, "runtime", "codec", "transport", "event_loop"],
  "rpc/attestation": [...RPC_BOTTOM, "attestation", "transport", "proto"],
  "rpc/dispatch": [...RPC_BOTTOM, "attestation"],
  "rpc/balancer": RPC_BOTTOM,
  "rpc/resolver": [...RPC_BOTTOM, "runtime", "transport", "rpc/balancer"],
  "rpc/pool": [...RPC_BOTTOM, "transport", "rpc/balancer", "rpc/resolver"],
  "rpc/client": [...RPC_BOTTOM, "rpc/balancer", "rpc/pool", "rpc/resolver"],
  "rpc/batch": [...RPC_BOTTOM, "rpc/dispatch", "rpc/client", "rpc/pool", "proto"],
  browser: [...RPC_BOTTOM, "protobuf", "lean", "rpc/client"],
  "rpc/channel": [
    ...RPC_BOTTOM,
    ...["attestation", "transport", "grpc", "lean", "web/client", "rpc/attestation"],
    ...["rpc/client", "rpc/pool", "rpc/batch", "rpc/balancer", "rpc/resolver"],
  ],
  "rpc/http": [...RPC_BOTTOM, "transport", "event_loop", "http1"],
  "rpc/server": [
    ...RPC_BOTTOM,
    ...["runtime", "transport", "event_loop", "grpc", "lean", "http1", "web", "websocket"],
    ...["attestation", "rpc/attestation", "rpc/dispatch", "rpc/http"],
  ],
  "rpc/fetch": [...RPC_BOTTOM, "web", "rpc/dispatch", "rpc/server"],
  "rpc/workers": [...RPC_BOTTOM, "runtime", "rpc/dispatch", "rpc/server"],
  "rpc/byte_stream": [...RPC_BOTTOM, "rpc/dispatch", "rpc/client", "rpc/channel"],
  schema: [...BOTTOM, "limits"],
  services: [...BOTTOM, "limits", "runtime", "event_loop", "transport", "schema", "rpc", "proto"],
  guest: [
    ...[...BOTTOM, "limits", "event_loop", "attestation", "transport"],
    ...["runtime", "codec", "http1", "rpc", "proto"],
  ],
  telemetry: [...BOTTOM, "rpc", "guest"],
  validation: [...RPC_BOTTOM, "proto"],
  xds: [...RPC_BOTTOM, "transport", "rpc", "proto"],
  testing: [...RPC_BOTTOM, "transport", "rpc"],
  grpc_js: [...RPC_BOTTOM, "transport", "rpc"],
  gateway: [
    ...[...BOTTOM, "limits", "codec", "event_loop"],
    ...["http1", "web", "schema", "rpc", "services", "validation"],
  ],
  load: ["load/generate", "load/measure", "load/report"],
  "load/measure": ["errors"],
  "load/generate": [...BOTTOM, "codec", "schema", "rpc", "services", "load/measure"],
  "load/report": ["call", "rpc/dispatch", "load/measure"],
};

const below = (room: string) => room === "proto" ? "proto/gen" : `src/${room}`;
const ALLOWED = Object.fromEntries(
  Object.entries(ROOMS).map(([room, allowed]) => [below(room), allowed.map(below)]),
);

/** Engines: bytes and the time go in, bytes come out. */
const ENGINES = [
  ...["bytes", "call", "limits", "protobuf", "hpack", "http1", "http2", "grpc", "lean", "web"],
  "websocket",
];
const IMPURE = [
  ...["Deno", "Promise", "async", "await", "queueMicrotask"],
  ...["setTimeout", "setInterval", "setImmediate", "Date", "performance"],
  ...["Math.random", "getRandomValues", "randomUUID"],
];

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
  assert.deepEqual(fileCircles(new Map([...sources, ...programs, ...others])), []);
});

Deno.test("programs import only what deno.json exports, and the libraries made for them", async () => {
  const config = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const exported = Object.values<string>(config.exports).map((path) => join(".", path));
  const libraries = [
    ...["src/load/", "src/gateway/"],
    ...["src/call/printable.ts", "src/rpc/dispatch/name_suggestion.ts"],
    "src/validation/field_violations.ts",
    // The server program starts in less time without the client, which mod.ts has, too.
    ...["src/rpc/server/server.ts", "src/rpc/dispatch/call_log.ts"],
  ];
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

Deno.test("only Deno's part of src/runtime names Deno", () => {
  const files = select(sources, (path) => !/^src\/runtime\/deno(?:\/|\.ts$)/.test(path));
  assert.ok(files.size < sources.size);
  assert.deepEqual(forbiddenWords(files, ["Deno"]), []);
});

Deno.test("files of src/ stay under 400 lines", () => {
  assert.deepEqual(longFiles(sources, 400), []);
});

Deno.test("functions have at most 60 lines", () => {
  assert.deepEqual(longFunctions(new Map([...sources, ...programs]), 60), []);
});

Deno.test("no member is protected", () => {
  assert.deepEqual(protectedMembers(sources), []);
});

Deno.test("every folder of src/ has a README.md of at most 25 lines", () => {
  // It is the specification of the wire, with the guide at its top.
  const guides = select(sources, (path) => path !== "src/lean/README.md");
  const wrong = missingGuides(guides, 25).filter((line) => line !== "src/lean has no README.md");
  assert.ok(sources.has("src/lean/README.md"));
  assert.deepEqual(wrong, []);
});
