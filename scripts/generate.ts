/**
 * Generates `proto/gen` from the `.proto` files with buf and protoc-gen-es from npm.
 *
 *     deno task generate            lint, then write proto/gen
 *     deno task generate --check    lint, then exit 1 when proto/gen is not up to date
 *
 * @module
 */

import { join, relative } from "node:path";

const ROOT = new URL("..", import.meta.url).pathname;
const GEN = join(ROOT, "proto/gen");
const NEVER_FORMATTED = "/* eslint-disable */\n";

/** Modules of `buf.yaml`, and the folders of their code below `proto/gen`. */
const MODULES = [
  { input: "proto", out: "" },
  { input: "bench/peers", out: "bench" },
  { input: "examples/browser", out: "examples" },
  { input: "examples/orders", out: "examples" },
  { input: "examples/validation", out: "examples" },
];

/** Code of the descriptors that the npm package has. */
const PROTOVALIDATE = "./buf/validate/validate_pb.js:@bufbuild/protovalidate/gen";

const imports: Record<string, string> = JSON.parse(
  await Deno.readTextFile(join(ROOT, "deno.json")),
).imports;

async function run(args: string[]): Promise<void> {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output().then(async (output) => {
    await Deno.stderr.write(output.stdout);
    await Deno.stderr.write(output.stderr);
    return output;
  });
  if (code !== 0) throw new Error(`${args.join(" ")} ended with exit code ${code}`);
}

const buf = (...args: string[]) => run([imports["@bufbuild/buf"], ...args]);

async function generateInto(target: string): Promise<void> {
  for (const { input, out } of MODULES) {
    const template = {
      version: "v2",
      plugins: [{
        local: [Deno.execPath(), "run", "--quiet", "-A", imports["@bufbuild/protoc-gen-es"]],
        out: join(target, out),
        opt: [
          ...["target=ts", "import_extension=ts", "ts_nocheck=false"],
          `rewrite_imports=${PROTOVALIDATE}`,
        ],
      }],
    };
    await buf("generate", input, "--template", JSON.stringify(template));
  }
  for await (const path of filesBelow(target)) {
    const file = join(target, path);
    const text = await Deno.readTextFile(file);
    await Deno.writeTextFile(file, text.replace(NEVER_FORMATTED, ""));
  }
}

async function* filesBelow(directory: string, below = ""): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(join(directory, below))) {
    const path = join(below, entry.name);
    if (entry.isDirectory) yield* filesBelow(directory, path);
    else yield path;
  }
}

async function filesOf(directory: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  try {
    for await (const path of filesBelow(directory)) {
      files.set(path, await Deno.readTextFile(join(directory, path)));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return files;
}

async function check(): Promise<void> {
  const fresh = await Deno.makeTempDir();
  try {
    await generateInto(fresh);
    const [wanted, found] = [await filesOf(fresh), await filesOf(GEN)];
    const stale = [...new Set([...wanted.keys(), ...found.keys()])]
      .filter((path) => wanted.get(path) !== found.get(path));
    if (stale.length > 0) {
      const list = stale.map((path) => relative(ROOT, join(GEN, path))).join(", ");
      throw new Error(`Stale: ${list}. Run: deno task generate`);
    }
  } finally {
    await Deno.remove(fresh, { recursive: true });
  }
}

try {
  await buf("lint");
  if (Deno.args.includes("--check")) {
    await check();
    console.log("proto/gen is up to date");
  } else {
    await Deno.remove(GEN, { recursive: true }).catch(() => {});
    await generateInto(GEN);
    console.log(`Wrote ${(await filesOf(GEN)).size} files to proto/gen`);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exit(1);
}
