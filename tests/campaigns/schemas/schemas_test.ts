import assert from "node:assert/strict";
import { compareType, type Findings } from "./campaign.ts";
import { Upb } from "./upb.ts";

const TYPES = 25;
/** Types with a damaged map entry that only upb keeps among the unknown fields. */
const DAMAGED_ENTRIES = [500_040, 800_296, 1_300_320];

Deno.test("the codecs do what protobuf-es and upb do on random types, for a few thousand inputs", async () => {
  const findings: Findings = {
    types: 0,
    inputs: 0,
    byUpb: 0,
    explained: new Map(),
    differences: [],
  };
  // Where Python has no upb, protobuf-es alone is compared.
  await using upb = await Upb.start(Deno.env.get("VRPC_PYTHON") ?? "python3");
  for (let seed = 1; seed <= TYPES; seed++) await compareType(seed, findings, upb);
  for (const seed of DAMAGED_ENTRIES) await compareType(seed, findings, upb);
  assert.deepEqual(findings.differences, []);
  assert.ok(findings.inputs > 2_000, String(findings.inputs));
});
