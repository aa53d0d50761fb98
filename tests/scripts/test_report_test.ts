import assert from "node:assert/strict";
import { MarkLines, skipLines, skippedTests } from "../../scripts/test_report.ts";

Deno.test("marks of tests share lines, other lines stay", () => {
  const marks = new MarkLines();
  const print = (lines: readonly string[]) => lines.map((line) => marks.line(line)).join("");
  assert.equal(
    print([".", "\x1b[36m,\x1b[0m", "!", "", "ok | 1 passed", "", "."]),
    ".,!\nok | 1 passed\n\n.",
  );
  assert.equal(
    print(["a line of a test", ...Array(101).fill(".")]),
    `\na line of a test\n${".".repeat(100)}\n.`,
  );
});

Deno.test("skipped tests are counted by the reasons in their names", () => {
  const report = `<testsuites><testsuite name="./a_test.ts" tests="5">
        <testcase name="a &quot;b&quot; &lt;c&gt; &amp; &apos;d&apos; &#x1f30d;" classname="./a_test.ts" time="0.000">
            <skipped/>
        </testcase>
        <testcase name="one (skipped: no chromium)" classname="./a_test.ts">
            <skipped/>
        </testcase>
        <testcase name="passes" classname="./a_test.ts" time="0.000">
        </testcase>
        <testcase name="steps &gt; skipped: no chromium" classname="./a_test.ts">
            <skipped/>
        </testcase>
    </testsuite></testsuites>`;
  const names = skippedTests(report);
  assert.deepEqual(names, [
    "a \"b\" <c> & 'd' 🌍",
    "one (skipped: no chromium)",
    "steps > skipped: no chromium",
  ]);
  assert.deepEqual(skipLines(names), [
    "2 skipped: no chromium",
    "1 skipped: a \"b\" <c> & 'd' 🌍",
  ]);
  assert.deepEqual(skipLines([]), []);
});
