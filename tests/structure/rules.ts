/**
 * The rules that the tree keeps. Each is a function of paths and texts and returns what breaks it,
 * one line each.
 *
 * @module
 */
import { circlesOf } from "./circles.ts";
import { factsOf, targetOf, type Tree } from "./source.ts";

const isSource = (path: string) => path.endsWith(".ts");

function* sourcesOf(tree: Tree): Generator<[path: string, text: string]> {
  for (const entry of tree) if (isSource(entry[0])) yield entry;
}

/** The innermost folder (or single file) of `rooms` in which `path` stands; undefined for none. */
export function roomOf(path: string, rooms: readonly string[]): string | undefined {
  const candidates = rooms.filter((room) => path === `${room}.ts` || path.startsWith(`${room}/`));
  return candidates.sort((a, b) => b.length - a.length)[0];
}

const within = (path: string, folders: readonly string[]) =>
  folders.some((folder) =>
    path === folder || path === `${folder}.ts` || path.startsWith(`${folder}/`)
  );

/**
 * Imports between rooms that `allowed` doesn't list. A room is a folder or a file without its `.ts`;
 * the rooms that it may import stand for all that is in them. Sources that belong to no room count.
 */
export function forbiddenEdges(
  tree: Tree,
  allowed: Readonly<Record<string, readonly string[]>>,
): string[] {
  const rooms = Object.keys(allowed);
  const wrong: string[] = [];
  for (const [path, text] of sourcesOf(tree)) {
    const room = roomOf(path, rooms);
    if (room === undefined) {
      wrong.push(`${path} is in no room: add its room here and to CONTRIBUTING.md`);
      continue;
    }
    for (const specifier of factsOf(text).imports) {
      const target = targetOf(path, specifier);
      if (target === undefined || roomOf(target, rooms) === room) continue;
      if (!within(target, allowed[room])) wrong.push(`${path} imports ${target}`);
    }
  }
  return wrong;
}

/**
 * Circles in the table of rooms: a room that may import a folder may import the rooms in it.
 */
export function roomCircles(allowed: Readonly<Record<string, readonly string[]>>): string[] {
  const rooms = Object.keys(allowed);
  const edges = new Map(rooms.map((room) => {
    const targets = allowed[room].flatMap((entry) =>
      rooms.filter((other) => within(other, [entry]))
    );
    return [room, targets.filter((target) => target !== room)];
  }));
  return circlesOf(edges).map((circle) => circle.join(" → "));
}

/** Circles of files, imports of types included: `a.ts → b.ts → a.ts`. */
export function fileCircles(tree: Tree): string[] {
  const edges = new Map<string, string[]>();
  for (const [path, text] of sourcesOf(tree)) {
    const targets = factsOf(text).imports.map((specifier) => targetOf(path, specifier));
    edges.set(path, targets.filter((target) => target !== undefined));
  }
  return circlesOf(edges).map((circle) => circle.join(" → "));
}

/** Imports of programs other than `allowed` paths (folders end with a slash). */
export function programImports(tree: Tree, allowed: readonly string[]): string[] {
  const wrong: string[] = [];
  for (const [path, text] of sourcesOf(tree)) {
    for (const specifier of factsOf(text).imports) {
      const target = targetOf(path, specifier);
      const fits = (entry: string) =>
        entry.endsWith("/") ? target?.startsWith(entry) : target === entry;
      if (target !== undefined && !allowed.some(fits)) wrong.push(`${path} imports ${target}`);
    }
  }
  return wrong;
}

/** Specifiers that go around the import map of `deno.json`. */
export function foreignSpecifiers(tree: Tree): string[] {
  const wrong: string[] = [];
  for (const [path, text] of sourcesOf(tree)) {
    for (const specifier of factsOf(text).imports) {
      if (/^(?:jsr|https?|npm):/.test(specifier)) wrong.push(`${path} imports ${specifier}`);
    }
  }
  return wrong;
}

/** Sources that use one of `words` (identifiers, `object.property`, `async`, `await`). */
export function forbiddenWords(tree: Tree, words: readonly string[]): string[] {
  const wrong: string[] = [];
  for (const [path, text] of sourcesOf(tree)) {
    const facts = factsOf(text);
    for (const word of words) if (facts.words.has(word)) wrong.push(`${path} uses ${word}`);
  }
  return wrong;
}

/** Sources of `max` lines and more. */
export function longFiles(tree: Tree, max: number): string[] {
  const wrong: string[] = [];
  for (const [path, text] of sourcesOf(tree)) {
    const lines = text.split("\n").length - 1;
    if (lines >= max) wrong.push(`${path} has ${lines} lines, limit is ${max - 1}`);
  }
  return wrong;
}

/** Functions of more than `max` lines. */
export function longFunctions(tree: Tree, max: number): string[] {
  const wrong: string[] = [];
  for (const [path, text] of sourcesOf(tree)) {
    for (const { name, line, lines } of factsOf(text).functions) {
      if (lines > max) wrong.push(`${path}:${line} ${name} has ${lines} lines, limit is ${max}`);
    }
  }
  return wrong;
}

/** Members that are `protected`. */
export function protectedMembers(tree: Tree): string[] {
  const wrong: string[] = [];
  for (const [path, text] of sourcesOf(tree)) {
    for (const line of factsOf(text).protectedLines) wrong.push(`${path}:${line} is protected`);
  }
  return wrong;
}

/** Folders with sources whose README.md is missing or has more than `max` lines. */
export function missingGuides(tree: Tree, max: number): string[] {
  const folders = new Set<string>();
  for (const [path] of sourcesOf(tree)) {
    const parts = path.split("/");
    // `src` itself is the root of the rooms, not one of them.
    for (let depth = 2; depth < parts.length; depth++) folders.add(parts.slice(0, depth).join("/"));
  }
  const wrong: string[] = [];
  for (const folder of folders) {
    const guide = tree.get(`${folder}/README.md`);
    const lines = guide === undefined ? 0 : guide.split("\n").length - 1;
    if (guide === undefined) wrong.push(`${folder} has no README.md`);
    else if (lines > max) wrong.push(`${folder}/README.md has ${lines} lines, limit is ${max}`);
  }
  return wrong.sort();
}

/** Sources without a test of their own name, and the tests that hold them instead. */
export interface Unmirrored {
  readonly because: string;
  /** Tests that hold these sources. */
  readonly heldBy: readonly string[];
  readonly sources: readonly string[];
}

/** `tests/a/b_test.ts` for `src/a/b.ts`. */
export const mirrorOf = (source: string): string =>
  source.replace(/^src\//, "tests/").replace(/\.ts$/, "_test.ts");

/**
 * Sources without a mirror that `exceptions` doesn't list, and entries of `exceptions` that aren't
 * needed or name what isn't there. Sources without a function (types, constants, facades) need none.
 */
export function missingMirrors(tree: Tree, exceptions: readonly Unmirrored[]): string[] {
  const wrong: string[] = [];
  const listed = new Set<string>();
  for (const { because, heldBy, sources } of exceptions) {
    for (const test of heldBy) if (!tree.has(test)) wrong.push(`${test} (${because}) is missing`);
    for (const source of sources) {
      if (listed.has(source)) wrong.push(`${source} is listed twice`);
      listed.add(source);
      if (!tree.has(source)) wrong.push(`${source} is listed but missing`);
      else if (tree.has(mirrorOf(source))) wrong.push(`${source} is listed but has a mirror`);
    }
  }
  for (const [path, text] of sourcesOf(tree)) {
    if (!path.startsWith("src/") || listed.has(path) || tree.has(mirrorOf(path))) continue;
    if (factsOf(text).functions.length === 0) continue;
    wrong.push(`${path} has no ${mirrorOf(path)}`);
  }
  return wrong;
}
