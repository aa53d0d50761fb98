/** Inputs that are kept: tests/corpus/TARGET.txt, one per line in hexadecimal digits; `#` begins a remark. */

/** The kept inputs of a target. */
export function corpus(name: string): Uint8Array[] {
  let lines: string;
  try {
    lines = Deno.readTextFileSync(new URL(`../corpus/${name}.txt`, import.meta.url));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return lines.split("\n")
    .map((line) => line.replace(/#.*/, "").trim())
    .filter((line) => line !== "")
    .map((line) => Uint8Array.fromHex(line));
}
