import assert from "node:assert/strict";
import { Lifeline } from "../../../src/rpc/workers/lifeline.ts";

const MODULE = `
  let lifeline;
  self.onmessage = ({ data }) => {
    lifeline ??= data.lifeline;
    self.postMessage("held");
    if (data.closes) self.close();
  };`;

async function held(lifeline: Lifeline, closes = false): Promise<Worker> {
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(MODULE)}`, {
    type: "module",
  });
  const answer = new Promise((resolve) => worker.onmessage = resolve);
  worker.postMessage({ lifeline: lifeline.remote, closes }, [lifeline.remote]);
  await answer;
  return worker;
}

Deno.test("Lifeline shows when its worker has ended", async () => {
  for (const closes of [false, true]) {
    const lifeline = new Lifeline();
    const worker = await held(lifeline, closes);
    if (!closes) {
      let ended = false;
      lifeline.ended.then(() => ended = true);
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal(ended, false);
      worker.terminate();
    }
    await lifeline.wait(30_000);
    worker.terminate();
  }
});

Deno.test("Lifeline waits no longer than it is told to", async () => {
  const lifeline = new Lifeline();
  const worker = await held(lifeline);
  await lifeline.wait(20);
  // The worker is still there.
  const answer = new Promise((resolve) => worker.onmessage = resolve);
  worker.postMessage({});
  await answer;
  worker.terminate();
});
