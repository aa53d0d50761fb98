import assert from "node:assert/strict";
import { type LiveState, liveView, sparkline } from "../../../src/load/report/live_view.ts";

const STATE: LiveState = {
  label: "round 2 of 9 · 127.0.0.1:50051 · vrpc.echo.v1.EchoService/Echo",
  elapsedMs: 12_400,
  durationMs: 30_000,
  stage: "rise",
  live: { total: 24_000, failed: 12, rateNow: 2013.4, p50Us: 488, p99Us: 1240 },
  history: {
    rates: Array.from({ length: 200 }, (_, i) => 10 * i),
    p99Us: Array.from({ length: 200 }, (_, i) => i % 7 === 0 ? null : 900),
  },
};

Deno.test("liveView() fits into any width", () => {
  for (const columns of [20, 40, 79, 80, 120, 300]) {
    for (const line of liveView(STATE, columns)) {
      assert.ok([...line].length <= columns, `${columns}: ${line}`);
    }
  }
});

Deno.test("liveView() has the figures of the last second, wide in one line, narrow below each other", () => {
  const wide = liveView(STATE, 120);
  assert.match(wide[0], /Echo · 12 s of 30 s · stage rise$/);
  assert.match(
    wide[1],
    /^rate 2,013\/s +p50 488 μs +p99 1\.24 ms +calls 24,000 +failed 12 \(0\.05 %\)/,
  );
  assert.match(wide[2], /^rate {3}▁+▂+▃+▄+▅+▆+▇+█+$/);
  assert.match(wide.at(-1)!, /^█+░+ {2}41 %$/);
  const narrow = liveView(STATE, 30);
  for (const line of ["12 s of 30 s", "rate   2,013/s", "p99    1.24 ms", "failed 12 (0.05 %)"]) {
    assert.ok(narrow.includes(line), `${line} in ${narrow.join("\n")}`);
  }
  assert.ok(narrow[0].endsWith("…"));
});

Deno.test("liveView() of a run that has just begun has no figures", () => {
  const live = { total: 0, failed: 0, rateNow: 0, p50Us: null, p99Us: null };
  const history = { rates: [], p99Us: [] };
  const begun = { ...STATE, elapsedMs: -500, live, history, stage: undefined };
  assert.match(
    liveView(begun, 100).join("\n"),
    /warming up, 500 ms left\nrate 0\/s +p50 - +p99 - /,
  );
});

Deno.test("sparkline() goes from 0 to the largest value", () => {
  assert.equal(sparkline([0, 1, 2, 4, 8], 10), "▁▂▃▅█");
  assert.equal(sparkline([0, 0], 10), "▁▁");
  assert.equal([...sparkline(new Array(100).fill(3), 10)].length, 10);
  assert.equal(sparkline([], 10), "");
});
