/**
 * Runs the static checks: format, lint, types, generated code, documentation of exports, and publishing. Exits
 * with 1 when one of them fails.
 *
 * @module
 */

const config = JSON.parse(await Deno.readTextFile(new URL("../deno.json", import.meta.url)));
const { "./certs": certs, ...others }: Record<string, string> = config.exports;

const stages: [name: string, args: string[]][] = [
  ["fmt", ["fmt", "--check"]],
  ["lint", ["lint", "--quiet"]],
  ["types", ["check", "--quiet"]],
  ["examples in docstrings", ["check", "--doc-only", "--quiet", "mod.ts", "src"]],
  ["generated", ["run", "-A", "scripts/generate.ts", "--check"]],
  ["options", ["run", "-A", "scripts/options_page.ts", "--check"]],
  // Skips npm packages, which are documented elsewhere; `certs` needs the types of one.
  ["documentation", ["doc", "--lint", "--no-npm", ...Object.values(others)]],
  ["documentation of certs", ["doc", "--lint", certs]],
  // Allows uncommitted files; a clean clone has none.
  ["publish", ["publish", "--dry-run", "--allow-dirty", "--quiet"]],
];

let failed = 0;
for (const [name, args] of stages) {
  const start = performance.now();
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: new URL("..", import.meta.url).pathname,
  }).output();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${code === 0 ? "ok    " : "FAILED"} ${name} (${seconds} s)`);
  if (code !== 0) {
    failed++;
    await Deno.stdout.write(stdout);
    await Deno.stderr.write(stderr);
  }
}
console.log(`${stages.length - failed} passed, ${failed} failed`);
Deno.exit(failed === 0 ? 0 : 1);
