/**
 * Stored inputs: tests/campaigns/corpus/TARGET.txt, one per line in hexadecimal digits, after the seed that it failed
 * with and a space. `#` starts a comment.
 */

/** Stored input. */
export interface Kept {
  readonly input: Uint8Array;
  /** Seed of its run; undefined for any. */
  readonly seed?: number;
}

/** Formats an input as a line. */
export function lineOf({ input, seed }: Kept): string {
  return seed === undefined ? input.toHex() : `${seed} ${input.toHex()}`;
}

/** Parses the inputs of a file. */
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

/** Reads the stored inputs of a target. */
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
