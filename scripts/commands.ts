/**
 * Programs that scripts run to their end.
 *
 * @module
 */

/** Runs a program; returns what it printed. Throws an Error with the end of that if it fails. */
export async function run(program: string, args: readonly string[], cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args], cwd })
    .output();
  const printed = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  if (!success) throw new Error(`${program} ${args.join(" ")} failed:\n${printed.slice(-4_000)}`);
  return printed;
}
