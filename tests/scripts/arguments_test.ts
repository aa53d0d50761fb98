import assert from "node:assert/strict";
import {
  anyText,
  ArgumentError,
  choice,
  choices,
  flag,
  number,
  parse,
  whole,
} from "../../scripts/arguments.ts";

const OPTIONS = {
  minutes: number(1, 0.01, 600),
  rounds: whole(undefined, 6, 1_000),
  wire: choice(["grpc", "lean"], undefined),
  peers: choices(["vrpc", "tonic", "go"]),
  only: anyText(""),
  shrink: flag(true),
};

const read = (...args: string[]) => parse(args, OPTIONS, ["silent", "bulk"]);

Deno.test("missing options have their defaults", () => {
  assert.deepEqual(read(), {
    values: {
      minutes: 1,
      rounds: undefined,
      wire: undefined,
      peers: ["vrpc", "tonic", "go"],
      only: "",
      shrink: true,
    },
    names: [],
  });
});

Deno.test("values are read in both forms", () => {
  const { values, names } = read(
    ...["--minutes=0.5", "--rounds", "6", "--wire", "lean", "bulk", "--no-shrink"],
    ...["--peers", "tonic,vrpc", "--only", "a b", "silent"],
  )!;
  assert.deepEqual(values, {
    minutes: 0.5,
    rounds: 6,
    wire: "lean",
    peers: ["tonic", "vrpc"],
    only: "a b",
    shrink: false,
  });
  assert.deepEqual(names, ["bulk", "silent"]);
});

Deno.test("--help takes precedence over invalid values", () => {
  assert.equal(read("--help", "--minutes", "x"), null);
});

const WRONG: [args: string[], message: RegExp][] = [
  [["--minutes", "x"], /^Cannot use --minutes "x": it must be a number from 0.01 to 600$/],
  [["--minutes", ""], /--minutes "": it must be/],
  [["--minutes", "NaN"], /it must be a number/],
  [["--minutes", "0"], /from 0.01 to 600$/],
  [["--minutes", "601"], /from 0.01 to 600$/],
  [["--rounds", "Infinity"], /from 6 to 1000$/],
  [["--rounds", "6.5"], /"6.5": it must be a whole number$/],
  [["--rounds", "5"], /from 6 to 1000$/],
  [["--wire", "http"], /^Cannot use --wire "http": it must be one of grpc, lean$/],
  [["--peers", "vrpc,none"], /must be one of vrpc, tonic, go$/],
  [["--peers", ""], /must be one of vrpc/],
  [["--minuets", "1"], /^Unknown option '--minuets'$/],
  [["--minutes"], /--minutes.*argument missing$/],
  [["--shrink=1"], /--shrink.* does not take an argument$/],
  [["loud"], /^Cannot take "loud": must be one of silent, bulk$/],
];

for (const [args, message] of WRONG) {
  Deno.test(`wrong: ${args.join(" ")}`, () => {
    assert.throws(() => read(...args), (error) => {
      assert.ok(error instanceof ArgumentError);
      assert.match(error.message, message);
      assert.equal(error.message.split("\n").length, 1);
      return true;
    });
  });
}

Deno.test("names are accepted only if declared", () => {
  assert.throws(
    () => parse(["one"], OPTIONS),
    /^ArgumentError: Cannot take "one"$|Cannot take "one"/,
  );
  assert.deepEqual(parse(["one"], OPTIONS, "any")!.names, ["one"]);
});
