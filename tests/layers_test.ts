import assert from "node:assert/strict";
import { dirname, join, relative } from "node:path";

const ROOT = join(import.meta.dirname!, "..");

/** What needs nothing but itself; every room may use it. */
const BOTTOM = ["errors", "call", "bytes"];
const RPC_BOTTOM = [...BOTTOM, "limits", "codec", "rpc/core"];
const PROGRAM_BOTTOM = [...BOTTOM, "codec", "limits", "transport", "rpc"];

/**
 * The rooms (folders of `src/`) each room may import from, beside itself. A folder that is not listed belongs to the
 * room above it; `rpc` stands for all of its rooms.
 */
const ALLOWED: Record<string, readonly string[]> = {
  errors: ["call"],
  call: BOTTOM,
  bytes: BOTTOM,
  limits: [...BOTTOM],
  event_loop: [],
  codec: [...BOTTOM],
  transport: [...BOTTOM, "event_loop"],
  hpack: [...BOTTOM],
  http2: [...BOTTOM, "limits", "hpack"],
  grpc: [...BOTTOM, "codec", "hpack", "http2"],
  lean: [...BOTTOM, "limits", "codec", "http2"],
  "rpc/core": [...BOTTOM, "codec", "transport", "event_loop"],
  "rpc/dispatch": RPC_BOTTOM,
  "rpc/pool": [...RPC_BOTTOM, "transport"],
  "rpc/client": [...RPC_BOTTOM, "rpc/pool"],
  "rpc/batch": [...RPC_BOTTOM, "rpc/dispatch", "rpc/client", "rpc/pool", "proto"],
  "rpc/channel": [
    ...RPC_BOTTOM,
    ...["transport", "grpc", "lean", "http2"],
    ...["rpc/client", "rpc/pool", "rpc/batch"],
  ],
  "rpc/server": [
    ...RPC_BOTTOM,
    ...["transport", "event_loop", "grpc", "lean", "http2", "rpc/dispatch"],
  ],
  "rpc/workers": [...RPC_BOTTOM, "rpc/dispatch", "rpc/server"],
  "rpc/byte_stream": [...RPC_BOTTOM, "rpc/dispatch", "rpc/client", "rpc/channel"],
  services: [...PROGRAM_BOTTOM, "event_loop", "proto"],
  telemetry: [...BOTTOM, "rpc"],
  gateway: [...PROGRAM_BOTTOM, "services", "proto"],
  load: [...PROGRAM_BOTTOM, "services", "proto"],
};

/** Engines: bytes and the time go in, bytes come out. */
const PURE = ["bytes", "limits", "hpack", "http2", "grpc", "lean"];
const IMPURE =
  /\bDeno\.|\bset(?:Timeout|Interval|Immediate)\b|\bqueueMicrotask\b|\bDate\b|\bperformance\b|\bPromise\b|\basync\b|\bawait\b|\bMath\.random\b|\bgetRandomValues\b|\brandomUUID\b/;

/** Sockets; everything else of Deno may be named above the engines. */
const SOCKETS = /\bDeno\.(?:listen|connect|listenTls|connectTls|startTls|listenDatagram)\b/;

async function* sources(directory: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(directory)) {
    const path = join(directory, entry.name);
    if (entry.isDirectory) yield* sources(path);
    else if (entry.name.endsWith(".ts")) yield path;
  }
}

async function allSources(below: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const path of sources(join(ROOT, below))) paths.push(path);
  return paths.sort();
}

/** The code without comments, in which words don't count. */
function withoutComments(code: string): string {
  return code.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[^:"'`])\/\/.*$/gm, "$1");
}

function importsOf(code: string): string[] {
  return [...code.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']/g)].map((match) =>
    match[1]
  );
}

/** `rpc/server` for `src/rpc/server/server.ts`, `proto` for `proto/gen/…`; the path itself where there is no room. */
function roomOf(path: string): string {
  const [top, ...rest] = path.split("/");
  if (top === "proto") return top;
  if (top !== "src") return path;
  for (let depth = rest.length; depth > 0; depth--) {
    const room = rest.slice(0, depth).join("/").replace(/\.ts$/, "");
    if (ALLOWED[room]) return room;
  }
  return path;
}

/** Whether `room` is one of `names` or stands below it: `rpc` holds `rpc/server`. */
const within = (room: string, names: readonly string[]) =>
  names.some((name) => room === name || room.startsWith(`${name}/`));

Deno.test("imports in src/ point down only", async () => {
  const wrong: string[] = [];
  for (const path of await allSources("src")) {
    const file = relative(ROOT, path);
    const room = roomOf(file);
    const allowed = ALLOWED[room];
    assert.ok(allowed, `${file} stands in no room: add it to this test and to CONTRIBUTING.md`);
    for (const specifier of importsOf(withoutComments(await Deno.readTextFile(path)))) {
      if (!specifier.startsWith(".")) continue;
      const target = roomOf(relative(ROOT, join(dirname(path), specifier)));
      if (target !== room && !within(target, allowed)) wrong.push(`${file} imports ${specifier}`);
    }
  }
  assert.deepEqual(wrong, []);
});

/** What programs may import beside exports: themselves, messages, and the two libraries made for programs. */
const FOR_PROGRAMS = /^(?:cmd|proto\/gen|src\/load|src\/gateway)\/|^deno\.json$/;

Deno.test("programs import only what deno.json exports, and the libraries made for them", async () => {
  const config = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const exported = Object.values<string>(config.exports).map((path) => join(".", path));
  const wrong: string[] = [];
  for (const path of await allSources("cmd")) {
    for (const specifier of importsOf(withoutComments(await Deno.readTextFile(path)))) {
      if (!specifier.startsWith(".")) continue;
      const target = relative(ROOT, join(dirname(path), specifier));
      if (!FOR_PROGRAMS.test(target) && !exported.includes(target)) {
        wrong.push(`${relative(ROOT, path)} imports ${specifier}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test("nothing is imported from where it may not be had", async () => {
  const config = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  for (const [name, target] of Object.entries<string>(config.imports)) {
    assert.match(target, /^npm:/, name);
  }
  for (const path of [...await allSources("src"), ...await allSources("cmd")]) {
    for (const specifier of importsOf(withoutComments(await Deno.readTextFile(path)))) {
      assert.doesNotMatch(specifier, /^(jsr|https?|npm):/, relative(ROOT, path));
    }
  }
});

for (const layer of PURE) {
  Deno.test(`src/${layer} is pure: no I/O, promise, timer, clock or randomness`, async () => {
    for (const path of await allSources(`src/${layer}`)) {
      const match = withoutComments(await Deno.readTextFile(path)).match(IMPURE);
      assert.equal(match, null, `${relative(ROOT, path)} has ${match?.[0]}`);
    }
  });
}

Deno.test("only src/transport names Deno's sockets", async () => {
  for (const path of await allSources("src")) {
    const file = relative(ROOT, path);
    if (roomOf(file) === "transport") continue;
    const match = withoutComments(await Deno.readTextFile(path)).match(SOCKETS);
    assert.equal(match, null, `${file} has ${match?.[0]}`);
  }
});
