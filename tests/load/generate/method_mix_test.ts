import assert from "node:assert/strict";
import { RpcError, Status } from "../../../mod.ts";
import type { CallSpec, RawChannel } from "../../../src/load/generate/channel_target.ts";
import { mixedTarget, WeightedTurns } from "../../../src/load/generate/method_mix.ts";

const spec = (path: string, ...sizes: number[]): CallSpec => ({
  path,
  kind: "unary",
  requests: {
    encoded: sizes.map((size) => [new Uint8Array(size)]),
    order: "round-robin",
    seed: 1,
  },
});

function recordingChannel(calls: string[]): RawChannel {
  return {
    call(path, payload) {
      calls.push(`${path} ${payload.length}`);
      return path === "/a/Bad"
        ? Promise.reject(new RpcError(Status.INTERNAL, "no"))
        : Promise.resolve(new Uint8Array(1));
    },
    session: () => {
      throw new Error("no streams here");
    },
  };
}

Deno.test("WeightedTurns takes turns evenly, in proportion to the weights", () => {
  const of = (weights: number[], count: number) => {
    const turns = new WeightedTurns(weights);
    return Array.from({ length: count }, () => turns.next());
  };
  assert.deepEqual(of([3, 1], 8), [0, 0, 1, 0, 0, 0, 1, 0]);
  assert.deepEqual(of([1], 3), [0, 0, 0]);
  const many = of([0.5, 0.3, 0.2], 1000);
  assert.deepEqual([0, 1, 2].map((i) => many.filter((one) => one === i).length), [500, 300, 200]);
});

Deno.test("mixedTarget() calls each method by its weight, with all rows of each", async () => {
  const calls: string[] = [];
  const target = mixedTarget([recordingChannel(calls)], 2, [
    { spec: spec("/a/One", 1, 2), weight: 1 },
    { spec: spec("/a/Two", 7, 8), weight: 1 },
  ]);
  const methods: number[] = [];
  const sent: number[] = [];
  for (let i = 0; i < 8; i++) {
    await target.call(i % 2, i);
    methods.push(target.methodOf!(i % 2));
    sent.push(target.sentBytes(i % 2));
  }
  assert.equal(target.methods, 2);
  assert.deepEqual(methods, [0, 1, 0, 1, 0, 1, 0, 1]);
  assert.deepEqual(sent, [1, 7, 2, 8, 1, 7, 2, 8]);
  assert.deepEqual(calls.slice(0, 4), ["/a/One 1", "/a/Two 7", "/a/One 2", "/a/Two 8"]);
});

Deno.test("mixedTarget() of one method counts no methods", () => {
  const target = mixedTarget([recordingChannel([])], 1, [{ spec: spec("/a/One", 1), weight: 5 }]);
  assert.equal(target.methods, undefined);
});
