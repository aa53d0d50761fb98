// What README.md, docs/, CONTRIBUTING.md, SECURITY.md and CHANGELOG.md name exists: files, links, tasks, packages.

import assert from "node:assert/strict";
import { dirname, join, relative } from "node:path";
import { codeBlocks } from "./blocks.ts";
import { ROOT } from "./published.ts";

const read = (path: string) => Deno.readTextFile(join(ROOT, path));
const config = JSON.parse(await read("deno.json"));
const pages = new Map<string, string>();
for (const name of ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]) {
  pages.set(name, await read(name));
}
for await (const { name } of Deno.readDir(join(ROOT, "docs"))) {
  if (name.endsWith(".md")) pages.set(`docs/${name}`, await read(`docs/${name}`));
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(join(ROOT, path)).then(() => true, () => false);
}

/** The anchor that a heading gets, as GitHub makes it. */
function anchorOf(heading: string): string {
  return heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").replace(/\s/g, "-");
}

function anchorsOf(markdown: string): Set<string> {
  const prose = markdown.replace(/^```[^]*?^```$/gm, "");
  return new Set(Array.from(prose.matchAll(/^#+ (.*)$/gm), ([, heading]) => anchorOf(heading)));
}

Deno.test("pages name files that exist", async () => {
  const wrong: string[] = [];
  for (const [page, text] of pages) {
    const prose = text.replace(/^```[^]*?^```$/gm, "");
    const named = prose.matchAll(
      /`((?:src|tests|cmd|proto|scripts|bench|examples)(?:\/[\w.-]+)*\/?)[ `]/g,
    );
    const ofReader = new Set(codeBlocks(page, text).map((block) => block.file));
    for (const [, path] of named) {
      if (!ofReader.has(path) && !await exists(path)) wrong.push(`${page}: ${path}`);
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test("links of pages lead to files and headings that exist", async () => {
  const wrong: string[] = [];
  for (const [page, text] of pages) {
    const prose = text.replace(/^```[^]*?^```$/gm, "");
    for (const [, target] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [file, anchor] = target.split("#");
      const path = file === "" ? page : relative(ROOT, join(ROOT, dirname(page), file));
      if (!await exists(path)) wrong.push(`${page}: ${target}`);
      else if (anchor !== undefined && !anchorsOf(await read(path)).has(anchor)) {
        wrong.push(`${page}: ${target}: no such heading`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test("pages name tasks that exist", () => {
  for (const [page, text] of pages) {
    for (const [, task] of text.matchAll(/(?:deno|deno@[\d.]+) task ([\w:-]+)/g)) {
      assert.ok(task in config.tasks, `${page}: deno task ${task}`);
    }
  }
});

Deno.test("README.md has at most 200 lines and every import of deno.json", () => {
  const readme = pages.get("README.md")!;
  assert.ok(readme.split("\n").length <= 200);
  for (const path of Object.keys(config.exports)) {
    const [, name, below] = path.split("/");
    if (name === undefined) continue;
    assert.ok(readme.includes(`\`@vrpc/vrpc/${name}\``), name);
    if (below !== undefined) assert.ok(readme.includes(`\`/${below}\``), path);
  }
});

Deno.test("docs/README.md links every page of docs", () => {
  const index = pages.get("docs/README.md")!;
  for (const page of pages.keys()) {
    const name = page.slice("docs/".length);
    if (!page.startsWith("docs/") || name === "README.md") continue;
    assert.ok(index.includes(`](${name})`), name);
  }
});

Deno.test("CONTRIBUTING.md has every package of deno.json", () => {
  for (const name of Object.keys(config.imports)) {
    assert.ok(pages.get("CONTRIBUTING.md")!.includes(`\`${name}\``), name);
  }
});

Deno.test('the answers of "Where is" name files that contain the word given', async () => {
  const [, section] = pages.get("CONTRIBUTING.md")!.split("## Where is …\n");
  const rows = section.split("\n## ")[0].split("\n").filter((line) => /^\|.*`/.test(line));
  assert.ok(rows.length >= 6);
  for (const row of rows) {
    const [, , answer] = row.split("|");
    const found = Array.from(answer.matchAll(/`([\w./-]+\/[\w.-]+\.ts)`: `([^`]+)`/g));
    assert.ok(found.length > 0, row);
    for (const [, path, word] of found) {
      assert.ok((await read(path)).includes(word), `${path}: ${word}`);
    }
  }
});
