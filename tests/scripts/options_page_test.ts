import assert from "node:assert/strict";
import { cells, optionsPage } from "../../scripts/options_page.ts";
import { whole } from "../../src/limits/ranges.ts";

const PAGE = new URL("../../docs/options.md", import.meta.url);

Deno.test("docs/options.md lists the options that exist, with the ranges and defaults of the code", async () => {
  assert.equal(await Deno.readTextFile(PAGE), await optionsPage());
});

Deno.test("a docstring must state the range and the default of the code", () => {
  const tables = { ranges: { frameBytes: whole(512, 65_536) }, defaults: { frameBytes: 16_384 } };
  const row = (doc: string) => cells({ name: "frameBytes", doc }, tables);
  assert.deepEqual(row("Largest frame. 512 to 64 KiB. Default 16 KiB (why)."), {
    range: "512 to 64 KiB",
    value: "16 KiB (why)",
    sentence: "Largest frame.",
  });
  assert.deepEqual(row("Largest frame. 512 to 64 KiB. Default 16 KiB, or 1 KiB."), {
    range: "512 to 64 KiB",
    value: "16 KiB",
    sentence: "Largest frame. Default 16 KiB, or 1 KiB.",
  });
  assert.throws(() => row("Largest frame. 512 to 32 KiB. Default 16 KiB."), /must state "512 to/);
  assert.throws(
    () => row("Largest frame. 512 to 64 KiB. Default 8 KiB."),
    /must state "Default 16/,
  );
  assert.throws(() => row("Largest frame. 512 to 64 KiB."), /does not end with "Default/);
});
