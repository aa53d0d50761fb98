import assert from "node:assert/strict";
import { type OpenCall, OpenCalls } from "../../../src/rpc/core/open_calls.ts";

const calls = (count: number): OpenCall[] =>
  Array.from({ length: count }, () => ({ openSlot: -1 }));

Deno.test("calls are removed in any order, once", () => {
  const open = new OpenCalls();
  const all = calls(5);
  for (const call of all) open.add(call);
  for (const i of [0, 3, 3, 4, 1]) open.remove(all[i]);
  assert.deepEqual(all.map(({ openSlot }) => openSlot), [-1, -1, 0, -1, -1]);
  const ended: OpenCall[] = [];
  open.endAll((call) => ended.push(call), () => assert.fail());
  assert.deepEqual(ended, [all[2]]);
  assert.equal(open.size, 0);
});

Deno.test("every call is ended, whatever another throws, removes or adds", () => {
  const open = new OpenCalls();
  const all = calls(4);
  for (const call of all) open.add(call);
  const later = calls(1)[0];
  const ended: number[] = [];
  const thrown: unknown[] = [];
  open.endAll((call) => {
    open.remove(all[3]);
    if (ended.length === 0) open.add(later);
    ended.push(all.indexOf(call));
    throw ended.length;
  }, (error) => thrown.push(error));
  assert.deepEqual(ended, [0, 1, 2, 3]);
  assert.deepEqual(thrown, [1, 2, 3, 4]);
  assert.equal(later.openSlot, 0);
});
