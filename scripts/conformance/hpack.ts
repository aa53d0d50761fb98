/**
 * HPACK against hpack.js, in both directions.
 *
 * @module
 */

import { join } from "node:path";
import { capture } from "./process.ts";
import type { Stage } from "./stage.ts";
import { ROOT } from "./tools.ts";

/** Stages for header compression. */
export const HPACK_STAGES: Stage[] = [{
  name: "HPACK, hpack.js at the other end",
  expected: 400,
  needs: [],
  limitSeconds: 120,
  async run(limitMs) {
    const { output } = await capture(
      [Deno.execPath(), "run", "-A", "--no-check", join(ROOT, "tests/compat/conformance/hpack.ts")],
      { limitMs },
    );
    const passed = output.match(/^PASS /gm)?.length ?? 0;
    const failures = output.match(/^FAIL .*(\n(?!PASS|FAIL).*)*/gm) ?? [];
    const report = passed === 0 ? output.slice(-4000) : failures.slice(0, 5).join("\n");
    return { passed, total: passed + failures.length, report };
  },
}];
