/**
 * Bundles modules for browsers.
 *
 * @module
 */

/** Returns the module with its imports as one script. Throws what the bundler reports. */
export async function bundle(path: string, minify = false): Promise<string> {
  const folder = await Deno.makeTempDir();
  try {
    const output = `${folder}/bundle.js`;
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["bundle", "--quiet", "--platform", "browser", ...minify ? ["--minify"] : []],
        ...["--output", output, path],
      ],
      stdout: "null",
    }).output();
    if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
    return await Deno.readTextFile(output);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
