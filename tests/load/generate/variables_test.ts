import assert from "node:assert/strict";
import {
  type MetadataEntry,
  metadataOf,
  unknownVariable,
  VARIABLE_NAMES,
} from "../../../src/load/generate/variables.ts";

const same = (entries: readonly MetadataEntry[]) => entries;

Deno.test("metadata without variables is made once", () => {
  let made = 0;
  const of = metadataOf([["a", "b"]], (entries) => {
    made++;
    return entries;
  });
  const call = { sequence: 0, worker: 0, workers: 1 };
  assert.deepEqual([of(call), of({ ...call, sequence: 1 })], [[["a", "b"]], [["a", "b"]]]);
  assert.equal(made, 1);
});

Deno.test("request numbers of several workers are different", () => {
  const of = metadataOf([["n", "{{request}}/{{ worker }}"]], same);
  const values = [0, 1, 2].flatMap((sequence) =>
    [0, 1].map((worker) => of({ sequence, worker, workers: 2 })[0][1])
  );
  assert.deepEqual(values, ["0/0", "1/1", "2/0", "3/1", "4/0", "5/1"]);
});

Deno.test("uuid, random and time have a value of their own in each call", () => {
  const of = metadataOf([["u", "{{uuid}}"], ["r", "<{{random}}>"], ["t", "{{time}}"]], same);
  const call = { sequence: 0, worker: 0, workers: 1 };
  const all = Array.from({ length: 100 }, () => of(call));
  for (const [uuid, random, time] of all) {
    assert.match(uuid[1], /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    assert.match(random[1], /^<\d+>$/);
    assert.ok(!Number.isNaN(Date.parse(time[1])));
  }
  assert.equal(new Set(all.map(([uuid]) => uuid[1])).size, 100);
  assert.ok(new Set(all.map(([, random]) => random[1])).size > 90);
});

Deno.test("unknownVariable() finds names that do not exist", () => {
  for (const name of VARIABLE_NAMES) assert.equal(unknownVariable(`a {{${name}}} b`), undefined);
  assert.equal(unknownVariable("{{uuid}} {{ uuidd }}"), "uuidd");
  assert.equal(unknownVariable("{{}}"), "");
  assert.equal(unknownVariable("{a} {{"), undefined);
});
