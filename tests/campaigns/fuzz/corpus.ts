/**
 * Inputs that are kept: tests/corpus/TARGET.txt, one per line in hexadecimal digits. A number and a space in front
 * are the seed that it failed with. `#` begins a remark.
 */

/** One input that is kept. */
export interface Kept {
  readonly input: Uint8Array;
  /** What decides the rest of its run; undefined when any will do. */
  readonly seed?: number;
}

/** A kept input as a line. */
export function lineOf({ input, seed }: Kept): string {
  return seed === undefined ? input.toHex() : `${seed} ${input.toHex()}`;
}

/** The inputs of a file's text. */
export function parseCorpus(text: string): Kept[] {
  return text.split("\n")
    .map((line) => line.replace(/#.*/, "").trim())
    .filter((line) => line !== "")
    .map((line) => {
      const parts = line.split(" ");
      const input = Uint8Array.fromHex(parts.at(-1)!);
      return parts.length === 1 ? { input } : { input, seed: Number(parts[0]) };
    });
}

/** The kept inputs of a target. */
export function corpus(name: string): Kept[] {
  try {
    return parseCorpus(
      Deno.readTextFileSync(new URL(`../corpus/${name}.txt`, import.meta.url)),
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
