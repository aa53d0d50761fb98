/**
 * Makes the pages of the API in `build/api` by `deno doc --html`: all entry points but the programs, and a start page of
 * `docs/ten-things.md` with the symbols by category.
 *
 *     deno task docs
 *
 * @module
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  categoriesHtml,
  linked,
  type SearchNode,
  startPage,
  withPackageNames,
} from "./api_docs/start_page.ts";
import { readArguments } from "./arguments.ts";
import { run } from "./commands.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const OUT = join(ROOT, "build/api");
/** The page that the start page is made of. */
const START = "docs/ten-things.md";
/** Entry points that run as they are loaded. */
const PROGRAMS = ["./cli"];
/** Rules beside deno doc's own: on phones its pages are wider than the screen, because of their code. */
const STYLE = `
.ddoc > div, .ddoc #content, .ddoc #content main, .ddoc #content section, .ddoc #content section > div,
.ddoc #module_doc, .ddoc .markdown { min-width: 0; max-width: 100%; }
.ddoc pre { overflow-x: auto; }
@media (max-width: 700px) {
  .ddoc #topnav > div > div:first-child, .ddoc #topnav .breadcrumbs { min-width: 0; overflow: hidden; }
  .ddoc #topnav .breadcrumbs { display: flex; flex-wrap: nowrap; font-size: .9rem; }
  .ddoc #topnav .breadcrumbs li { flex: none; }
  .ddoc #topnav .breadcrumbs * { white-space: nowrap; overflow-wrap: normal; word-break: normal; }
  .ddoc #topnav #searchbar { width: 7rem !important; min-width: 0; }
  .ddoc #content main { width: 100%; }
}
`;
const USAGE = `
deno task docs

  Makes the pages of the API in build/api.
`;

/** Runs `deno doc --html`. */
async function doc(output: string, entries: readonly string[]): Promise<void> {
  await run(
    Deno.execPath(),
    ["doc", "--html", "--name=vrpc", `--output=${output}`, ...entries],
    ROOT,
  );
}

/** Returns the HTML of a page of Markdown, as deno doc writes that of a module. */
async function rendered(markdown: string): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "vrpc-api-" });
  try {
    const source = join(folder, "page.ts");
    const comment = markdown.replaceAll("*/", "*\u200b/").split("\n").map((line) => ` * ${line}`);
    await Deno.writeTextFile(
      source,
      `/**\n${comment.join("\n")}\n *\n * @module\n */\nexport const page = 1;\n`,
    );
    await doc(join(folder, "html"), [source]);
    return await Deno.readTextFile(join(folder, "html/index.html"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function searchNodes(): Promise<SearchNode[]> {
  const script = await Deno.readTextFile(join(OUT, "search_index.js"));
  const json = /DENO_DOC_SEARCH_INDEX = (\{.*\});\s*\}\)/s.exec(script)?.[1];
  if (json === undefined) {
    throw new Error("build/api/search_index.js has another form than expected");
  }
  return JSON.parse(json).nodes;
}

async function* pagesBelow(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) yield* pagesBelow(path);
    else if (name.endsWith(".html")) yield path;
  }
}

readArguments(USAGE, {});
const { exports } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
const entries = Object.entries<string>(exports).filter(([name]) => !PROGRAMS.includes(name));
await Deno.remove(OUT, { recursive: true }).catch(() => {});
await Deno.mkdir(join(ROOT, "build"), { recursive: true });
await doc(OUT, entries.map(([, path]) => path));
const names = entries.map(([name]) => name);
for await (const path of pagesBelow(OUT)) {
  const page = await Deno.readTextFile(path);
  const named = withPackageNames(page, names);
  if (named !== page) await Deno.writeTextFile(path, named);
}
const nodes = await searchNodes();
const markdown = await Deno.readTextFile(join(ROOT, START));
const text = linked(await rendered(markdown), nodes) + categoriesHtml(nodes);
const index = join(OUT, "index.html");
await Deno.writeTextFile(index, startPage(await Deno.readTextFile(index), text));
const style = join(OUT, "page.css");
await Deno.writeTextFile(style, await Deno.readTextFile(style) + STYLE);
console.log(`build/api/index.html: ${entries.length} entry points, ${nodes.length} symbols`);
