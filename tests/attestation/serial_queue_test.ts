import assert from "node:assert/strict";
import { AttestationError } from "../../src/attestation/attestation_error.ts";
import { SerialQueue } from "../../src/attestation/serial_queue.ts";

Deno.test("SerialQueue counts the running task, and says what is too much", async () => {
  const queue = new SerialQueue(2, "tasks wait");
  const { promise, resolve } = Promise.withResolvers<void>();
  const both = [queue.run(() => promise), queue.run(() => Promise.reject(new Error("second")))];
  await assert.rejects(
    queue.run(() => Promise.resolve()),
    (error) =>
      error instanceof AttestationError && error.reason === "busy" &&
      error.message === "2 tasks wait already",
  );
  resolve();
  await Promise.allSettled(both);
  assert.equal(await queue.run(() => Promise.resolve(3)), 3);
});
