import assert from "node:assert/strict";
import { AttestationError } from "../../src/attestation/attestation_error.ts";
import { VerificationQueue } from "../../src/attestation/verification_queue.ts";

Deno.test("VerificationQueue runs one at a time, in order, and goes on after a failure", async () => {
  const queue = new VerificationQueue();
  const log: string[] = [];
  let running = 0;
  const job = (name: string) => async () => {
    assert.equal(++running, 1);
    await queue.check(() => Promise.resolve(true));
    log.push(name);
    running--;
    if (name === "b") throw new Error("b");
    return name;
  };
  const all = await Promise.allSettled(["a", "b", "c"].map((name) => queue.run(job(name))));
  assert.deepEqual(log, ["a", "b", "c"]);
  assert.deepEqual(all.map((one) => one.status), ["fulfilled", "rejected", "fulfilled"]);
});

Deno.test("VerificationQueue refuses the 257th that waits, and takes others later", async () => {
  const queue = new VerificationQueue();
  const { promise, resolve } = Promise.withResolvers<void>();
  const waiting = Array.from({ length: 256 }, () => queue.run(() => promise));
  await assert.rejects(
    queue.run(() => Promise.resolve()),
    (error) => error instanceof AttestationError && error.reason === "busy",
  );
  resolve();
  await Promise.all(waiting);
  assert.equal(await queue.run(() => Promise.resolve(5)), 5);
});
