// Every block of TypeScript in README.md and docs/ is type-checked and run in a folder of its own, outside of the
// checkout, against the files that are published.

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { type Block, codeBlocks, fileName } from "./blocks.ts";
import { deno, environment, makeProject, type Output, ROOT, run } from "./published.ts";

/** Packages that the pages have the reader install, beside vrpc. */
const INSTALLED = [
  "@bufbuild/protobuf",
  "@bufbuild/protovalidate",
  "@logtape/logtape",
  "@opentelemetry/api",
  "@opentelemetry/sdk-metrics",
  "@opentelemetry/sdk-trace",
];

/** Blocks that are type-checked and not run, and why. */
const NOT_RUN: Readonly<Record<string, string>> = {
  "docs/enclaves.md#enclave.ts": "listens on vsock, which few machines have",
  "docs/attestation.md#attested.ts": "needs an enclave",
  "docs/deployment.md#worker.ts": "is the module of a worker; main.ts starts it",
};

/** The page whose service the other pages use. */
const SERVICE_PAGE = "docs/getting-started.md";
/** Pages that use the service of an example, by its generated file. */
const GENERATED: Readonly<Record<string, string>> = { "docs/validation.md": "accounts_pb.ts" };

async function pages(): Promise<Map<string, Block[]>> {
  const names = ["README.md"];
  for await (const { name } of Deno.readDir(join(ROOT, "docs"))) {
    if (name.endsWith(".md")) names.push(`docs/${name}`);
  }
  const found = new Map<string, Block[]>();
  for (const page of names.sort()) {
    found.set(page, codeBlocks(page, await Deno.readTextFile(join(ROOT, page))));
  }
  return found;
}

const folderOf = (page: string) => page.replace(/\W/g, "_");
const isTypeScript = (block: Block) => block.language === "ts";
const nameOf = (block: Block) => `${block.page}#${fileName(block)}`;

/** Writes the files of a page into its folder. */
async function writeFiles(folder: string, blocks: readonly Block[]): Promise<void> {
  for (const block of blocks) {
    if (block.file === undefined && !isTypeScript(block)) continue;
    const path = join(folder, fileName(block));
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeTextFile(path, block.text);
  }
}

/** Starts a program that runs until it is ended, and resolves once it has printed a line. */
async function startInBackground(folder: string, file: string): Promise<Deno.ChildProcess> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "-A", file],
    cwd: folder,
    env: environment(),
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  const { done } = await reader.read();
  await reader.cancel();
  if (done) throw new Error(`${file} ended before it had printed anything`);
  return child;
}

function assertDone(block: Block, { code, out, err }: Output): void {
  const where = `${block.page}:${block.line}\n${out}${err}`;
  assert.equal(code, 0, where);
  assert.doesNotMatch(err, /Assertion failed/, where);
}

/** Runs the blocks of a page, in order. */
async function runPage(folder: string, blocks: readonly Block[]): Promise<void> {
  const background: Deno.ChildProcess[] = [];
  let printed = "";
  try {
    for (const block of blocks) {
      if (block.words.has("output")) {
        assert.equal(printed, block.text, `${block.page}:${block.line}: output differs`);
      } else if (block.words.has("run")) {
        const result = await run("sh", ["-euc", block.text], folder);
        assertDone(block, result);
        printed = result.out;
      } else if (isTypeScript(block) && !(nameOf(block) in NOT_RUN)) {
        const file = fileName(block);
        if (block.words.has("background")) {
          background.push(await startInBackground(folder, file));
          continue;
        }
        const command = file.endsWith("_test.ts") ? "test" : "run";
        const result = await deno([command, "--quiet", "--no-check", "-A", file], folder);
        assertDone(block, result);
        printed = result.out;
      }
    }
  } finally {
    for (const child of background) {
      child.kill("SIGTERM");
      await child.status;
    }
  }
}

/** Generates the service that pages import from `./gen`, by the commands of its page. */
async function generateService(folder: string, blocks: readonly Block[]): Promise<void> {
  await writeFiles(folder, blocks);
  const command = blocks.find((block) => block.words.has("generate"));
  assert.ok(command, `${SERVICE_PAGE} has no block marked "generate"`);
  assertDone(command, await run("sh", ["-euc", command.text], folder));
}

Deno.test("the examples of README.md and docs run against the published files", async (t) => {
  const directory = await Deno.makeTempDir();
  try {
    await makeProject(directory, INSTALLED);
    const all = await pages();
    const service = join(directory, folderOf(SERVICE_PAGE));
    await generateService(service, all.get(SERVICE_PAGE)!);
    const files: string[] = [];
    for (const [page, blocks] of all) {
      const folder = join(directory, folderOf(page));
      await writeFiles(folder, blocks);
      if (folder !== service) await copyFolder(join(service, "gen"), join(folder, "gen"));
      const generated = GENERATED[page];
      if (generated !== undefined) {
        const from = join(ROOT, "proto/gen/examples", generated);
        await Deno.copyFile(from, join(folder, "gen", generated));
      }
      files.push(...blocks.filter(isTypeScript).map((block) => join(folder, fileName(block))));
    }
    await t.step(`${files.length} blocks are well typed`, async () => {
      const { code, err } = await deno(["check", "--quiet", ...files], directory);
      assert.equal(code, 0, err);
    });
    for (const [page, blocks] of all) {
      const programs = blocks.filter((block) => isTypeScript(block) && !(nameOf(block) in NOT_RUN));
      if (programs.length === 0) continue;
      await t.step(`${page}: ${programs.length} programs run`, async () => {
        await runPage(join(directory, folderOf(page)), blocks);
      });
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("the list of blocks that are not run names blocks that exist", async () => {
  const names = new Set([...await pages()].flatMap(([, blocks]) => blocks.map(nameOf)));
  assert.deepEqual(Object.keys(NOT_RUN).filter((name) => !names.has(name)), []);
});

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const entry of Deno.readDir(from)) {
    if (entry.isDirectory) await copyFolder(join(from, entry.name), join(to, entry.name));
    else await Deno.copyFile(join(from, entry.name), join(to, entry.name));
  }
}
