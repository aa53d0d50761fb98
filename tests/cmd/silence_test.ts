import assert from "node:assert/strict";
import { Silence } from "../../cmd/vrpc/silence.ts";
import { RpcError, Status } from "../../mod.ts";

/** Resolves to the reason of the signal once it has fired. */
function reasonOf({ signal }: Silence): Promise<unknown> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(signal.reason));
  });
}

Deno.test("Silence ends a call whose server takes no message and sends no reply", async () => {
  const silence = new Silence(20);
  const reason = reasonOf(silence);
  silence.begin();
  const error = await reason;
  assert.ok(error instanceof RpcError);
  assert.equal(error.code, Status.DEADLINE_EXCEEDED);
  assert.match(
    error.message,
    /did not answer within 20 ms; --timeout-ms sets another limit, 0 none$/,
  );
});

Deno.test("Silence does not count while the client reads its input, and ends at the first reply", async () => {
  const paused = new Silence(20);
  paused.begin();
  paused.pause();
  const replied = new Silence(20);
  replied.begin();
  replied.end();
  replied.begin();
  const unlimited = new Silence(Infinity);
  unlimited.begin();
  // Starts last: by its end the others would have fired.
  const last = new Silence(40);
  last.begin();
  await reasonOf(last);
  assert.deepEqual([paused, replied, unlimited].map(({ signal }) => signal.aborted), [
    false,
    false,
    false,
  ]);
});
