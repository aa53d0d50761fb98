/**
 * HPACK against hpack.js, in both directions.
 *
 * @module
 */

import { ourProgram } from "./our_program.ts";
import { capture } from "./process.ts";
import type { Stage } from "./stage.ts";

/** Stages for header compression. */
export const HPACK_STAGES: Stage[] = [{
  name: "HPACK, hpack.js at the other end",
  expected: 400,
  needs: [],
  limitSeconds: 120,
  async run(limitMs) {
    const { output } = await capture(ourProgram("tests/compat/conformance/hpack.ts"), { limitMs });
    const passed = output.match(/^PASS /gm)?.length ?? 0;
    const failures = output.match(/^FAIL .*(\n(?!PASS|FAIL).*)*/gm) ?? [];
    const report = passed === 0 ? output.slice(-4000) : failures.slice(0, 5).join("\n");
    return { passed, total: passed + failures.length, report };
  },
}];
