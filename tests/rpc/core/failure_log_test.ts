import assert from "node:assert/strict";
import { getLogger, type LogRecord } from "@logtape/logtape";
import { FailureLog } from "../../../src/rpc/core/failure_log.ts";
import { trapProxy } from "../../fixtures/misbehaviour.ts";
import { printed } from "../../fixtures/printed.ts";
import { captureLog } from "../../../src/testing/captured_log.ts";

const logger = getLogger(["vrpc", "server"]);

/** Runs `body` with LogTape configured for a category, and returns what it logs there. */
async function logged(category: string[], body: () => void): Promise<readonly LogRecord[]> {
  await using log = await captureLog({ category });
  body();
  return log.records;
}

Deno.test("without LogTape a failure is printed by console.error, with its cause", () => {
  const cause = new Error("why");
  const lines = printed(() =>
    new FailureLog(logger, true).error("The handler of {method} failed (call {call}): {error}", {
      method: "/a",
      call: "7",
      error: cause,
    })
  );
  assert.deepEqual(lines, [["vrpc: The handler of /a failed (call 7):", cause]]);
});

Deno.test("an option turns printing off", () => {
  assert.deepEqual(printed(() => new FailureLog(logger, false).hook("observer.sent", 1)), []);
});

Deno.test("where LogTape is configured for the category, it alone gets the failure", async () => {
  for (const category of [[], ["vrpc"], ["vrpc", "server"]]) {
    let lines: unknown[][] = [];
    const records = await logged(category, () => {
      lines = printed(() => new FailureLog(logger, true).hook("observer.sent", "why"));
    });
    assert.deepEqual(lines, []);
    assert.deepEqual(records.map(({ level, properties }) => [level, properties]), [
      ["error", { hook: "observer.sent", error: "why" }],
    ]);
  }
});

Deno.test("a configuration of other categories does not hide failures", async () => {
  let lines: unknown[][] = [];
  const records = await logged(["app"], () => {
    lines = printed(() => new FailureLog(logger, true).hook("observer.sent", "why"));
  });
  assert.equal(records.length, 0);
  assert.equal(lines.length, 1);
});

Deno.test("a printed failure is printable: no line is forged, no terminal steered", () => {
  const lines = printed(() =>
    new FailureLog(logger, true).error("The handler of {method} failed: {error}", {
      method: "/a\n\x1b]0;b",
      error: new Error("c\nvrpc: d\u202e\x9b"),
    })
  );
  assert.equal(lines[0][0], "vrpc: The handler of /a\\u000a\\u001b]0;b failed:");
  assert.match(lines[0][1] as string, /^Error: c\\u000avrpc: d\\u202e\\u009b\n {4}at /);
});

Deno.test("more than 100 lines in a second are counted instead of printed", () => {
  const log = new FailureLog(logger, true);
  const lines = printed(() => {
    for (let i = 0; i < 250; i++) log.hook("observer.sent", i);
  });
  assert.ok(lines.length <= 101, `${lines.length}`);
});

Deno.test("no value makes it throw", () => {
  printed(() => new FailureLog(logger, true).hook("observer.sent", trapProxy()));
});
