import assert from "node:assert/strict";
import { PriorityNames } from "../../../src/xds/balancers/priority_names.ts";

Deno.test("priority names: kept by priorities whose localities move", () => {
  const names = new PriorityNames();
  const next = (...priorities: string[]) =>
    names.next(priorities.map((one) => one.split(" "))).map((name) => name.slice(-1)).join("");
  assert.equal(next("a", "b", "c"), "012");
  assert.equal(next("a", "b", "c"), "012");
  assert.equal(next("a b", "c"), "02");
  assert.equal(next("a", "d"), "03");
  assert.equal(next("d", "a"), "30");
});
