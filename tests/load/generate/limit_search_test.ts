import assert from "node:assert/strict";
import { LimitSearch } from "../../../src/load/generate/limit_search.ts";
import { Random } from "../../../src/load/generate/random.ts";
import type { Arrivals } from "../../../src/load/generate/schedule.ts";
import { parseConditions } from "../../../src/load/report/fail_if.ts";
import { plan, simulate, simulatedTarget } from "../fixtures.ts";
import { VirtualTime } from "../virtual_time.ts";

/** Searches with `holds` as the server; returns the limit and all rates. */
function searched(holds: (rate: number) => boolean, start = 1000) {
  const search = new LimitSearch(start);
  const rates: number[] = [];
  for (let rate = search.next(); rate !== undefined; rate = search.next()) {
    rates.push(rate);
    search.report(holds(rate));
  }
  return { search, rates };
}

Deno.test("LimitSearch finds any limit within 2 %, from above and from below", () => {
  for (const limit of [0.7, 13, 999, 1000, 1001, 48_000, 2.5e6]) {
    const { search, rates } = searched((rate) => rate <= limit);
    assert.ok(
      search.limit! <= limit && search.limit! >= limit / 1.021,
      `${limit}: ${search.limit}`,
    );
    assert.ok(search.failed! > limit && search.failed! <= limit * 1.021);
    assert.ok(rates.length < 40, `${rates.length} trials`);
  }
});

Deno.test("LimitSearch gives up where nothing holds, and where everything does", () => {
  const nothing = searched(() => false);
  assert.equal(nothing.search.limit, undefined);
  assert.ok(nothing.rates.length < 20);
  const everything = searched(() => true);
  assert.equal(everything.search.failed, undefined);
  assert.equal(everything.rates.length, 60);
});

Deno.test("LimitSearch is not misled by single disturbances", () => {
  const errors = Array.from({ length: 100 }, (_, i) => {
    const random = new Random(i + 1);
    const { search } = searched((rate) => rate <= 3000 && random.fraction() > 0.03);
    return Math.abs((search.limit ?? 0) / 3000 - 1);
  });
  const wrong = errors.filter((error) => error > 0.05).length;
  assert.ok(wrong <= 5, `${wrong} of 100`);
});

/** Server that answers `capacity` calls/s, one after the other, in the order in which they come. */
function limitedServer(time: VirtualTime, capacity: number) {
  let freeMs = 0;
  return simulatedTarget(time, 1000, (_, atMs) => {
    freeMs = Math.max(freeMs, atMs) + 1000 / capacity;
    return freeMs - atMs;
  });
}

for (
  const [arrivals, capacity] of [["uniform", 370], ["uniform", 2500], ["poisson", 2500]] as const
) {
  Deno.test(`a search finds the ${capacity} calls/s of a server within 5 %, ${arrivals} arrivals`, async () => {
    const [condition] = parseConditions("p99<40ms");
    const search = new LimitSearch(1000);
    for (let rate = search.next(); rate !== undefined; rate = search.next()) {
      const time = new VirtualTime();
      const open = { mode: "open", ratePerSecond: rate, durationMs: 3000 } as const;
      const trial = plan({ ...open, arrivals: arrivals as Arrivals });
      const { run } = await simulate(time, limitedServer(time, capacity), trial);
      search.report(condition.check(run).holds && run.schedule!.missed === 0);
    }
    assert.ok(Math.abs(search.limit! / capacity - 1) < 0.05, `${search.limit}`);
  });
}
