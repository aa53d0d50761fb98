import assert from "node:assert/strict";
import { configure, getConfig, getLogger, reset } from "@logtape/logtape";
import { captureLog } from "../../src/testing/mod.ts";

Deno.test("records of the category and those below it are kept, from the level on", async () => {
  await using log = await captureLog({ category: ["app"], lowestLevel: "info" });
  getLogger(["app", "disk"]).warn("{free} of {path} left: {error}", {
    free: 3,
    path: { name: "/" },
    error: new TypeError("full"),
  });
  getLogger(["app"]).debug("below the level");
  getLogger(["other"]).error("another category");
  assert.deepEqual(log.lines, ['warning 3 of {"name":"/"} left: TypeError: full']);
  assert.deepEqual(log.records.map(({ category }) => category), [["app", "disk"]]);
});

Deno.test("its disposal brings the configuration of before back, or none", async () => {
  {
    await using log = await captureLog();
    getLogger(["vrpc", "server"]).info("kept");
    assert.equal(log.records.length, 1);
  }
  assert.equal(getConfig(), null);
  const mine: string[] = [];
  await configure({
    sinks: { mine: ({ rawMessage }) => void mine.push(String(rawMessage)) },
    loggers: [
      { category: ["vrpc"], sinks: ["mine"] },
      { category: ["logtape", "meta"], sinks: [] },
    ],
  });
  try {
    {
      await using log = await captureLog();
      getLogger(["vrpc"]).info("for the test");
      assert.deepEqual(log.lines, ["info for the test"]);
    }
    getLogger(["vrpc"]).info("for the program");
    assert.deepEqual(mine, ["for the program"]);
  } finally {
    await reset();
  }
});
