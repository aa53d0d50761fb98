/**
 * Follows the page for new users word for word: writes its files, runs its commands, in an empty folder, and counts
 * them. The last line is "N passed, N failed".
 *
 *     deno task first-hour [deno|node …]
 *
 * What is published is taken from this checkout: for Deno by `links` in place of `deno add jsr:@vrpc/vrpc`, for Node as
 * the tarball that `build:npm` makes. All else is as the page has it.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { type Block, codeBlocks } from "../tests/documentation/blocks.ts";
import { copyPublished, ROOT } from "../tests/documentation/published.ts";
import { readArguments } from "./arguments.ts";
import { run } from "./commands.ts";

const USAGE = `
deno task first-hour [RUNTIME …]

  RUNTIME  deno or node; default both
`;

/** A page, and how its install step takes what is not published yet. */
interface Walk {
  readonly page: string;
  /** Folders with programs of the reader, before the system's. */
  readonly path: () => string;
  /** Returns a command as it is run; `folder` is the reader's. */
  prepare(command: string, folder: string): Promise<string>;
}

const WALKS: Readonly<Record<string, Walk>> = {
  deno: {
    page: "docs/getting-started.md",
    path: () => dirname(Deno.execPath()),
    async prepare(command, folder) {
      if (!/^deno add jsr:@vrpc\/vrpc /.test(command)) return command;
      const { version } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
      const published = join(folder, "../published");
      await copyPublished(published);
      const config = {
        imports: { "@vrpc/vrpc": `jsr:@vrpc/vrpc@^${version}` },
        links: [published],
      };
      await Deno.writeTextFile(join(folder, "deno.json"), JSON.stringify(config));
      return command.replace("jsr:@vrpc/vrpc ", "");
    },
  },
  node: {
    page: "docs/getting-started-node.md",
    path: () =>
      dirname(
        new TextDecoder().decode(new Deno.Command("which", { args: ["node"] }).outputSync().stdout)
          .trim(),
      ),
    async prepare(command, folder) {
      if (!/^npm install @vrpc\/vrpc /.test(command)) return command;
      const packed = await run(
        "npm",
        ["pack", "--silent", "--pack-destination", dirname(folder)],
        join(ROOT, "build/npm"),
      );
      return command.replace("@vrpc/vrpc ", `${join(dirname(folder), packed.trim())} `);
    },
  },
};

/** What a walk took. */
interface Count {
  commands: number;
  files: number;
  seconds: number;
}

/** Words of blocks whose commands are run to their end. */
const RUN = ["generate", "run", "step"];

/** Follows one page. Throws an Error for the first command that fails, or prints something else than the page says. */
class Follower {
  readonly count: Count = { commands: 0, files: 0, seconds: 0 };
  readonly #walk: Walk;
  readonly #env: Record<string, string>;
  readonly #background: Deno.ChildProcess[] = [];
  #folder: string;
  #printed = "";

  constructor(walk: Walk, folder: string) {
    this.#walk = walk;
    this.#folder = folder;
    this.#env = {
      PATH: `${walk.path()}:/usr/bin:/bin`,
      NO_COLOR: "1",
      DENO_NO_UPDATE_CHECK: "1",
    };
  }

  async block(block: Block): Promise<void> {
    if (block.file !== undefined) {
      const path = join(this.#folder, block.file);
      await Deno.mkdir(dirname(path), { recursive: true });
      await Deno.writeTextFile(path, block.text);
      this.count.files++;
    } else if (block.words.has("output") || block.words.has("prints")) {
      if (this.#printed !== block.text) {
        throw new Error(`line ${block.line} says ${block.text}but it prints ${this.#printed}`);
      }
    } else if (block.language === "sh") {
      await this.#commands(block);
    }
  }

  async #commands(block: Block): Promise<void> {
    const commands = block.text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    for (const command of commands) {
      if (block.words.has("start")) await this.#start(command);
      else if (block.words.has("install") || RUN.some((word) => block.words.has(word))) {
        await this.#run(command);
      }
    }
  }

  async #run(command: string): Promise<void> {
    const into = /^mkdir (\S+) && cd \1$/.exec(command)?.[1];
    const startMs = performance.now();
    const prepared = await this.#walk.prepare(command, this.#folder);
    const { success, stdout, stderr } = await this.#shell(prepared).output();
    const decoder = new TextDecoder();
    this.#printed = decoder.decode(stdout);
    if (!success) throw new Error(`${command}\n${this.#printed}${decoder.decode(stderr)}`);
    if (into !== undefined) this.#folder = join(this.#folder, into);
    this.#took(command, startMs);
  }

  /** Starts a server, which runs until the end. */
  async #start(command: string): Promise<void> {
    const startMs = performance.now();
    const child = this.#shell(`exec ${command}`, true).spawn();
    this.#background.push(child);
    const reader = child.stdout.getReader();
    const { done } = await reader.read();
    reader.cancel();
    if (done) throw new Error(`${command} ended before it had printed anything`);
    this.#took(command, startMs);
  }

  #took(command: string, startMs: number): void {
    const seconds = (performance.now() - startMs) / 1000;
    this.count.commands++;
    this.count.seconds += seconds;
    console.log(`${seconds.toFixed(1).padStart(7)} s  ${command}`);
  }

  /** `detached`: as a process group of its own. */
  #shell(command: string, detached = false): Deno.Command {
    return new Deno.Command("sh", {
      args: ["-euc", command],
      cwd: this.#folder,
      env: this.#env,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      detached,
    });
  }

  async end(): Promise<void> {
    for (const child of this.#background) {
      try {
        // With the programs that the command has started, such as Node by npx.
        Deno.kill(-child.pid, "SIGTERM");
      } catch {
        // It has ended.
      }
      await child.stderr.cancel();
      await child.status;
    }
  }
}

/** Follows a page from an empty folder. */
async function follow(name: string): Promise<Count> {
  const walk = WALKS[name];
  const folder = await Deno.makeTempDir({ prefix: `vrpc-first-hour-${name}-` });
  const follower = new Follower(walk, folder);
  try {
    console.log(`${walk.page}:`);
    for (const block of codeBlocks(walk.page, await Deno.readTextFile(join(ROOT, walk.page)))) {
      await follower.block(block);
    }
    return follower.count;
  } finally {
    await follower.end();
    await Deno.remove(folder, { recursive: true });
  }
}

const { names } = readArguments(USAGE, {}, Object.keys(WALKS));
const wanted = names.length > 0 ? names : Object.keys(WALKS);
let failed = 0;
if (
  wanted.includes("node") &&
  !await Deno.stat(join(ROOT, "build/npm/dist/cli")).catch(() => undefined)
) {
  console.log("build/npm is made first; it is no part of the count");
  await run(Deno.execPath(), ["task", "build:npm"], ROOT);
}
for (const name of wanted) {
  try {
    const { commands, files, seconds } = await follow(name);
    const minutes = (seconds / 60).toFixed(1);
    console.log(
      `${name}: ${commands} commands and ${files} files to a call, a test and a benchmark; the commands took ${minutes} min`,
    );
  } catch (error) {
    failed++;
    console.log(`FAILED ${name}: ${error instanceof Error ? error.message : error}`);
  }
}
console.log(`${wanted.length - failed} passed, ${failed} failed`);
Deno.exit(failed === 0 ? 0 : 1);
