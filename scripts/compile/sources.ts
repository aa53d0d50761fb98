/**
 * What a program consists of: its workers, which `deno compile` omits silently, and the packages that it imports.
 *
 * @module
 */

const ROOT = new URL("../..", import.meta.url);

/** What a program needs besides its own modules. */
export interface Needs {
  /** Files of its workers, below the root of the project. */
  readonly workers: readonly string[];
  /** Packages, files and modules of Node as they are imported, such as `@bufbuild/protobuf/wkt`. */
  readonly packages: readonly string[];
}

/** Reads code without block comments, whose examples import files that do not exist here. */
async function codeOf(file: URL): Promise<string> {
  return (await Deno.readTextFile(file)).replace(/\/\*[\s\S]*?\*\//g, "");
}

/** Finds what the program at `path` needs, directly or not. Throws an Error for a worker without a literal URL. */
export async function needsOf(path: string): Promise<Needs> {
  const workers = new Set<string>();
  const packages = new Set<string>();
  const files = [new URL(path, ROOT).href];
  for (let i = 0; i < files.length; i++) {
    const source = await codeOf(new URL(files[i]));
    if (/new Worker\(\s*(?!new URL\(\s*")/.test(source)) {
      throw new Error(
        `${files[i]} starts a worker whose URL deno compile does not find: use a literal URL`,
      );
    }
    const references = source.matchAll(
      /\b(?:from|import)\s*\(?\s*"([^"]+)"|new Worker\(\s*new URL\(\s*"([^"]+)"/g,
    );
    for (const [, imported, worker] of references) {
      if (imported !== undefined && !imported.startsWith(".")) {
        packages.add(imported);
        continue;
      }
      const { href } = new URL(imported ?? worker, files[i]);
      if (worker !== undefined) workers.add(href.slice(ROOT.href.length));
      if (!files.includes(href) && href.endsWith(".ts")) files.push(href);
    }
  }
  return { workers: [...workers], packages: [...packages] };
}
