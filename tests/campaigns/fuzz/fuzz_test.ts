import assert from "node:assert/strict";
import { Random } from "../simulation/random.ts";
import { lineOf, parseCorpus } from "./corpus.ts";
import { bendHttp2, bendLean, splitHttp2, splitLean } from "./frames.ts";
import { Fuzzer, TARGETS } from "./fuzzer.ts";
import { join, minimize, type Target } from "./target.ts";
import { transcripts } from "./transcripts.ts";

const MUTANTS = 500;

for (const target of TARGETS) {
  Deno.test(`${target.name}: ${target.invariant}`, async () => {
    const fuzzer = new Fuzzer(target);
    let failure = await fuzzer.runKept();
    for (let seed = 1; seed <= MUTANTS && failure === null; seed++) {
      failure = await fuzzer.runMutant(seed);
    }
    if (failure === null) return;
    assert.fail(`${failure.error.stack}\n${lineOf(failure)}`);
  });
}

Deno.test("transcripts are cut into frames and joined again", () => {
  for (const [wire, split] of [["grpc", splitHttp2], ["lean", splitLean]] as const) {
    for (const by of ["client", "server"] as const) {
      for (const transcript of transcripts(wire, by)) {
        const units = split(transcript);
        assert.ok(units.length > 3);
        assert.deepEqual(join(units), transcript);
      }
    }
  }
});

Deno.test("a stored input round-trips with its seed", () => {
  const kept = [{ input: Uint8Array.of(1, 2) }, { input: Uint8Array.of(0, 255), seed: 177e13 }];
  assert.deepEqual(parseCorpus(`# why\n\n${kept.map(lineOf).join("\n")} # and more\n`), kept);
});

Deno.test("mutated frames mostly stay frames", () => {
  const random = new Random(1);
  for (
    const [bend, split, wire] of [
      [bendHttp2, splitHttp2, "grpc"],
      [bendLean, splitLean, "lean"],
    ] as const
  ) {
    const frame = split(transcripts(wire, "server")[0]).at(-1)!;
    let whole = 0;
    for (let i = 0; i < 1_000; i++) {
      if (split(bend(frame, random))[0].length >= frame.length - 8) whole++;
    }
    assert.ok(whole > 800, `${whole}`);
  }
});

Deno.test("minimize() keeps only what a failure needs", async () => {
  const target: Target = {
    name: "sevens",
    invariant: "no seven follows a seven",
    seeds: () => [],
    split: (input) => [input.subarray(0, 3), input.subarray(3)],
    bend: (unit) => unit,
    run(input) {
      if (input.toHex().includes("0707")) throw new Error("sevens");
    },
  };
  const small = await minimize(target, Uint8Array.of(1, 2, 7, 7, 5, 6, 7, 8), 0);
  assert.deepEqual(small, Uint8Array.of(7, 7));
});
